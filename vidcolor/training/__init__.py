"""How the shipped nets are trained. Nothing of the program imports it."""
