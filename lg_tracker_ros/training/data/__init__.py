"""Pictures and videos to train on, from folders, recordings and bags."""
