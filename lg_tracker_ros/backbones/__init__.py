"""Feature extractors that the trackers and re-detectors share."""
