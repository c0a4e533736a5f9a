"""What the user wants stylized, and how."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from vidcolor.errors import VidcolorError
from vidcolor.settings import Settings

UNMATCHED = ("global", "keep")
"""What happens to labels that no style has."""


@dataclass(frozen=True)
class Look:
    """How styles act. Raises VidcolorError for a value that cannot work."""

    transfer: str = "adain"
    """`adain`: mean and deviation of each channel; `wct`: the channels' full covariance."""
    strength: float = 1.0
    """Share of the stylized features against the content's own, 0..1; at 0 nothing changes."""
    keep_luma: bool = False
    """Luma stays exactly as it is; only a and b change."""
    size: int = 256
    """Short side in pixels at which the net works."""
    labels_unmatched: str = "global"
    """Labels that no style has: `global` gives them the whole pictures' transfer, `keep` leaves them as they are."""

    def __post_init__(self) -> None:
        Settings(transfer=self.transfer, strength=self.strength, size=self.size)  # checks them
        if self.labels_unmatched not in UNMATCHED:
            raise VidcolorError(f"`labels_unmatched` {self.labels_unmatched}: one of {', '.join(UNMATCHED)}")


@dataclass(frozen=True)
class StyleRequest:
    """What the user wants stylized. Of the settings, codec, crf, preset, lossless, encoder, device and precision apply
    too. Raises VidcolorError without any style."""

    content: Path
    """A photograph, or a film: a file, or numbered images (with `fps`)."""
    styles: tuple[Path, ...]
    """Pictures whose colours it takes over."""
    out: Path | None = None
    """The result; None for `CONTENT-stem.style` beside the content, with the ending of its kind."""
    look: Look = Look()
    weights: tuple[float, ...] | None = None
    """Of the styles; None for equal ones."""
    labels: tuple[Path, ...] | None = None
    """Label maps: the content's (of a film also a folder of maps named by frame number), then each style's."""
    fps: Fraction | None = None
    """Frame rate of numbered images."""
    overwrite: bool = False
    """Replace an existing result."""

    def __post_init__(self) -> None:
        if not self.styles:
            raise VidcolorError(f"{self.content}: no styles; name at least one picture with the wanted colours")
