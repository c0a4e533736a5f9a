"""A unit of the plan becomes a finished file."""
