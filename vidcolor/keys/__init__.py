"""The user's references: read, and recognised in the film."""
