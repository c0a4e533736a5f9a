"""`vidcolor stylize CONTENT STYLE`: a photograph or a film in colour takes over the colours of a picture."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from vidcolor.color import guided_filter
from vidcolor.color.ycbcr import rgb_to_ycbcr, ycbcr_to_rgb
from vidcolor.errors import VidcolorError, warn
from vidcolor.files import existing, write_atomic
from vidcolor.film.images import is_sequence, takes
from vidcolor.keys import picture
from vidcolor.outputs.names import default_out
from vidcolor.outputs.targets import Input, Target, check, inputs_of_film
from vidcolor.pictures.file import SUFFIXES, holds_picture, is_deep
from vidcolor.pictures.marks import sheet_kind
from vidcolor.reasons import reason
from vidcolor.settings import Settings
from vidcolor.stylize import label_maps
from vidcolor.text import plural

if TYPE_CHECKING:
    from vidcolor.stylize.stylist import Look, Stylist

OUT_SUFFIXES = (".png", ".tif", ".tiff", ".jpg", ".jpeg", ".webp")
"""Endings of stylised photographs."""
DEEP_SUFFIXES = (".png", ".tif", ".tiff")
"""Of them, those that hold 16 bits."""
OF_FILMS = ("codec", "crf", "preset", "lossless")
"""Settings that a photograph does not have."""
_FILMS = (".mkv", ".mp4", ".m4v", ".mov", ".avi", ".mxf", ".webm", ".mpg", ".ts")
_GREY = 1.5 / 255
_MATRIX = "bt709"
"""In which a photograph is worked on."""


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
            f"--labels: {plural(len(labels), 'map')} for 1 content and {plural(len(styles), 'style')}; "
            "give the content's map, then each "
            "style's"
        )
    if weights is not None and len(weights) != len(styles):
        raise VidcolorError(
            f"--weights: {plural(len(weights), 'number')} for {plural(len(styles), 'style')}; give one for each"
        )
    pictures = [_load_style(path) for path in styles]
    known, style_maps = None, None
    if labels is not None:
        values = [label_maps.read_map(path) for path in labels[1:]]
        for value, path, rgb, style in zip(values, labels[1:], pictures, styles, strict=True):
            label_maps.check_shape(value, rgb.shape[:2], path, style)
        known = label_maps.Labels(values)
        style_maps = [known.of(value, value.shape) for value in values]

    def stylist() -> Stylist:
        """Made once all that can fail early is checked."""
        from vidcolor.models.adain.model import transfer_net
        from vidcolor.models.precision import computing
        from vidcolor.stylize.stylist import Stylist

        device, dtype = computing(settings.device, settings.precision)
        count = 0 if known is None else len(known)
        return Stylist(transfer_net(settings.encoder), pictures, look, weights, style_maps, count, device, dtype)

    if not photograph:
        from vidcolor.stylize.film import stylize_film

        maps = label_maps.ContentMaps(labels[0]) if labels is not None else None
        frames, shots = stylize_film(
            content, out, stylist, settings, known, maps, fps=fps, overwrite=overwrite, progress=progress
        )
        return out, frames, shots
    rgb = picture.load_picture(content, "content")
    own = None
    if labels is not None and known is not None:
        if labels[0].is_dir():
            raise VidcolorError(f"--labels {labels[0]}: a folder of maps is for a film; give one map for a photograph")
        value = label_maps.read_map(labels[0])
        label_maps.check_shape(value, rgb.shape[:2], labels[0], content)
        known.check(value, labels[0])
        own = known.of(value, value.shape)
    deep = is_deep(content)
    if deep and out.suffix.lower() not in DEEP_SUFFIXES:
        warn(f"{out}: {out.suffix} holds 8 bits of the content's 16; {' or '.join(DEEP_SUFFIXES[:2])} keeps them")
    write_picture(out, stylized(rgb, stylist(), own), deep, overwrite=overwrite)
    return out, 1, 0


def _ending(film: Path, settings: Settings, fps: Fraction | None) -> str:
    """Ending of a film's result that was not given a name."""
    from vidcolor.encode.choose import choose_codec
    from vidcolor.film.probe import probe

    return choose_codec(probe(film, fps=fps, luma_only=False), settings, None).suffixes[0]


def stylized(rgb: np.ndarray, stylist: Stylist, labels: np.ndarray | None = None) -> np.ndarray:
    """A photograph (h, w, 3) sRGB 0..1 of any size in the stylist's styles, of the same size. labels: its map."""
    from vidcolor.color.gamut import into_gamut
    from vidcolor.stylize.stylist import fitted, shrunk, small_size

    small = shrunk(rgb, stylist.look.size)
    if labels is not None:
        h, w = small_size(rgb.shape, stylist.look.size)
        labels = cv2.resize(labels, (w, h), interpolation=cv2.INTER_NEAREST_EXACT)
    change = stylist.change(small, _MATRIX, labels=labels)
    if change is None:
        return rgb
    planes = list(rgb_to_ycbcr(rgb, _MATRIX))
    after = []
    for n, function in enumerate(fitted(small, change, _MATRIX)):
        if n == 0 and stylist.look.keep_luma:
            after.append(planes[0])
            continue
        wide = cv2.resize(function, rgb.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        after.append(planes[n] + guided_filter.evaluate(wide, planes))
    y = after[0].clip(0, 1)
    return ycbcr_to_rgb(y, *into_gamut(y, after[1], after[2], _MATRIX), _MATRIX).clip(0, 1)


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
        write_atomic(path, data.tobytes(), overwrite=overwrite)
    except OSError as error:
        raise VidcolorError(f"{path}: cannot be written: {reason(error)}") from None


def _inputs(content: Path, styles: Sequence[Path], labels: Sequence[Path], settings: Settings) -> list[Input]:
    """All that a run reads."""
    inputs = inputs_of_film(content) if is_sequence(content) else [("CONTENT", content)]
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
