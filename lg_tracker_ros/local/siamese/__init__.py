"""Published Siamese networks with heads of their own."""
