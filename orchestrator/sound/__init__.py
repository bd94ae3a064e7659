"""Sound files: what is in them, and as the switch plays them."""
