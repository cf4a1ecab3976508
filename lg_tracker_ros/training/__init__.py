"""Losses, discriminators and training loops; nothing of it is needed to track."""
