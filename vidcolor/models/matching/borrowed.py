"""Colours borrowed from another shot's key: how far they are trusted, and what the rest of the frame gets.

A key of the shot itself shows its things; a key of another shot may show other ones, among which something always
looks most alike. Two questions are asked. Is it the same scene at all? Then a frame's places look very much like
those of the key that they match, and these find their way back: of all the frame's places they look most like the one
that they were found from. And is this place's colour right? Both are logistic models, fitted on 460 pairs of a
frame and a key, of unrelated clips, photographs, or the same clip (later, beside, nearer or farther, mirrored, lighter
or darker), as `scripts/fit_borrowed.py` does; of several fits the strictest, as a wrong colour is worse than a missing
one. On 160 such pairs of held-out clips, mean CIEDE2000 (99th percentile of a frame) with unrelated keys is 9.0 (21),
with all matches 13.1 (29), of grey 9.4 (22); with keys of the same clip it is 2.9 (14), with all matches 2.7 (13).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

from vidcolor.models.matching.base import KeyTokens, Match, Tokens

RETURN = 0.06
"""Distance from a place, in frame heights, at which a match back counts 1/e of one to the place itself."""
WINDOW = 0.28
"""Side of the windows over which likeness is averaged, in frame heights."""
BEST = 0.9
"""Quantile over the windows that stands for the frame: another shot may show only a part of the scene."""
SCENE = (-43.65, 44.4)
"""Bias and weight of that quantile, of 'this is the same scene'."""
RIGHT = (-4.81, 6.45, -0.107, 2.05)
"""Bias and weights of a place's cosine, the spread of its copied colours, and of the scene's probability, of 'this
colour is right', which means less than 10 ab units off."""
SCENE_RAMP, RIGHT_RAMP = (0.2, 0.8), (0.5, 0.8)
"""Probabilities from which colours begin to count, and count fully."""
KNOWN = 0.5
"""Confidence from which a colour is shown as strong as it is found."""
MUTED = 0.5
"""Strength of what the colorization sub-net makes up where nothing is sure. Half of it is nearer to the truth than
grey and than the whole, on average (8.8, 9.3 and 9.2 CIEDE2000 on the held-out clips), and never glaring."""


def trust(frame: Tokens, keys: KeyTokens, match: Match) -> torch.Tensor:
    """(h / 4, w / 4) in 0..1: how far matched colours are to be taken from keys that are not the shot's own."""
    scene = torch.sigmoid(SCENE[0] + SCENE[1] * alike(frame, keys, match))
    cosine, _, _, spread = match.evidence
    right = torch.sigmoid(RIGHT[0] + RIGHT[1] * cosine + RIGHT[2] * spread + RIGHT[3] * scene)
    return _ramp(scene, *SCENE_RAMP) * _ramp(right, *RIGHT_RAMP)


def alike(frame: Tokens, keys: KeyTokens, match: Match) -> torch.Tensor:
    """How much a part of the frame is like the keys, 0 to 1.5 (`likeness`)."""
    found = likeness(frame, keys, match)
    side = max(3, int(WINDOW * len(found)) | 1)
    windows = F.avg_pool2d(found[None, None], side, 1, side // 2, count_include_pad=False)
    return torch.quantile(windows, BEST)


def likeness(frame: Tokens, keys: KeyTokens, match: Match) -> torch.Tensor:
    """(h / 8, w / 8): cosine of a place and the key's place that it looks most like, and half a point more where that
    one's own likest place in the frame is this one; the less the farther it lies."""
    h8, w8 = frame.coarse.shape[-2:]
    queries = frame.coarse[0].flatten(1).T
    chosen = keys.coarse[:, match.nearest].T
    back = (chosen @ queries.T).argmax(1)
    y, x = torch.meshgrid(*(torch.arange(n, device=back.device) for n in (h8, w8)), indexing="ij")
    place = torch.stack([y, x], -1).flatten(0, 1) / h8
    apart = torch.linalg.vector_norm(place - place[back], dim=1)
    return ((chosen * queries).sum(1) + 0.5 * torch.exp(-apart / RETURN)).view(h8, w8)


def strength(confidence: torch.Tensor) -> torch.Tensor:
    """How strong colours are shown, `MUTED` to 1, by the confidence 0..1 of those found around there."""
    return MUTED + (1 - MUTED) * (confidence / KNOWN).clamp(0, 1)


def _ramp(x: torch.Tensor, low: float, high: float) -> torch.Tensor:
    return ((x - low) / (high - low)).clamp(0, 1)
