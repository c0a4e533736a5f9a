"""`--model adain` (Xu et al. 2020)."""
