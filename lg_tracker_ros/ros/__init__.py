"""The ROS 2 side: the only room that imports rclpy (this file and options.py don't)."""
