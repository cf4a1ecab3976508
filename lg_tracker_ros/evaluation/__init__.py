"""Measuring: data sets, protocols, metrics, peers and reports; nothing here knows ROS."""
