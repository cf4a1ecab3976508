"""What a node publishes and offers where it follows several targets."""
