"""`--model anchors` (Xia et al., SIGGRAPH Asia 2022)."""
