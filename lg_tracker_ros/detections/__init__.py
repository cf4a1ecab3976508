"""Boxes of a detector: which one is the target, and where a lost one may be. No ROS."""
