"""What networks and trackers share: crops in cells, layers, correlations."""
