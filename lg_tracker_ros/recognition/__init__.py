"""Whether what was found is the target: look, calibrated confidence."""
