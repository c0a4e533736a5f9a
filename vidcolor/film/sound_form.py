"""Changes of a sound stream's format inside a film, which the single header of a result cannot express."""

from __future__ import annotations

from typing import Any

_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)


class SoundForms:
    """Remembers the format of each sound stream.

    AAC in transport streams states it in every packet (ADTS, ISO/IEC 13818-7, 6.2), other codecs in a new header that
    comes with a packet. A result has one header for the whole stream, so players would misread the rest. AC-3, MPEG
    audio and the like state everything in their own frames, which are copied."""

    def __init__(self) -> None:
        self._known: dict[int, bytes | str] = {}

    def change(self, packet: Any) -> str:
        """How the format of the packet's stream has changed, in words; empty if it has not."""
        stream = packet.stream
        if stream.type != "audio" or not packet.size:
            return ""
        form: bytes | str | None = None
        if packet.has_sidedata("new_extradata"):
            form = bytes(packet.get_sidedata("new_extradata"))
        elif stream.codec_context.name.startswith("aac"):
            form = _adts(memoryview(packet)[:4].tobytes())
        if form is None:
            return ""
        before = self._known.setdefault(stream.index, form)
        if form == before:
            return ""
        return f"from {before} to {form}" if isinstance(form, str) and isinstance(before, str) else "its header"


def _adts(start: bytes) -> str | None:
    """Rate and channels of an AAC packet that begins with an ADTS header."""
    if len(start) < 4 or start[0] != 0xFF or start[1] & 0xF6 != 0xF0:
        return None
    rate, channels = start[2] >> 2 & 15, (start[2] & 1) << 2 | start[3] >> 6
    if rate >= len(_RATES):
        return None
    return f"{_RATES[rate]} Hz, {channels} channel{'' if channels == 1 else 's'}"
