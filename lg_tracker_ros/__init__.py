"""Visual tracking of one target, with global re-detection after it is lost."""

__version__ = '0.1.0'
