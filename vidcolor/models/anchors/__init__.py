"""`--model anchors` (Xia et al. 2022)."""
