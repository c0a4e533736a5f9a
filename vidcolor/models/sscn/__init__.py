"""`--model sscn` (Bai et al., ECCV 2022)."""
