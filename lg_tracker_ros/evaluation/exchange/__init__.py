"""Other toolkits' protocols and submissions."""
