"""What an encoder takes is found by asking it."""

from __future__ import annotations

import os
from fractions import Fraction
from functools import lru_cache

os.environ.setdefault("SVT_LOG", "0")  # else SVT-AV1 writes to stderr, past libav's log


@lru_cache(maxsize=256)
def opens(encoder: str, width: int, height: int, pix_fmt: str, options: tuple[tuple[str, str], ...]) -> bool:
    """Whether libav's encoder opens for pictures of this size and format with these options."""
    import av
    from av.codec import CodecContext

    context = CodecContext.create(encoder, "w")
    context.width, context.height, context.pix_fmt = width, height, pix_fmt  # type: ignore[attr-defined]
    context.time_base = Fraction(1, 24)
    context.options = dict(options)
    try:
        context.open()
    except (av.FFmpegError, ValueError):
        return False
    return True
