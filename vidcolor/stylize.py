"""`vidcolor stylize CONTENT STYLE`: a photograph or a film in colour takes over the colours of a picture."""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from . import color, guided, labelmaps, picture
from .errors import VidcolorError, warn
from .film import Film
from .marks import sheet_kind
from .names import default_out, existing
from .options import Parser, count, frame_rate, tell, whole
from .outputs import Input, Target, check, of_film
from .picture_file import SUFFIXES, holds_picture, is_deep
from .reasons import reason
from .sequence import is_sequence, takes
from .settings import CODECS, PRECISIONS, TRANSFERS, Settings
from .whole import write_whole

if TYPE_CHECKING:
    from .styling import Look, Stylist

OUT_SUFFIXES = (".png", ".tif", ".tiff", ".jpg", ".jpeg", ".webp")
"""Endings of stylised photographs."""
DEEP_SUFFIXES = (".png", ".tif", ".tiff")
"""Of them, those that hold 16 bits."""
OF_FILMS = ("codec", "crf", "preset", "lossless")
"""Settings that a photograph does not have."""
_FILMS = (".mkv", ".mp4", ".m4v", ".mov", ".avi", ".mxf", ".webm", ".mpg", ".ts")
_GREY = 1.5 / 255


def step(arguments: list[str]) -> int:
    """The command `vidcolor stylize`; returns the exit code."""
    options = _parser().parse_args(arguments)
    began = time.monotonic()
    look, settings = _look(options), _settings(options)
    out, frames, shots = stylize(
        options.content,
        options.styles,
        options.out,
        look,
        settings=settings,
        weights=options.weights,
        labels=options.labels,
        fps=options.fps,
        overwrite=options.overwrite,
        progress=not options.quiet,
    )
    if not options.quiet:
        what = f"{count(frames, 'frame')}, {count(shots, 'shot')}, " if shots else ""
        tell(f"{what}{count(len(options.styles), 'style')}, {time.monotonic() - began:.1f} s: {out}")
    return 0


def stylize(
    content: Path,
    styles: Sequence[Path],
    out: Path | None,
    look: Look,
    *,
    settings: Settings | None = None,
    weights: Sequence[float] | None = None,
    labels: Sequence[Path] | None = None,
    fps: Fraction | None = None,
    overwrite: bool = False,
    progress: bool = False,
) -> tuple[Path, int, int]:
    """Give `content` the colours of `styles`; returns the result's path, and its frames and shots (1 and 0 for a
    photograph).

    content: a photograph, or a film (a file, or numbered images with `fps`). styles: pictures, mixed by `weights`
    (Eq. 5). labels: the content's map (of a film: or a folder of maps named by frame number), then each style's.
    settings: codec and encoder of a film's result, device and precision. The result is written whole or not at all.
    Raises VidcolorError, one line, for whatever can be put right.
    """
    settings = settings or Settings()
    content, styles = existing(content), [existing(path) for path in styles]
    labels = None if labels is None else [existing(path) for path in labels]
    ending = content.suffix.lower()
    photograph = not is_sequence(content) and (ending in SUFFIXES or (not ending and holds_picture(content)))
    if out is None:
        out = default_out(content, ".style.png" if photograph else ".style" + _ending(content, settings, fps))
    out = out.absolute()
    check([Target(out, "the result", "-o", overwrite=overwrite)], _inputs(content, styles, labels or (), settings))
    if takes(content, out):
        raise VidcolorError(f"{out}: the result would become a picture of the film; name another with -o")
    if photograph and out.suffix.lower() not in OUT_SUFFIXES:
        raise VidcolorError(f"{out}: a photograph's result is written as {', '.join(OUT_SUFFIXES)}; name it so with -o")
    if photograph:
        given = [name for name in OF_FILMS if getattr(settings, name) != getattr(Settings(), name)] + ["fps"] * (
            fps is not None
        )
        if given:
            raise VidcolorError(f"{content}: a photograph; --{given[0]} is for films and numbered images, leave it out")
    if labels is not None and len(labels) != 1 + len(styles):
        raise VidcolorError(
            f"--labels: {count(len(labels), 'map')} for 1 content and {count(len(styles), 'style')}; "
            "give the content's map, then each "
            "style's"
        )
    if weights is not None and len(weights) != len(styles):
        raise VidcolorError(
            f"--weights: {count(len(weights), 'number')} for {count(len(styles), 'style')}; give one for each"
        )
    pictures = [_load_style(path) for path in styles]
    known, style_maps = None, None
    if labels is not None:
        values = [labelmaps.read_map(path) for path in labels[1:]]
        for value, path, rgb, style in zip(values, labels[1:], pictures, styles, strict=True):
            labelmaps.check_shape(value, rgb.shape[:2], path, style)
        known = labelmaps.Labels(values)
        style_maps = [known.of(value, value.shape) for value in values]

    def stylist() -> Stylist:
        """Made once all that can fail early is checked."""
        from .models import computing
        from .models.xu import transfer_net
        from .styling import Stylist

        device, dtype = computing(settings)
        count = 0 if known is None else len(known)
        return Stylist(transfer_net(settings.encoder), pictures, look, weights, style_maps, count, device, dtype)

    if not photograph:
        from .stylize_film import stylize_film

        maps = labelmaps.ContentMaps(labels[0]) if labels is not None else None
        frames, shots = stylize_film(
            content, out, stylist, settings, known, maps, fps=fps, overwrite=overwrite, progress=progress
        )
        return out, frames, shots
    rgb = picture.load_picture(content, "content")
    own = None
    if labels is not None and known is not None:
        if labels[0].is_dir():
            raise VidcolorError(f"--labels {labels[0]}: a folder of maps is for a film; give one map for a photograph")
        value = labelmaps.read_map(labels[0])
        labelmaps.check_shape(value, rgb.shape[:2], labels[0], content)
        known.check(value, labels[0])
        own = known.of(value, value.shape)
    deep = is_deep(content)
    if deep and out.suffix.lower() not in DEEP_SUFFIXES:
        warn(f"{out}: {out.suffix} holds 8 bits of the content's 16; {' or '.join(DEEP_SUFFIXES[:2])} keeps them")
    write_picture(out, stylized(rgb, stylist(), own), deep, overwrite=overwrite)
    return out, 1, 0


def _ending(film: Path, settings: Settings, fps: Fraction | None) -> str:
    """Ending of a film's result that was not given a name."""
    from .codecs import resolved, suffix_of
    from .film import probe

    return suffix_of(resolved(probe(film, fps=fps, luma_only=False), settings, None).codec)


def stylized(rgb: np.ndarray, stylist: Stylist, labels: np.ndarray | None = None) -> np.ndarray:
    """A photograph (h, w, 3) sRGB 0..1 of any size in the stylist's styles, of the same size. labels: its map."""
    from .styling import fitted, into_gamut, shrunk, small_size

    film = _as_film(rgb)
    small = shrunk(rgb, stylist.look.size)
    if labels is not None:
        h, w = small_size(rgb.shape, stylist.look.size)
        labels = cv2.resize(labels, (w, h), interpolation=cv2.INTER_NEAREST_EXACT)
    change = stylist.change(small, film, labels=labels)
    if change is None:
        return rgb
    planes = list(color.rgb_to_ycbcr(rgb, film.matrix))
    after = []
    for n, function in enumerate(fitted(small, change, film)):
        if n == 0 and stylist.look.keep_luma:
            after.append(planes[0])
            continue
        wide = cv2.resize(function, (film.width, film.height), interpolation=cv2.INTER_LINEAR)
        after.append(planes[n] + guided.evaluate(wide, planes))
    y = after[0].clip(0, 1)
    return color.ycbcr_to_rgb(y, *into_gamut(y, after[1], after[2], film.matrix), film.matrix).clip(0, 1)


def write_picture(path: Path, rgb: np.ndarray, deep: bool, *, overwrite: bool = True) -> None:
    """Write (h, w, 3) sRGB 0..1 with 16 (`deep`, where the format has them) or 8 bits, whole or not at all."""
    suffix = path.suffix.lower()
    top, kind = (65535, np.uint16) if deep and suffix in DEEP_SUFFIXES else (255, np.uint8)
    codes = np.rint(rgb[..., ::-1] * top).astype(kind)
    quality = {".webp": [cv2.IMWRITE_WEBP_QUALITY, 101]}.get(suffix, [cv2.IMWRITE_JPEG_QUALITY, 95])
    done, data = cv2.imencode(suffix, codes, quality if suffix in (".jpg", ".jpeg", ".webp") else [])
    if not done:
        raise VidcolorError(f"{path}: cannot be written as {suffix}")
    try:
        write_whole(path, data.tobytes(), overwrite=overwrite)
    except OSError as error:
        raise VidcolorError(f"{path}: cannot be written: {reason(error)}") from None


def _inputs(content: Path, styles: Sequence[Path], labels: Sequence[Path], settings: Settings) -> list[Input]:
    """All that a run reads."""
    inputs = of_film(content) if is_sequence(content) else [("CONTENT", content)]
    inputs += [("a style", path) for path in styles]
    inputs += [("a label map", file) for path in labels for file in (path.iterdir() if path.is_dir() else [path])]
    return inputs + ([("the file of weights", Path(settings.encoder))] if settings.encoder else [])


def _load_style(path: Path) -> np.ndarray:
    """A style's picture. Raises VidcolorError, with the remedy, where it is a film."""
    if path.is_dir() or path.suffix.lower() in _FILMS:
        raise VidcolorError(f"style {path}: a film or folder; STYLE is a picture: save one of its frames as PNG")
    rgb = picture.load_picture(path, "style")
    if kind := sheet_kind(path):
        raise VidcolorError(f"style {path}: vidcolor's {kind}; give a picture of what it shows")
    if float((rgb.max(2) - rgb.min(2)).mean()) < _GREY:
        warn(f"style {path} has no colour: the result will be nearly grey")
    return rgb


def _as_film(rgb: np.ndarray) -> Film:
    """A photograph as a film's frame: R'G'B' of every pixel, BT.709."""
    height, width = rgb.shape[:2]
    one = Fraction(1)
    return Film(
        *(Path(), "images", 0, "", width, height, "rgb24", 8, "rgb", one, one, one),
        rotation=0,
        matrix="bt709",
        full_range=True,
        color_tags={},
        untagged=(),
        frames_hint=1,
    )


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        "vidcolor stylize",
        description="Give a photograph or a film in colour the colours of a picture. The transfer sub-net works at "
        "--size; what it changes is brought to full size along edges, so that detail stays as it is.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("content", type=Path, metavar="CONTENT", help="a photograph, or a film (numbered images with --fps)")
    add("styles", type=Path, metavar="STYLE", nargs="+", help="a picture with the wanted colours; several are mixed")
    add(
        "-o", "--out", type=Path, metavar="OUT", help="the result (CONTENT-stem.style.png, a film's .style.mkv or .mov)"
    )
    add("-y", "--overwrite", action="store_true", help="replace an existing result")
    add("--transfer", choices=TRANSFERS, default="adain", help="mean and deviation, or full covariance (slower)")
    add("--weights", type=_weights, metavar="W,W", help="of several styles, equal by default")
    add(
        "--labels",
        type=Path,
        nargs="+",
        metavar="MAP",
        help="label maps, the content's (a film's: one, or a folder named by frame number), then each style's",
    )
    add("--labels-unmatched", choices=("global", "keep"), help="labels that no style has")
    add("--strength", type=float, default=1.0, metavar="0..1", help="of the change; 0 changes nothing")
    add("--keep-luma", action="store_true", help="change colours only, not light and dark")
    add("--size", type=whole, default=256, help="short side at which the sub-net works (256)")
    add("--encoder", help="vgg19, or a file of weights of the transfer sub-net")
    add("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps")
    add("--precision", choices=PRECISIONS, default="auto", help="of the nets: auto is what the device is quick in")
    add("-q", "--quiet", action="store_true", help="no progress bar, no summary")
    film = parser.add_argument_group("of a film")
    film.add_argument("--codec", choices=CODECS, default="auto", help="of the result (auto: of the film's own class)")
    film.add_argument("--crf", type=whole, help="quality of x264 and x265, 0 is best")
    film.add_argument("--preset", help="of x264 and x265 (medium), or ProRes profile (hq)")
    film.add_argument("--lossless", action="store_true", help="FFV1 in Matroska")
    film.add_argument("--fps", type=frame_rate, help="frame rate of numbered images")
    return parser


def _look(options: argparse.Namespace) -> Look:
    from .styling import Look

    unmatched = options.labels_unmatched
    if unmatched is not None and options.labels is None:
        raise VidcolorError("--labels-unmatched: there are no labels; give maps with --labels or leave it out")
    return Look(options.transfer, options.strength, options.keep_luma, options.size, unmatched or "global")


def _settings(options: argparse.Namespace) -> Settings:
    """The options that a film's run has too, checked as there."""
    names = ("codec", "crf", "preset", "lossless", "encoder", "device", "precision")
    given = {name: getattr(options, name) for name in names}
    return replace(Settings(**given), strength=options.strength, size=options.size)


def _weights(text: str) -> list[float]:
    try:
        values = [float(word) for word in text.split(",")]
    except ValueError:
        values = []
    if not values or any(not math.isfinite(v) or v < 0 for v in values) or not sum(values) > 0:
        raise argparse.ArgumentTypeError(f'"{text}" is not a list of numbers from 0, one of them above 0 (2,1)')
    return values
