"""From pictures and sequences to what a network takes in a step."""
