"""What the long-term tracker is made of: views of frames, their rate, whole images, rivals."""
