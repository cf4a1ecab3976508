"""Sequences made from others to measure what those lack."""
