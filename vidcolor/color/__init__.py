"""Colour spaces and code values; nothing here knows a film."""
