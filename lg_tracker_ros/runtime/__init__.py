"""What runs a tracker over incoming frames: queues and the worker's thread. No ROS."""
