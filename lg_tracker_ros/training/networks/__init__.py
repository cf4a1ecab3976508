"""The networks that can be trained: samples, losses, validation."""
