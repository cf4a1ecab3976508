"""Runs over data sets, and what they leave on disk."""
