"""`--model sscn` (Bai et al. 2022)."""
