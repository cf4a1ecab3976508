"""Where the target is beyond the image: bearing, pose, frame and prediction (docs/world.md)."""
