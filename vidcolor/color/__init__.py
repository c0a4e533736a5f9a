"""Colour spaces and code values."""
