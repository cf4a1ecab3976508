"""Adversarial training (Algorithm 1 of the paper)."""
