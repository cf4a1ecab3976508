"""What the node is made of: its transitions, its optional parts, parameters that change."""
