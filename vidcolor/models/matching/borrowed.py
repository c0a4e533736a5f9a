"""Colours borrowed from another shot's key: how far they are trusted, and what the rest of the frame gets.

A key of another shot may show other things, and the most similar one always matches. So two questions are asked. Is it
the same scene at all? Then a frame's places are very similar to those of the key that they match, and matching back
from the key leads to where it started. And is this place's colour right? Both answers are logistic models, fitted by
`scripts/fit_borrowed.py` on 460 pairs of a frame and a key: unrelated clips, photographs, or the same clip (later,
beside, nearer or farther, mirrored, lighter or darker). Of several fits it is the strictest, as a wrong colour is worse
than a missing one. On 160 such pairs of held-out clips, mean CIEDE2000 (99th percentile of a frame) with unrelated keys
is 9.0 (21), with all matches 13.1 (29), of grey 9.4 (22); with keys of the same clip it is 2.9 (14), with all matches
2.7 (13).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

from vidcolor.models.matching.base import KeyTokens, Match, Tokens

RETURN = 0.06
"""Distance, in frame heights, between a place and its match back at which the match back counts 1/e."""
WINDOW = 0.28
"""Side of the windows over which similarity is averaged, in frame heights."""
BEST = 0.9
"""Quantile over the windows that counts for the frame: another shot may show only a part of the scene."""
SCENE = (-43.65, 44.4)
"""Bias and weight of that quantile in the model of 'this is the same scene'."""
RIGHT = (-4.81, 6.45, -0.107, 2.05)
"""Bias and weights of a place's cosine, the spread of its copied colours and the scene's probability in the model of
'this colour is right', that is, less than 10 ab units off."""
SCENE_RAMP, RIGHT_RAMP = (0.2, 0.8), (0.5, 0.8)
"""Probabilities from which colours begin to count and from which they count fully."""
KNOWN = 0.5
"""Confidence from which colours have full strength."""
MUTED = 0.5
"""Strength of the colorization sub-net's own colours where confidence is 0. Half strength is nearer to the truth on
average than grey and than full strength (8.8, 9.3 and 9.2 CIEDE2000 on the held-out clips), and never glaring."""


def trust(frame: Tokens, keys: KeyTokens, match: Match) -> torch.Tensor:
    """(h / 4, w / 4) in 0..1: how far matched colours from keys of other shots are trusted."""
    scene = torch.sigmoid(SCENE[0] + SCENE[1] * alike(frame, keys, match))
    cosine, _, _, spread = match.evidence
    right = torch.sigmoid(RIGHT[0] + RIGHT[1] * cosine + RIGHT[2] * spread + RIGHT[3] * scene)
    return _ramp(scene, *SCENE_RAMP) * _ramp(right, *RIGHT_RAMP)


def alike(frame: Tokens, keys: KeyTokens, match: Match) -> torch.Tensor:
    """How similar a part of the frame is to the keys, 0 to 1.5 (`likeness`)."""
    found = likeness(frame, keys, match)
    side = max(3, int(WINDOW * len(found)) | 1)
    windows = F.avg_pool2d(found[None, None], side, 1, side // 2, count_include_pad=False)
    return torch.quantile(windows, BEST)


def likeness(frame: Tokens, keys: KeyTokens, match: Match) -> torch.Tensor:
    """(h / 8, w / 8): cosine of each place with the key's place most like it, plus up to 0.5 if matching back from
    there leads near the place itself."""
    h8, w8 = frame.coarse.shape[-2:]
    queries = frame.coarse[0].flatten(1).T
    chosen = keys.coarse[:, match.nearest].T
    back = (chosen @ queries.T).argmax(1)
    y, x = torch.meshgrid(*(torch.arange(n, device=back.device) for n in (h8, w8)), indexing="ij")
    place = torch.stack([y, x], -1).flatten(0, 1) / h8
    apart = torch.linalg.vector_norm(place - place[back], dim=1)
    return ((chosen * queries).sum(1) + 0.5 * torch.exp(-apart / RETURN)).view(h8, w8)


def strength(confidence: torch.Tensor) -> torch.Tensor:
    """Strength of colours, `MUTED` to 1, by the confidence 0..1 of matched colours there."""
    return MUTED + (1 - MUTED) * (confidence / KNOWN).clamp(0, 1)


def _ramp(x: torch.Tensor, low: float, high: float) -> torch.Tensor:
    return ((x - low) / (high - low)).clamp(0, 1)
