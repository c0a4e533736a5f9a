"""Proposals for one frame: coloured anchors in three versions, and the pictures made from them.

Pictures are of the film's full size and as a player shows them (turned where the film is), their luma is the frame's
own: they serve as painted keys at once.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch

from vidcolor.color.delta_e import ciede2000
from vidcolor.color.lab import lab_to_rgb, rgb_to_lab
from vidcolor.color.ycbcr import luma01, ycbcr_to_rgb
from vidcolor.errors import VidcolorError, warn
from vidcolor.film import chroma_grid
from vidcolor.film.film import Film, Frame
from vidcolor.film.working_frame import working, working_size
from vidcolor.pictures import marks
from vidcolor.pictures.orientation import turned
from vidcolor.propose.anchors_file import Anchor, hex_of
from vidcolor.propose.request import PROPOSALS
from vidcolor.reasons import reason

if TYPE_CHECKING:
    from vidcolor.models.anchors.model import Analysis, Painter

SHORT = 256
"""Short side at which colours are found, the only one that the nets were trained at."""
DIFFERENT = 3.0
"""Mean CIEDE2000 between any two proposals of a frame, unless it is too dark or too bright for colour."""
CHOICES = (10, 20, 40, 80, 160, 313)
"""How many of the likeliest colours the second and third proposal choose from: ten (Xia et al. 2022), more if the
proposals come out too similar."""
_PANEL = 200
"""Height of a picture on a sheet."""
_MARK = 4
"""Radius of an anchor on a sheet."""


@dataclass(frozen=True)
class Seen:
    """A frame of the film as the nets see it."""

    frame: Frame
    analysis: Analysis
    owner: np.ndarray
    """(h, w) superpixel of every working pixel, turned as the film is shown."""


class Proposer:
    """Proposes colours for frames of one film."""

    def __init__(self, film: Film, painter: Painter, seed: int = 0) -> None:
        self.film, self.painter, self.seed = film, painter, seed
        self.size = size_of(film)

    def see(self, frame: Frame) -> Seen:
        """Analysis at a frame."""
        from vidcolor.models.anchors import superpixels

        l = working(frame.luma, self.film, working_size(self.film, SHORT))
        analysis = self.painter.analyse(torch.from_numpy(l)[None, None])
        owner = superpixels.ids(analysis.association)[0].cpu().numpy()
        return Seen(frame, analysis, shown(owner, self.film))

    def anchors(self, seen: Seen, count: int, proposals: int = PROPOSALS) -> list[Anchor]:
        """Anchors of a frame in one to three versions that differ by `DIFFERENT` or more once they are painted."""
        cells = self.painter.place(seen.analysis, count, self.seed)
        lightness = shown(seen.analysis.lightness[0, 0].cpu().numpy(), self.film)
        places = [(cell, place_of(seen.owner, cell, self.size)) for cell in cells.tolist()]
        made: list[Anchor] = []
        for choice in CHOICES:
            made = []
            for number, colors in enumerate(self.painter.propose(seen.analysis, cells, choice)[:proposals].tolist(), 1):
                for (cell, (x, y)), ab in zip(places, colors, strict=True):
                    l = float(lightness[seen.owner == cell].mean()) if (seen.owner == cell).any() else 50.0
                    made.append(Anchor(seen.frame.index, number, x, y, hex_of(l, ab)))
            if proposals == 1 or self.least_difference(seen, made) >= DIFFERENT:
                break
        return made

    def least_difference(self, seen: Seen, anchors: Sequence[Anchor]) -> float:
        """Mean CIEDE2000 between the two most similar versions of a frame."""
        l = seen.analysis.lightness[0, 0].cpu().numpy()
        versions = []
        for number in sorted({anchor.proposal for anchor in anchors}):
            ab = self.ab(seen, [anchor for anchor in anchors if anchor.proposal == number])
            lab = np.dstack([l, ab])[::2, ::2]
            versions.append(rgb_to_lab(lab_to_rgb(lab)))
        pairs = [(a, b) for n, a in enumerate(versions) for b in versions[:n]]
        return min((float(ciede2000(a, b).mean()) for a, b in pairs), default=float("inf"))

    def ab(self, seen: Seen, anchors: Sequence[Anchor]) -> np.ndarray:
        """(h, w, 2) float32 of one version at working size. Of two anchors on one superpixel the later one counts."""
        from vidcolor.models.anchors.model import Anchors

        h, w = seen.owner.shape
        at: dict[int, Anchor] = {}
        for anchor in anchors:
            y = min(h - 1, int((anchor.y + 0.5) * h / self.size[0]))
            x = min(w - 1, int((anchor.x + 0.5) * w / self.size[1]))
            cell = int(seen.owner[y, x])
            if cell in at:
                warn(
                    f"frame {anchor.frame}, proposal {anchor.proposal}: the anchors at {at[cell].x},{at[cell].y} and "
                    f"{anchor.x},{anchor.y} are on the same superpixel; the later one counts"
                )
            at[cell] = anchor
        given = Anchors(torch.tensor(list(at), dtype=torch.long), torch.tensor([a.ab for a in at.values()]).view(-1, 2))
        return self.painter.paint(seen.analysis, given).permute(1, 2, 0).cpu().numpy()

    def picture(self, seen: Seen, anchors: Sequence[Anchor]) -> np.ndarray:
        """(H, W, 3) RGB of one version, uint8, or uint16 if the film has more than 8 bits."""
        return self._rgb(seen, *chroma_grid.to_planes(self.ab(seen, anchors), seen.frame.luma, self.film, "444"))

    def grey(self, seen: Seen) -> np.ndarray:
        """The grey frame in the same form."""
        return self._rgb(seen, *np.zeros((2, *seen.frame.luma.shape), np.float32))

    def _rgb(self, seen: Seen, cb: np.ndarray, cr: np.ndarray) -> np.ndarray:
        luma, film = seen.frame.luma, self.film
        rgb = ycbcr_to_rgb(luma01(luma, film.coding), cb, cr, film.matrix)
        top, kind = (255, np.uint8) if film.depth == 8 else (65535, np.uint16)
        return shown(np.rint(np.clip(rgb, 0, 1) * top).astype(kind), film)


def shown(picture: np.ndarray, film: Film) -> np.ndarray:
    """A picture (h, w, ...) as coded, turned as a player shows it. `picture.load_key` turns it back."""
    return turned(picture, film.orientation)


def size_of(film: Film) -> tuple[int, int]:
    """(H, W) of a film's pictures as they are written."""
    h, w = shown(np.empty((film.height, film.width, 0)), film).shape[:2]
    return h, w


def place_of(owner: np.ndarray, cell: int, size: Sequence[int]) -> tuple[int, int]:
    """The pixel x, y of a picture (H, W) on a superpixel that is nearest to the superpixel's middle.

    owner: (h, w) superpixel of every working pixel.
    """
    h, w = owner.shape
    rows, columns = (
        np.unique(((np.arange(side) + 0.5) * whole / side).astype(int)) for side, whole in zip((h, w), size)
    )
    back_y = np.minimum(h - 1, ((rows + 0.5) * h / size[0]).astype(int))
    back_x = np.minimum(w - 1, ((columns + 0.5) * w / size[1]).astype(int))
    there = np.argwhere(owner[np.ix_(back_y, back_x)] == cell)
    if not len(there):
        there = np.array([[len(rows) // 2, len(columns) // 2]])
    y, x = there[np.square(there - there.mean(0)).sum(1).argmin()]
    return int(columns[x]), int(rows[y])


def write_picture(path: Path, rgb: np.ndarray, kind: str = marks.PROPOSAL) -> None:
    """Write RGB (h, w, 3) as PNG with the mark of its kind, whole or not at all.

    Raises VidcolorError where that fails, or a picture is there that vidcolor did not write or others changed.
    """
    check_replaced(path, kind)
    try:
        marks.write_marked(path, rgb, kind)
    except OSError as error:
        raise VidcolorError(f"{path}: {reason(error, 'name another folder with `out`')}") from None


def check_replaced(path: Path, kind: str) -> None:
    """Raise VidcolorError if `path` exists and is not as vidcolor wrote it."""
    if os.path.lexists(path) and not marks.is_untouched(path, kind):
        raise VidcolorError(
            f"{path}: not as vidcolor wrote it, so it is not replaced; move it away or name another folder with `out`"
        )


def row_of_sheet(pictures: Sequence[np.ndarray], anchors: Sequence[Sequence[Anchor]], frame: int) -> np.ndarray:
    """A frame's row of the contact sheet, RGB uint8: the grey frame, then its versions with their anchors."""
    h, w = pictures[0].shape[:2]
    size = (max(1, round(_PANEL * w / h)), _PANEL)
    panels = []
    for picture, marked in zip(pictures, [[], *anchors], strict=True):
        small = picture if picture.dtype == np.uint8 else (picture >> 8).astype(np.uint8)
        panel = cv2.resize(small, size, interpolation=cv2.INTER_AREA if h > _PANEL else cv2.INTER_LINEAR)
        for anchor in marked:
            at = (round((anchor.x + 0.5) * size[0] / w), round((anchor.y + 0.5) * size[1] / h))
            rgb = tuple(int(anchor.color[i : i + 2], 16) for i in (1, 3, 5))
            cv2.circle(panel, at, _MARK + 1, (255, 255, 255), -1, cv2.LINE_AA)
            cv2.circle(panel, at, _MARK, rgb, -1, cv2.LINE_AA)
        panels.append(panel)
    number, place = f"{frame:06d}", (6, _PANEL - 8)
    cv2.rectangle(panels[0], (0, _PANEL - 24), (12 + 7 * len(number), _PANEL), (0, 0, 0), -1)
    cv2.putText(panels[0], number, place, cv2.FONT_HERSHEY_SIMPLEX, 0.45, (255, 255, 255), 1, cv2.LINE_AA)
    return np.hstack([np.pad(panel, ((2, 2), (2, 2), (0, 0))) for panel in panels])
