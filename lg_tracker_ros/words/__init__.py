"""The words of a command line: its parser, and what was meant by a wrong name."""
