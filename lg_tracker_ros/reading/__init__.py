"""Reading files that others wrote, or a full disk damaged: what is wrong is told in one line."""
