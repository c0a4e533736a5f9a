"""What a run may write, and how it is called."""
