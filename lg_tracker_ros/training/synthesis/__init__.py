"""Composed sequences with exact labels."""
