"""A film as it is read: its picture, its clock, and all that lies beside the picture."""
