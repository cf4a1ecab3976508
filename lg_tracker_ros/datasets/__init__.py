"""Labelled sequences and the readers of data sets."""
