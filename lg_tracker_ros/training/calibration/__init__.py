"""Fitting the confidence of a tracker."""
