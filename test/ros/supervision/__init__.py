"""What lets others watch over the node."""
