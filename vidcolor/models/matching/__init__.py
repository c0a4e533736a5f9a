"""Places of a frame matched against those of keys."""
