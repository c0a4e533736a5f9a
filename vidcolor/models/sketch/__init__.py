"""`--model sketch` (Lee et al., CVPR 2020)."""
