"""Networks that a tracker goes on learning while it tracks."""
