"""Shots: cuts, scene lists, representative frames."""
