"""Networks and blocks that several models share."""
