"""What lets others watch over the node; imported only where it is asked for."""
