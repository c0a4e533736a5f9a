"""Files of pictures."""
