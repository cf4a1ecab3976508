"""From pixels to rays, distances and places in the optical frame (REP 103); no ROS."""
