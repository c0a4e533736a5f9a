"""What moves in a shot, and how colours follow it."""
