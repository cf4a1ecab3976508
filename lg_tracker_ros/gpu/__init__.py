"""``python -m lg_tracker_ros.gpu``: what a GPU does with the networks, beside this CPU."""
