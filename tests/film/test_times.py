"""Frames, times and rates are those that ffmpeg itself finds, whatever the container says or leaves out."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from joining import color
from media import ffmpeg, times_by_ffmpeg, write_film

from vidcolor.encode.format import output_format
from vidcolor.errors import VidcolorError
from vidcolor.film.decode import ReadReport
from vidcolor.film.probe import probe
from vidcolor.film.reader import read
from vidcolor.film.tracks import source_tracks
from vidcolor.film.truncation import missing_bytes
from vidcolor.join.timing import Span
from vidcolor.join.verify import verify
from vidcolor.settings import Settings

B_FRAMES = ["-c:v", "libx264", "-bf", 3, "-g", 12]
TELECINE = Fraction(24000, 1001)
FILMS = {  # name: how it is written, and how many frames a second it has
    "b-frames.avi": (B_FRAMES, 24),
    "xvid.avi": (["-c:v", "mpeg4", "-bf", 2, "-vtag", "XVID"], TELECINE),
    "raw.h264": (B_FRAMES, TELECINE),
    "raw.hevc": (["-c:v", "libx265", "-x265-params", "log-level=none"], 15),
    "raw.m2v": (["-c:v", "mpeg2video", "-bf", 2], 30),
    "raw.m4v": (["-c:v", "mpeg4", "-bf", 2], 50),
    "raw.m1v": (["-c:v", "mpeg1video"], 24),
    "raw.h263": (["-c:v", "h263", "-s", "176x144"], Fraction(30000, 1001)),
    "raw.ivf": (["-c:v", "libvpx-vp9"], 15),
    "raw.y4m": (["-c:v", "rawvideo", "-f", "yuv4mpegpipe"], Fraction(30000, 1001)),
    "pal.dv": (["-c:v", "dvvideo", "-s", "720x576"], 25),
    "ntsc.dv": (["-c:v", "dvvideo", "-s", "720x480", "-pix_fmt", "yuv411p"], Fraction(30000, 1001)),
    "live.mkv": ([*B_FRAMES, "-f", "matroska", "-live", 1], 24),
    "parts.mp4": ([*B_FRAMES, "-movflags", "empty_moov+default_base_moof", "-frag_duration", 200000], 24),
    "flash.flv": (B_FRAMES, 24),
    "start.mp4": ([*B_FRAMES, "-output_ts_offset", -0.3, "-avoid_negative_ts", "disabled"], 24),
    "wrap.ts": (["-c:v", "mpeg2video", "-bf", 2, "-output_ts_offset", 95442, "-f", "mpegts"], 24),
    "wrap.vob": (["-c:v", "mpeg2video", "-bf", 2, "-output_ts_offset", 95442, "-f", "vob"], 24),
    "wmv.wmv": (["-c:v", "wmv2"], 24),
}


@pytest.fixture(scope="module")
def grey(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_film(tmp_path_factory.mktemp("grey") / "grey.mkv", 30).path


@pytest.mark.parametrize("name", FILMS)
def test_frames_and_times_are_ffmpeg_s(tmp_path: Path, grey: Path, name: str) -> None:
    how, rate = FILMS[name]
    path = tmp_path / name
    ffmpeg("-r", rate, "-i", grey, *how, "-r", rate, "-frames:v", 30, path)
    film = probe(path)
    report = ReadReport()
    frames = list(read(film, report=report))
    times = [frame.pts * film.time_base for frame in frames]
    assert len(times) == len(times_by_ffmpeg(path)) and report.summary() == ""
    assert len(times) == (22 if name == "start.mp4" else 30)  # what lies before time 0 is not shown
    expected = np.diff([float(time) for time in times_by_ffmpeg(path)])
    assert np.diff([float(time) for time in times]) == pytest.approx(expected, abs=1e-9)
    assert float(film.frame_rate) == pytest.approx(float(rate), rel=0.002)
    pts = [frame.pts for frame in frames]
    for frame in read(film, 17, 24, pts):
        assert np.array_equal(frame.luma, frames[frame.index].luma)


def _shown(path: Path) -> dict[str, list[float]]:
    """Seconds at which the packets of picture and sound are shown."""
    with av.open(str(path)) as container:
        times: dict[str, list[float]] = {}
        for packet in container.demux():
            if packet.size:
                times.setdefault(packet.stream.type, []).append(float(packet.pts * packet.time_base))
    return {kind: sorted(stamps) for kind, stamps in times.items()}


def _with_sound(path: Path, grey: Path, *how: object) -> Path:
    ffmpeg("-i", grey, "-f", "lavfi", "-i", "sine=440:d=1.2:r=48000", "-c:v", "mpeg2video", "-c:a", "mp2", *how, path)
    return path


@pytest.mark.parametrize("name", ["wrap.ts", "wrap.vob"])
@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_a_film_that_begins_before_time_0_is_moved_as_a_whole(
    tmp_path: Path, grey: Path, name: str, suffix: str
) -> None:
    """A recording shortly before its clock runs over; the whole of it and a part."""
    form = name.partition(".")[2].replace("ts", "mpegts")
    film = probe(_with_sound(tmp_path / name, grey, "-output_ts_offset", 95442.2, "-f", form))
    pts = [frame.pts for frame in read(film)]
    before = _shown(film.path) | {"video": [float(stamp * film.time_base) for stamp in pts]}
    assert pts[0] < 0 and set(np.diff(pts)) == {3750}  # also where a program stream has several frames in a packet
    color(film, tmp_path / f"out{suffix}", Settings(), cuts=(11,))
    after = _shown(tmp_path / f"out{suffix}")
    moved = after["video"][0] - before["video"][0]
    assert min(after["video"][0], after["audio"][0]) == pytest.approx(0, abs=0.001)
    for kind in ("video", "audio"):
        assert after[kind] == pytest.approx([time + moved for time in before[kind]], abs=0.0011)
    color(film, tmp_path / f"part{suffix}", Settings(), first=2, stop=20, bounds=(pts[2], pts[20]))
    part = _shown(tmp_path / f"part{suffix}")
    shift = part["video"][0] - before["video"][2]
    expected = [time for time in before["audio"] if before["video"][2] <= time < before["video"][20]]
    assert part["audio"] == pytest.approx([time + shift for time in expected], abs=0.0011)


def test_sound_of_a_part_ends_with_it_in_a_film_that_starts_late(tmp_path: Path, grey: Path) -> None:
    film = probe(_with_sound(tmp_path / "a.ts", grey))
    pts = [frame.pts for frame in read(film)]
    color(film, tmp_path / "out.mkv", Settings(), first=5, stop=15, bounds=(pts[5], pts[15]))
    sound = _shown(tmp_path / "out.mkv")["audio"]
    start, end = (float(pts[frame] * film.time_base) for frame in (5, 15))
    assert start <= sound[0] < start + 0.025 and end - 0.025 <= sound[-1] < end


def test_sound_that_begins_a_little_before_time_0_is_kept(tmp_path: Path, grey: Path) -> None:
    path = tmp_path / "a.ogv"
    ffmpeg("-i", grey, "-f", "lavfi", "-i", "sine=440:d=1.2:r=48000", "-c:v", "libtheora", "-c:a", "libvorbis", path)
    before = _shown(path)
    assert before["audio"][0] < 0
    assert color(probe(path), tmp_path / "out.mkv", Settings()).lost == ()
    after = _shown(tmp_path / "out.mkv")
    assert after["audio"][5] - after["video"][5] == pytest.approx(before["audio"][5] - before["video"][5], abs=0.0011)


@pytest.mark.parametrize("how", ["later", "on one instant", "faster"])
def test_sound_elsewhere_than_in_the_film_is_noticed(tmp_path: Path, grey: Path, how: str) -> None:
    film = probe(_with_sound(tmp_path / "a.mkv", grey))
    pts = np.array([frame.pts for frame in read(film)])
    good, wrong = tmp_path / "good.mkv", tmp_path / "wrong.mkv"
    color(film, good, Settings())
    fmt, tracks, span = output_format(film, Settings(), good), source_tracks(film), Span(None, None, 0)
    assert verify(film, fmt, pts, good, tracks, span) == []
    time = {"later": "PTS+300", "on one instant": "min(PTS\\,500)", "faster": "PTS*0.7"}[how]
    ffmpeg("-i", good, "-map", 0, "-c", "copy", "-copyts", "-bsf:a", f"setts=ts={time}", wrong)
    with pytest.raises(VidcolorError, match=r"finished file is wrong: audio stream 1"):
        verify(film, fmt, pts, wrong, tracks, span)
    ffmpeg("-i", good, "-map", 0, "-c", "copy", "-copyts", "-bsf:a", "setts=ts=PTS+60", wrong)
    assert verify(film, fmt, pts, wrong, tracks, span) == [f"{tracks[0]}: 0.060 s of its place beside the picture"]


def test_sizes_that_an_avi_does_not_know(tmp_path: Path, grey: Path) -> None:
    path = tmp_path / "a.avi"
    ffmpeg("-i", grey, "-c:v", "mpeg4", path)
    whole = path.read_bytes()
    assert missing_bytes(path) == 0
    movi = whole.index(b"movi") - 8
    for size in (b"\xff\xff\xff\xff", b"\0\0\0\0"):  # written into a pipe, or by a writer that died
        path.write_bytes(whole[:4] + size + whole[8 : movi + 4] + size + whole[movi + 8 :])
        assert missing_bytes(path) == 0 and len(list(read(probe(path)))) == 30
    path.write_bytes(whole[:4] + (len(whole) + 24).to_bytes(4, "little") + whole[8:])
    assert missing_bytes(path) == 0  # a few bytes off, though all pictures are there
    more = (
        b"RIFF" + (12 + 1000).to_bytes(4, "little") + b"AVIXLIST" + (1000).to_bytes(4, "little") + b"movi" + bytes(996)
    )
    path.write_bytes(whole + more)
    assert missing_bytes(path) == 0
    path.write_bytes(whole + more[:-100])
    assert missing_bytes(path) == 100
    chunks = [place for place in range(len(whole)) if whole.startswith(b"00dc", place)]
    chunks = [place for place in chunks if place > movi]
    path.write_bytes(whole[: chunks[20]])  # between two frames: the decoder notices nothing
    with pytest.raises(VidcolorError, match=r"frame 20 .*truncated"):
        list(read(probe(path)))


def _zeroed(path: Path, *names: bytes) -> Path:
    """The file with the number after each of these names in its header set to 0."""
    data = bytearray(path.read_bytes())
    for name in names:
        place = data.index(name) + len(name)
        data[place + 1 : place + 9] = bytes(8)
    path.write_bytes(data)
    return path


def _open_ended(path: Path) -> Path:
    """An MP4 whose last box, `mdat`, goes on to the end of the file, whatever that is."""
    data = bytearray(path.read_bytes())
    place = data.index(b"mdat") - 4
    data[place : place + 4] = bytes(4)
    path.write_bytes(data)
    return path


def _packed(path: Path) -> Path:
    """An AVI as DivX wrote it: a P and a B picture in one chunk, and an empty picture in the chunk after it."""
    with av.open(str(path)) as source:
        stream = source.streams.video[0]
        pictures = [bytes(packet) for packet in source.demux(stream) if packet.size]
        out = path.with_name("packed.avi")
        with av.open(str(out), "w") as result:
            target = result.add_stream_from_template(stream)
            first = pictures[0]
            begin = min(place for place in (first.find(b"\0\0\1\xb3"), first.find(b"\0\0\1\xb6")) if place >= 0)
            chunks = [first[:begin] + b"\0\0\1\xb2DivX503b1393p" + first[begin:]]
            for after, before in zip(pictures[1::2], pictures[2::2], strict=False):
                chunks += [after + before, b"\0\0\1\xb6\x57\0\x80"]
            for number, chunk in enumerate(chunks):
                packet = av.Packet(chunk)
                packet.stream, packet.time_base, packet.duration = target, Fraction(1, 24), 1
                packet.pts = packet.dts = number
                packet.is_keyframe = number == 0
                result.mux(packet)
    return out


@pytest.mark.parametrize("name", ["a.flv", "a.mp4", "a.avi"])
def test_headers_that_leave_something_open(tmp_path: Path, grey: Path, name: str) -> None:
    path, frames = tmp_path / name, 30
    if name == "a.avi":
        ffmpeg("-i", grey, "-c:v", "mpeg4", "-bf", 1, "-b_strategy", 0, "-g", 99, "-sc_threshold", 1000000000, path)
        path, frames = _packed(path), 29
    else:
        front = ["-movflags", "faststart"] if name == "a.mp4" else []
        ffmpeg("-i", grey, *B_FRAMES, *front, path)
        path = _open_ended(path) if name == "a.mp4" else _zeroed(path, b"duration", b"framerate", b"filesize")
    film, report = probe(path), ReadReport()
    times = [float(frame.pts * film.time_base) for frame in read(film, report=report)]
    expected = [float(time) for time in times_by_ffmpeg(path)]
    assert len(times) == frames and report.summary() == ""
    assert np.diff(times) == pytest.approx(np.diff(expected), abs=1e-9)
