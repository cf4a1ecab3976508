"""GlobalTrack (Huang et al., AAAI 2020): query-guided detection, as published and for a robot."""
