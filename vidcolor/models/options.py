"""The values that options of models take. Free of torch, so that a command line can list them at once."""

from __future__ import annotations

PRECISIONS = ("auto", "float32", "bfloat16", "float16")
"""What nets compute in; `auto`: what the device is quick in (`precision.choose`)."""
MATCHERS = ("trained", "plain")
"""How `exemplar` matches: by learned descriptors, or by the encoder's own features."""
TRANSFERS = ("adain", "wct")
"""How `adain` transfers statistics: mean and deviation of each channel, or their full covariance."""
SKETCH_OUTPUTS = ("auto", "fill", "ab")
"""What `sketch` gives: colour under the lines with new luma, ab with the film's luma, or by the shot which of them."""
