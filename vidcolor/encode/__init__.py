"""Codecs, formats and the encoder."""
