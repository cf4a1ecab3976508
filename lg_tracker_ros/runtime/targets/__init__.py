"""The worker's targets: what is asked for them, what is known of them, what is done for them."""
