"""``track``: a target followed through sources, without ROS; rows and a video come out."""
