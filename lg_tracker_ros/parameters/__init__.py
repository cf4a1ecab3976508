"""Every parameter once: of the tracker and of the node; reading them from files."""
