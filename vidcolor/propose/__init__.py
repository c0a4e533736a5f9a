"""Colours for films that have no key: proposed, chosen from, corrected."""
