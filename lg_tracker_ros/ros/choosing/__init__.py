"""What says which target to follow, besides a person who draws a box."""
