"""All that is decided before the first frame is coloured."""
