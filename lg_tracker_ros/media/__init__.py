"""Images in and out: files, webcams, encodings of messages, drawings."""
