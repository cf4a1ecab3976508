"""Free assets: where they lie, fetching them, rendering objects."""
