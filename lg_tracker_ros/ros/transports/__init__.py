"""Images that come as something else than images: which topic has them, and their unpacking."""
