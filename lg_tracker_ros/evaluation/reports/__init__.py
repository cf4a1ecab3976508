"""From what runs left to tables, pictures and reports."""
