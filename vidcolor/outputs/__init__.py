"""What a run may write, and what it is called."""
