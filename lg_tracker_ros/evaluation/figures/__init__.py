"""The papers' figures of single sequences and frames: strips, timelines, maps."""
