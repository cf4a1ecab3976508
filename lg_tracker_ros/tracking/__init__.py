"""What tracker.py is made of: views of frames, their rate, searches, rivals, what is learned."""
