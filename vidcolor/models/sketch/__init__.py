"""`--model sketch` (Lee et al. 2020)."""
