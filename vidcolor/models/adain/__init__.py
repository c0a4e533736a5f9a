"""`--model adain` (Xu et al., CVPR 2020)."""
