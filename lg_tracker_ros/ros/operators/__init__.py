"""What operators see and do in RViz, rqt and Foxglove; imported only where it is asked for."""
