"""What the long-term tracker is made of: views of frames, whole images, rivals."""
