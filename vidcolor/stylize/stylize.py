"""`vidcolor stylize CONTENT STYLE`: a photograph or a film in colour takes over the colours of pictures."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from vidcolor.encode.choose import choose_codec
from vidcolor.errors import VidcolorError, one_run
from vidcolor.files import existing
from vidcolor.film.images import is_sequence, takes
from vidcolor.film.probe import probe
from vidcolor.outputs.names import default_out
from vidcolor.outputs.targets import Input, Target, check, inputs_of_film
from vidcolor.pictures.file import SUFFIXES, holds_picture
from vidcolor.settings import Settings
from vidcolor.stylize.request import StyleRequest
from vidcolor.stylize.styles import load_styles
from vidcolor.text import plural

PHOTO_SUFFIXES = (".png", ".tif", ".tiff", ".jpg", ".jpeg", ".webp")
"""Endings of stylized photographs."""
_OF_FILMS = ("codec", "crf", "preset", "lossless")
"""Settings that a photograph does not have."""


@dataclass(frozen=True)
class Stylized:
    """What `stylize` did."""

    out: Path
    """The result."""
    frames: int
    """Frames in it, 1 for a photograph."""
    shots: int
    """Shots in it, 0 for a photograph."""


@one_run()
def stylize(request: StyleRequest, settings: Settings | None = None, *, progress: bool = False) -> Stylized:
    """Give a photograph or a film the colours of pictures. The result is written whole or not at all.

    progress: bars on stderr. Raises VidcolorError, one line, for anything the user can put right.
    """
    settings = settings or Settings()
    request = replace(
        request,
        content=existing(request.content),
        styles=tuple(existing(path) for path in request.styles),
        labels=None if request.labels is None else tuple(existing(path) for path in request.labels),
    )
    photograph = _is_photograph(request.content)
    out = (request.out or _default_out(request, settings, photograph)).absolute()
    _check_out(request, out, settings)
    if photograph:
        _check_photograph(request, out, settings)
    _check_counts(request)
    styles = load_styles(request)
    if photograph:
        from vidcolor.stylize.photo import stylize_photo  # imports torch, which takes longer than all checks

        stylize_photo(request, out, styles, settings)
        return Stylized(out, 1, 0)
    from vidcolor.stylize.film import stylize_film

    return Stylized(out, *stylize_film(request, out, styles, settings, progress=progress))


def _is_photograph(content: Path) -> bool:
    suffix = content.suffix.lower()
    return not is_sequence(content) and (suffix in SUFFIXES or (not suffix and holds_picture(content)))


def _default_out(request: StyleRequest, settings: Settings, photograph: bool) -> Path:
    if photograph:
        return default_out(request.content, ".style.png")
    film = probe(request.content, fps=request.fps, luma_only=False)
    return default_out(request.content, ".style" + choose_codec(film, settings, None).suffixes[0])


def _check_out(request: StyleRequest, out: Path, settings: Settings) -> None:
    """Raise VidcolorError if the result cannot be written, or would replace an input."""
    content, labels = request.content, request.labels or ()
    inputs: list[Input] = inputs_of_film(content) if is_sequence(content) else [("CONTENT", content)]
    inputs += [("a style", path) for path in request.styles]
    inputs += [("a label map", file) for path in labels for file in (path.iterdir() if path.is_dir() else [path])]
    inputs += [("the file of weights", Path(settings.encoder))] if settings.encoder else []
    check([Target(out, "the result", "`out`", overwrite=request.overwrite)], inputs)
    if takes(content, out):
        raise VidcolorError(f"{out}: the result would become a picture of the film; name another with `out`")


def _check_photograph(request: StyleRequest, out: Path, settings: Settings) -> None:
    """Raise VidcolorError for options that a photograph does not have."""
    if out.suffix.lower() not in PHOTO_SUFFIXES:
        raise VidcolorError(
            f"{out}: a photograph's result is written as {', '.join(PHOTO_SUFFIXES)}; name it so with `out`"
        )
    given = [name for name in _OF_FILMS if getattr(settings, name) != getattr(Settings(), name)]
    given += [] if request.fps is None else ["fps"]
    if given:
        raise VidcolorError(
            f"{request.content}: a photograph; `{given[0]}` is for films and numbered images, leave it out"
        )
    if request.labels and request.labels[0].is_dir():
        raise VidcolorError(
            f"`labels` {request.labels[0]}: a folder of maps is for a film; give one map for a photograph"
        )


def _check_counts(request: StyleRequest) -> None:
    labels, weights, styles = request.labels, request.weights, len(request.styles)
    if labels is not None and len(labels) != 1 + styles:
        raise VidcolorError(
            f"`labels`: {plural(len(labels), 'map')} for 1 content and {plural(styles, 'style')}; "
            "give the content's map, then each style's"
        )
    if weights is not None and len(weights) != styles:
        raise VidcolorError(
            f"`weights`: {plural(len(weights), 'number')} for {plural(styles, 'style')}; give one for each"
        )
