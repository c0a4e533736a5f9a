"""The ffmpeg that muxes: which one, and what it says."""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
from collections.abc import Sequence

import imageio_ffmpeg

from vidcolor.errors import VidcolorError
from vidcolor.reasons import reason


def find_ffmpeg(*, hdr: bool = False) -> str:
    """The PATH's ffmpeg if it is version 6 or later, else the one in imageio-ffmpeg.

    hdr: one that writes HDR mastering data into the container, if either does.
    Raises VidcolorError where there is none."""
    usual = _usual()
    if hdr and not writes_hdr(usual):
        with contextlib.suppress(RuntimeError):
            if writes_hdr(own := imageio_ffmpeg.get_ffmpeg_exe()):
                return own
    return usual


def _usual() -> str:
    found = shutil.which("ffmpeg")
    if found:
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            said = subprocess.run([found, "-version"], capture_output=True, text=True, timeout=20).stdout
            version = re.match(r"ffmpeg version n?(\d+)\.", said)
            if version is None or int(version[1]) >= 6:
                return found
    try:
        return imageio_ffmpeg.get_ffmpeg_exe()
    except RuntimeError as error:
        raise VidcolorError("no ffmpeg: install ffmpeg 6 or later, or the package imageio-ffmpeg") from error


def writes_hdr(program: str) -> bool:
    """Whether this ffmpeg has options for HDR mastering data (version 9 and later)."""
    try:
        said = subprocess.run([program, "-hide_banner", "-h", "long"], capture_output=True, timeout=20).stdout
    except (OSError, subprocess.SubprocessError):
        return False
    return b"-mastering_display" in said and b"-content_light" in said


def run(command: Sequence[str]) -> str:
    """Run ffmpeg; empty if it succeeded, else the most telling line of its errors."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    except OSError as error:
        raise VidcolorError(f"{command[0]}: cannot be run: {reason(error)}") from error
    if done.returncode == 0:
        return ""
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    telling = [line for line in lines if "No space left" in line] or lines
    return re.sub(r"^\[[^]]*\]\s*", "", telling[0]) if telling else f"exit code {done.returncode}"
