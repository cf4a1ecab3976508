"""What papers print as tables, of our runs."""
