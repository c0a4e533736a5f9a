"""Each reader hears its own decoder only, and what it hears is judged; times are those that ffmpeg finds."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import av.logging
import numpy as np
import pytest
from media import ffmpeg, times_by_ffmpeg, write_film

from vidcolor.errors import VidcolorError
from vidcolor.film import decode
from vidcolor.film.decode import ReadReport
from vidcolor.film.probe import probe
from vidcolor.film.reader import read

OPEN_GOP = {"bf": "3", "x264-params": "open-gop=1:keyint=8:min-keyint=4:scenecut=0"}


def _damaged(path: Path, seed: int = 1) -> Path:
    data = bytearray(path.read_bytes())
    for place in np.random.default_rng(seed).integers(len(data) // 3, len(data) * 2 // 3, 12):
        data[place] ^= 0x5A
    out = path.with_name(f"damaged-{path.name}")
    out.write_bytes(data)
    return out


@pytest.fixture
def beside() -> Iterator[Callable[[Callable[[], object]], None]]:
    """Starts a thread that does something again and again until the test ends."""
    over, threads = threading.Event(), []

    def start(work: Callable[[], object]) -> None:
        def repeat() -> None:
            while not over.is_set():
                work()

        threads.append(threading.Thread(target=repeat))
        threads[-1].start()

    yield start
    over.set()
    for thread in threads:
        thread.join()


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [("a.mp4", "libx264", {"g": "12"}), ("a.mkv", "ffv1", {"slicecrc": "1", "g": "1"}), ("a.mpg", "mpeg2video", {})],
)
def test_damage_of_another_film_is_not_heard(tmp_path: Path, beside, name: str, codec: str, options) -> None:
    sound = write_film(tmp_path / name, 48, codec=codec, options=options, rate=25).path
    damaged = probe(_damaged(sound))
    with pytest.raises(VidcolorError, match="damaged at frame"):
        list(read(damaged))
    for on_error in ("skip", "stop"):
        beside(lambda: list(read(damaged, on_error="skip", report=ReadReport())))
        for _ in range(4):
            report = ReadReport()
            assert len(list(read(probe(sound), on_error=on_error, report=report))) == 48 and report.summary() == ""
        with pytest.raises(VidcolorError, match="damaged at frame"):
            list(read(damaged))


def test_what_others_write_under_the_decoder_s_name_is_not_heard(tmp_path: Path, beside) -> None:
    film = probe(write_film(tmp_path / "a.mkv", 24).path)

    def complain() -> None:
        av.logging.log(av.logging.ERROR, "ffv1", "slice damaged")

    beside(complain)
    for frame in read(film):
        assert frame.index >= 0
        complain()  # an encoder's line, or the caller's own decoder's, in the same thread


def test_parts_of_an_open_gop_film_are_read_at_the_same_time(tmp_path: Path, beside) -> None:
    """A decoder that starts inside the film misses pictures and says so; the one from the start must not hear it."""
    for name in ("a.ts", "a.mp4"):
        film = probe(write_film(tmp_path / name, 40, codec="libx264", options=OPEN_GOP, rate=25).path)
        pts = [frame.pts for frame in read(film)]
        assert len(pts) == 40
        beside(lambda film=film, pts=pts: list(read(film, 21, 30, pts)))
        for _ in range(5):
            assert [frame.pts for frame in read(film)] == pts
            assert [frame.pts for frame in read(film, 0, 20, pts)] == pts[:20]


def test_a_damaged_message_beside_the_picture_is_no_damage(tmp_path: Path) -> None:
    path = tmp_path / "a.h264"
    written = write_film(
        path, 24, codec="libx264", options={"x264-params": "nal-hrd=vbr:vbv-maxrate=500:vbv-bufsize=500"}
    )
    whole = [frame.luma for frame in read(probe(path))]
    data = path.read_bytes()
    begins = [place for place in range(len(data)) if data.startswith(b"\0\0\1\x06", place)]
    assert len(begins) >= 24
    data = bytearray(data)
    for place in begins[1:]:
        data[place + 5] = 0x7F  # the length of the message: longer than there is
    path.write_bytes(data)
    with av.logging.Capture(), av.open(str(path)):
        frames = list(read(probe(path)))
    assert len(frames) == len(written.luma)
    assert all(np.array_equal(frame.luma, luma) for frame, luma in zip(frames, whole, strict=True))


def test_a_damaged_second_copy_of_a_header_is_no_damage(tmp_path: Path) -> None:
    path = tmp_path / "a.h264"
    write_film(path, 36, codec="libx264", options={"g": "12", "x264-params": "repeat-headers=1:scenecut=0"})
    whole = [frame.luma for frame in read(probe(path))]
    data = bytearray(path.read_bytes())
    places = [place for place in range(len(data)) if data.startswith(b"\0\0\1\x68", place)]
    assert len(places) == 3
    data[places[1] + 4] = 0b10000001  # the number of a sequence that there is not
    path.write_bytes(data)
    frames = list(read(probe(path)))
    assert len(frames) == 36 and all(
        np.array_equal(frame.luma, luma) for frame, luma in zip(frames, whole, strict=True)
    )


@pytest.mark.parametrize("codec", ["libx264", "mpeg2video", "libx265"])
def test_a_recording_that_begins_between_two_key_frames(
    tmp_path: Path, codec: str, capsys: pytest.CaptureFixture[str]
) -> None:
    options = {
        "libx264": {"g": "24", "bf": "3", "x264-params": "open-gop=1:scenecut=0"},
        "libx265": {"x265-params": "log-level=none:keyint=24:open-gop=1"},
        "mpeg2video": {"g": "24", "bf": "2"},
    }[codec]
    size = {"rate": 25, "width": 160, "height": 128}
    data = write_film(tmp_path / "a.ts", 72, codec=codec, options=options, **size).path.read_bytes()
    path = tmp_path / "cut.ts"
    path.write_bytes(data[len(data) // 5 // 188 * 188 :])
    film = probe(path)
    frames = list(read(film))
    times = [frame.pts * film.time_base for frame in frames]
    assert times == times_by_ffmpeg(path) and 40 <= len(times) < 72
    if codec == "libx265":  # the other demuxers give no packet before the first keyframe
        assert "begins between two codec keyframes" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["j.ts", "j.vob"])
def test_recordings_put_end_to_end_are_refused_with_a_remedy_that_works(tmp_path: Path, name: str) -> None:
    video = write_film(tmp_path / "v.mkv", 36).path
    part, path, whole = tmp_path / f"part-{name}", tmp_path / name, tmp_path / "whole.mkv"
    form = ["-f", "vob" if name.endswith("vob") else "mpegts"]
    sound = ["-f", "lavfi", "-i", "sine=440:d=1.5:r=48000", "-c:a", "mp2"]
    ffmpeg("-i", video, *sound, "-c:v", "mpeg2video", "-r", 24, "-g", 12, "-bf", 2, *form, part)
    path.write_bytes(part.read_bytes() * 2)
    film = probe(path)
    for on_error in ("stop", "skip"):
        with pytest.raises(VidcolorError, match=r"start over near frame 3[56] .*ffmpeg -fflags .* -c copy whole\.mkv"):
            list(read(film, on_error=on_error))
    ffmpeg("-fflags", "+genpts", "-i", path, "-map", 0, "-c", "copy", whole)
    assert len(list(read(probe(whole)))) == 72


def test_pictures_that_overlap_a_little_are_soon_in_time_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As at a joint where the sound of the first recording ended before its picture."""
    film = probe(write_film(tmp_path / "a.mkv", 12).path)
    stamps = [0, 42, 83, 125, 167, 109, 151, 193, 235, 276, 318, 360]
    monkeypatch.setattr(decode, "timed", lambda film, frames: zip(stamps, frames, strict=True))
    with pytest.raises(VidcolorError, match=r"frame 5 .*PTS 109, before that of the frame before: `on_error=skip`"):
        list(read(film))
    report = ReadReport()
    found = [frame.pts for frame in read(film, on_error="skip", report=report)]
    assert found == [0, 42, 83, 125, 167, 209, 230, 251, 272, 276, 318, 360] and report.repaired == 4


def test_joined_files_of_a_format_without_breaks_are_joined_by_their_time(tmp_path: Path) -> None:
    part = write_film(tmp_path / "part.mkv", 24, codec="libx264").path
    path, parts, whole = tmp_path / "j.mkv", tmp_path / "parts.txt", tmp_path / "whole.mkv"
    path.write_bytes(part.read_bytes() * 2)
    with pytest.raises(VidcolorError, match=r"start over near frame .*-f concat -safe 0 -i parts\.txt"):
        list(read(probe(path), on_error="skip"))
    parts.write_text(f"file '{part}'\n" * 2)
    ffmpeg("-f", "concat", "-safe", 0, "-i", parts, "-map", 0, "-c", "copy", whole)
    assert len(list(read(probe(whole)))) == 48
