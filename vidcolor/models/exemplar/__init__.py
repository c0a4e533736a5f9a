"""`--model exemplar`, the default."""
