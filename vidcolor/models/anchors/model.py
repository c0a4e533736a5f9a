"""`--model anchors`: the colours of a few anchors decide those of a whole picture (Xia et al., SIGGRAPH Asia 2022).

Anchors are the middles of clusters of superpixels; superpixels are clustered by the modeler's tokens, the backbone's
and their places. (The paper uses the modeler's tokens alone and takes each cluster's largest superpixel. With the
shipped weights and 8 anchors in true colours that is 0.9 CIEDE2000 worse on held-out pictures, and worse than random
places.) Their colours come from the modeler (a proposal), from a reference, or from the user. A shot's anchors are
chosen once; each keeps its colour and is followed from frame to frame.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from vidcolor.models import weights
from vidcolor.models.anchors import superpixels
from vidcolor.models.anchors.net import AnchorsNet
from vidcolor.models.anchors.superpixels import SPixNet
from vidcolor.models.base import Batch, Colored, ShotColors
from vidcolor.models.nets import color_bins
from vidcolor.models.nets.efficientnet_lite import EfficientNetLite
from vidcolor.models.precision import STORED, autocast, choose
from vidcolor.models.references import time_bias
from vidcolor.motion import propagate
from vidcolor.shot import Reference, Shot

FEWEST, DEFAULT, MOST = 3, 8, 14
"""Anchors of a picture: least, default and most."""
RESTARTS = 5
"""Runs of k-means of which the best is kept."""
ITERATIONS = 20
"""Most steps of one run."""
CHOICE = 10
"""Likeliest colours that the second and the third proposal choose from."""
WITH_REFERENCE, WITHOUT = 0.5, 0.25
"""Highest confidence with references, and without any, where even the anchors' colours are guesses."""
ROOM = 15.0
"""ab units around the resulting colour within which the generator's other colours count as the same."""
FAR = 1.0
"""Squared distance of marks (`_marks`) above which a superpixel does not show what an anchor was on; between two
superpixels of a frame it is 2 on average."""
NEAR = 8.0
"""Cost of an anchor's motion from one frame to the next, for each squared frame height, beside that distance."""


def clusters(points: torch.Tensor, count: int, seed: int = 0, restarts: int = RESTARTS) -> torch.Tensor:
    """(n,) cluster of each point (n, d), 0 to count - 1, by k-means++ (Arthur and Vassilvitskii, SODA 2007), the
    tightest of several seeded runs. There are fewer clusters if fewer points differ."""
    points = points.detach().cpu().double()
    generator = torch.Generator().manual_seed(seed)
    best, least = torch.zeros(len(points), dtype=torch.long), float("inf")
    for _ in range(restarts):
        centres = points[torch.randint(len(points), (1,), generator=generator)]
        while len(centres) < count:
            distance = torch.cdist(points, centres).amin(1).square()
            if not float(distance.sum()) > 0:
                break
            centres = torch.cat([centres, points[torch.multinomial(distance, 1, generator=generator)]])
        for _ in range(ITERATIONS):
            own = torch.cdist(points, centres).argmin(1)
            members = F.one_hot(own, len(centres)).double()
            sizes = members.sum(0)[:, None]
            moved = torch.where(sizes > 0, members.T @ points / sizes.clamp_min(1), centres)
            if torch.equal(moved, centres):
                break
            centres = moved
        distance, own = torch.cdist(points, centres).min(1)
        total = float(distance.square().sum())
        if total < least * (1 - 1e-9):
            best, least = own, total
    return best


def largest(own: torch.Tensor, area: torch.Tensor) -> torch.Tensor:
    """(k,) the largest superpixel of every cluster, in the order of the clusters' numbers.

    own: (n,) cluster of each superpixel; area: (n,) its pixels.
    """
    area = area.detach().cpu()
    return torch.stack([torch.where(own == n, area, -1.0).argmax() for n in own.unique()])


def middles(points: torch.Tensor, own: torch.Tensor) -> torch.Tensor:
    """(k,) the point nearest to the mean of each cluster: points (n, d), own (n,) cluster of each."""
    found = []
    for n in own.unique():
        members = (own == n).nonzero()[:, 0]
        cluster = points[members].double()
        found.append(members[(cluster - cluster.mean(0)).square().sum(1).argmin()])
    return torch.stack(found)


@dataclass(frozen=True)
class Analysis:
    """What the nets find in a grey frame."""

    lightness: torch.Tensor
    """(1, 1, h, w) 0..100."""
    association: torch.Tensor
    """(1, 9, h, w): membership of pixels in superpixels (`superpixels`)."""
    tokens: torch.Tensor
    """(1, 64, h / 16, w / 16): features of superpixels."""
    points: torch.Tensor
    """(n, 64): the modeler's tokens, by which anchors are placed and found again."""
    logits: torch.Tensor
    """(n, 313): the modeler's logits of the colours that each superpixel may have."""


@dataclass(frozen=True)
class Anchors:
    """Superpixels of one picture and their colours."""

    cells: torch.Tensor
    """(k,) numbers of superpixels, row by row."""
    ab: torch.Tensor
    """(k, 2) Lab units."""


class Painter:
    """The nets together: analyse a frame, place anchors, propose colours, paint."""

    def __init__(
        self,
        device: torch.device,
        nets: tuple[SPixNet, AnchorsNet] | None = None,
        encoder: EfficientNetLite | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        """nets, encoder: your own instead of any weights. dtype: what the nets compute in; None for the device's own.
        Raises VidcolorError where weights are missing or changed."""
        self.device, self.dtype = device, dtype or choose(device)
        spix, net = nets or (weights.load_net(SPixNet), weights.load_net(AnchorsNet))
        if encoder is None and net.semantic:
            encoder = weights.load_net(EfficientNetLite)
        settings = f"{RESTARTS} {ITERATIONS} {WITH_REFERENCE} {WITHOUT} {ROOM} {FAR} {NEAR}"
        self.fingerprint = weights.digest(settings, spix, net, encoder)
        self.spix, self.net = spix.eval().to(device), net.eval().to(device)
        self.encoder = None if encoder is None or not net.semantic else encoder.to(device)
        self.bins = color_bins.gamut().to(device)

    @torch.inference_mode()
    def analyse(self, lightness: torch.Tensor) -> Analysis:
        """Analyse a frame: lightness (1, 1, h, w) 0..100, sides multiples of 32."""
        lightness = lightness.to(self.device)
        with autocast(self.device, self.dtype):
            association = self.spix(lightness)
            maps = None if self.encoder is None else self.encoder(lightness)
            tokens = self.net.tokens(lightness, association, maps)
            points, logits = self.net.model(tokens)
        return Analysis(lightness, association, tokens.float(), points[0].float(), logits[0])

    def place(
        self, analysis: Analysis, count: int = DEFAULT, seed: int = 0, among: torch.Tensor | None = None
    ) -> torch.Tensor:
        """(k,) superpixels that are this frame's anchors, of all or only of those with numbers `among`."""
        tokens = analysis.tokens[0].flatten(1).T
        marks = _marks(analysis.points, tokens, _scale(analysis)).cpu()
        points = torch.cat([marks, _deviations(_positions(analysis.tokens.shape[-2:])) / 2**0.5], 1)
        among = torch.arange(len(points)) if among is None else among.cpu()
        return among[middles(points[among], clusters(points[among], count, seed))]

    def propose(self, analysis: Analysis, cells: torch.Tensor, most: int = CHOICE) -> torch.Tensor:
        """(3, k, 2) ab of these superpixels in three versions: the likeliest colour, that of the `most` likeliest which
        is farthest from it, and that farthest from both."""
        likely = analysis.logits[cells.to(self.device)].topk(most).indices
        colors = self.bins[likely]  # (k, most, 2)
        chosen = [colors[:, 0]]
        for _ in range(2):
            away = torch.stack([(colors - one[:, None]).norm(dim=2) for one in chosen]).amin(0)
            chosen.append(colors[torch.arange(len(colors)), away.argmax(1)])
        return torch.stack(chosen).cpu()

    def paint(self, analysis: Analysis, anchors: Anchors) -> torch.Tensor:
        """ab (2, h, w) float32 of a frame with these anchors."""
        return self.color(analysis.lightness, analysis.association, analysis.tokens, [anchors.cells], anchors.ab)[0][0]

    @torch.inference_mode()
    def color(
        self,
        lightness: torch.Tensor,
        association: torch.Tensor,
        tokens: torch.Tensor,
        cells: Sequence[torch.Tensor],
        ab: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """ab (b, 2, h, w) of frames and the generator's confidence (b, 1, h, w) in 0..1: the probability of colours
        within `ROOM`.

        cells: for each frame the (k,) superpixels on which the anchors with colours ab (k, 2) lie; -1 for an anchor
        that the frame does not show.
        """
        b, _, rows, columns = tokens.shape
        colors = tokens.new_zeros(b, rows * columns, color_bins.BINS)
        mask = tokens.new_zeros(b, rows * columns, 1)
        given = color_bins.encode(ab.to(self.device), self.bins) if len(ab) else tokens.new_zeros(0, color_bins.BINS)
        for n, own in enumerate(cells):
            there = (own >= 0).nonzero()[:, 0].to(self.device)
            where = own.to(self.device)[there]
            colors[n, where], mask[n, where] = given[there], 1.0
        with autocast(self.device, self.dtype):
            made, logits, meant = self.net.generate(tokens, colors, mask)
            out = self.net.finish(lightness, made, meant, association)
        chance = logits.softmax(-1)
        near = torch.cdist(color_bins.decode(chance, self.bins), self.bins) < ROOM
        confidence = (chance * near).sum(-1).view(b, 1, rows, columns)
        return out.float(), superpixels.diffuse(confidence, association).clamp(0, 1)


@dataclass(frozen=True)
class State:
    """What a shot's frames need."""

    tokens: torch.Tensor
    """(n, 64, h / 16, w / 16) float16, of every frame."""
    cells: torch.Tensor
    """(n, k): superpixel of each anchor in each frame; -1 where the frame does not show it."""
    ab: torch.Tensor
    """(k, 2): the anchors' colours, the same in all frames."""
    most: float
    """Highest confidence."""


class AnchorsColorizer:
    """`--model anchors`."""

    name = "anchors"

    def __init__(
        self,
        device: torch.device,
        seed: int = 0,
        painter: Painter | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        """painter: your own instead of the shipped weights. dtype: of the shipped ones, as `Painter` takes it."""
        self.device, self.seed = device, seed
        self.painter = painter if painter is not None else Painter(device, dtype=dtype)
        self.dtype = self.painter.dtype
        self.fingerprint = hashlib.sha256(f"{self.painter.fingerprint} {seed}".encode()).hexdigest()

    @torch.inference_mode()
    def prepare(self, shot: Shot, references: Sequence[Reference]) -> State:
        """Anchors of the references, or of the shot's middle frame where there are none, and their places in every
        frame."""
        middle, seed = len(shot) // 2, shot.seed + 1_000_003 * self.seed
        tokens, points = [], []
        for n in range(len(shot)):
            analysis = self.painter.analyse(torch.from_numpy(shot.grey(n))[None, None])
            tokens.append(analysis.tokens)
            points.append(analysis.points)
            if n == middle:
                middle_frame = analysis
        scale = _scale(middle_frame)
        found = self._of_references(shot, references, seed)
        if not found:
            cells = self.painter.place(middle_frame, seed=seed)
            own_tokens = middle_frame.tokens[0].flatten(1).T[cells]
            ab = self.painter.propose(middle_frame, cells)[0]
            found = [(middle, middle_frame.points[cells], own_tokens, ab)]
        marks = [_marks(p, t[0].flatten(1).T, scale) for p, t in zip(points, tokens)]
        grid = middle_frame.tokens.shape[-2:]
        cells = torch.cat([followed(marks, _marks(p, t, scale), start, grid) for start, p, t, _ in found], 1)
        ab = torch.cat([colors for *_, colors in found])
        return State(torch.cat(tokens).to(STORED), cells, ab, WITH_REFERENCE if references else WITHOUT)

    @torch.inference_mode()
    def colorize(self, batch: Batch, state: State) -> Colored:
        """Superpixels, generator and RefineNet frame by frame with the shot's anchors."""
        at = slice(batch.positions.start, batch.positions.stop)
        with autocast(self.device, self.dtype):
            association = self.painter.spix(batch.lightness)
        tokens = state.tokens[at].float()
        ab, confidence = self.painter.color(batch.lightness, association, tokens, list(state.cells[at]), state.ab)
        return Colored(ab, confidence * state.most)

    def finish(self, shot: Shot, references: Sequence[Reference], colors: ShotColors) -> None:
        """Make colours that were found frame by frame follow motion."""
        propagate.steady(shot, references, colors.ab, colors.confidence)

    def _of_references(
        self, shot: Shot, references: Sequence[Reference], seed: int
    ) -> list[tuple[int, torch.Tensor, torch.Tensor, torch.Tensor]]:
        """Anchors of the references that count most here, `MOST` in all at most. For each reference: the nearest
        position in the shot, the anchors' tokens by modeler and backbone (k, 64), and their true ab (k, 2)."""
        weight = time_bias(references, shot.first + len(shot) // 2) if references else torch.zeros(0)
        chosen = weight.argsort(descending=True, stable=True)[: MOST // FEWEST].sort().values.tolist()
        found = []
        for n in chosen:
            lab = _sized(references[n], shot.lightness.shape[1:])
            analysis = self.painter.analyse(lab[None, :1])
            association = analysis.association * _covered(references[n], shot.lightness.shape[1:]).to(self.device)
            shown = (superpixels.areas(association).flatten() >= superpixels.CELL).nonzero()[:, 0]
            if len(shown):  # a cropped key shows only some
                where = self.painter.place(analysis, MOST // len(chosen), seed, shown).to(self.device)
                true = superpixels.pool(lab[None, 1:].to(self.device), association)
                frame = references[n].frame
                start = len(shot) // 2 if frame is None else min(max(frame - shot.first, 0), len(shot) - 1)
                tokens, colors = analysis.tokens[0].flatten(1).T[where], true[0].flatten(1).T[where]
                found.append((start, analysis.points[where], tokens, colors.cpu()))
        return found


def followed(marks: Sequence[torch.Tensor], wanted: torch.Tensor, start: int, grid: Sequence[int]) -> torch.Tensor:
    """(frames, k) superpixels of the anchors in every frame, followed both ways from frame `start`.

    marks: (n, d) of each frame's superpixels. wanted: (k, d), marks of the anchors. grid: rows and columns of
    superpixels.
    """
    positions = _positions(grid)
    cells = torch.full((len(marks), len(wanted)), -1)
    first = located(marks[start], wanted)
    for step in (1, -1):
        at, known, frame = positions[first.clamp_min(0)], first >= 0, start
        cells[start] = first
        while 0 <= frame + step < len(marks):
            frame += step
            way = NEAR * torch.cdist(at, positions).square() * known[:, None]
            cells[frame] = located(marks[frame], wanted, way)
            there = cells[frame] >= 0
            at, known = torch.where(there[:, None], positions[cells[frame].clamp_min(0)], at), known | there
    return cells


def located(marks: torch.Tensor, wanted: torch.Tensor, way: torch.Tensor | float = 0.0) -> torch.Tensor:
    """(k,) superpixels of a frame with marks (n, d) that show the anchors with marks `wanted` (k, d), -1 for none.

    Each anchor takes the superpixel with the smallest distance of marks plus `way` (k, n), the best match first, and no
    two the same.
    """
    unlike = torch.cdist(wanted, marks).square().cpu()
    cost = torch.where(unlike <= FAR, unlike + way, torch.inf)
    cells = torch.full((len(wanted),), -1)
    for n in cost.amin(1).argsort(stable=True).tolist():
        cell = int(cost[n].argmin())
        if float(cost[n, cell]) < torch.inf:
            cells[n] = cell
            cost[:, cell] = torch.inf
    return cells


def _positions(grid: Sequence[int]) -> torch.Tensor:
    """(n, 2) y and x of superpixels, in heights of the picture."""
    rows, columns = grid
    y, x = torch.meshgrid(torch.arange(rows) / rows, torch.arange(columns) / rows, indexing="ij")
    return torch.stack([y.flatten(), x.flatten()], 1)


def _deviations(x: torch.Tensor) -> torch.Tensor:
    """x (n, d) minus its mean, scaled to a mean square of 1."""
    x = x - x.mean(0)
    return x / x.square().sum(1).mean().sqrt().clamp_min(1e-6)


def _scale(analysis: Analysis) -> tuple[float, float]:
    """Standard deviation of a frame's superpixels, in the modeler's tokens and in the backbone's."""
    both = (analysis.points, analysis.tokens[0].flatten(1).T)
    points, tokens = (float((x - x.mean(0)).square().sum(1).mean().sqrt().clamp_min(1e-6)) for x in both)
    return points, tokens


def _marks(points: torch.Tensor, tokens: torch.Tensor, scale: tuple[float, float]) -> torch.Tensor:
    """(n, 128) by which superpixels are recognised in other frames: both tokens (n, 64), scaled to a mean squared
    distance of 2 inside a frame."""
    return torch.cat([points / scale[0], tokens / scale[1]], 1) / 2**0.5


def _sized(reference: Reference, size: Sequence[int]) -> torch.Tensor:
    """(3, h, w) Lab of a reference at the shot's size."""
    lab = torch.from_numpy(np.ascontiguousarray(reference.lab.transpose(2, 0, 1)))[None]
    if lab.shape[-2:] != tuple(size):
        lab = F.interpolate(lab, size=tuple(size), mode="bilinear", align_corners=False, antialias=True)
    return lab[0]


def _covered(reference: Reference, size: Sequence[int]) -> torch.Tensor:
    """(1, 1, h, w): 1 where a reference covers the frame."""
    if reference.covered is None:
        return torch.ones(1, 1, *size)
    return F.interpolate(torch.from_numpy(reference.covered)[None, None].float(), size=tuple(size), mode="nearest")
