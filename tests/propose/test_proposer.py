"""Proposals for one frame."""

import numpy as np
from media import landscapes, write_film

from vidcolor.color.ycbcr import rgb_to_ycbcr
from vidcolor.film.probe import probe
from vidcolor.film.reader import read
from vidcolor.plan.scan import scan
from vidcolor.propose.anchors_file import Anchor, hex_of
from vidcolor.propose.proposer import DIFFERENT, Proposer, write_picture
from vidcolor.shots.representative import representative_frame


def test_the_least_difference_is_kept(painter, film):
    found = probe(film)
    proposer = Proposer(found, painter)
    seen = proposer.see(representative_frame(found, scan(found).pts, (0, 8)))
    made = proposer.anchors(seen, 8)
    assert proposer.least_difference(seen, made) >= DIFFERENT
    same = [Anchor(a.frame, n, a.x, a.y, a.color) for n in (1, 2) for a in made if a.proposal == 1]
    assert proposer.least_difference(seen, same) == 0
    # what is written names the superpixels that were chosen, and colours that come back
    cells = painter.place(seen.analysis, 8)
    h, w = seen.owner.shape
    first = [a for a in made if a.proposal == 1]
    at = [int(seen.owner[int((a.y + 0.5) * h / 64), int((a.x + 0.5) * w / 96)]) for a in first]
    assert at == cells.tolist()
    wanted = painter.propose(seen.analysis, cells)[0]
    for anchor, ab in zip(first, wanted.tolist()):
        assert anchor.color == hex_of_near(anchor, ab)


def hex_of_near(anchor, ab):
    """The anchor's own text if its ab is what sRGB has of `ab`."""
    best = Anchor(0, 1, 0, 0, hex_of(50, ab)).ab
    return anchor.color if np.hypot(*(np.array(anchor.ab) - best)) < 2 else hex_of(50, ab)


def test_a_turned_films_pictures_serve_as_its_keys(tmp_path, painter):
    """Written as a player shows them, taken back as the film is coded."""
    from vidcolor.keys.picture import load_key

    for turn in (0, 90, 180, 270):
        path = write_film(tmp_path / f"t{turn}.mkv", landscapes(4), tags={"space": 6, "range": 1}, rotation=turn).path
        found = probe(path)
        proposer = Proposer(found, painter)
        frame = next(iter(read(found, 0, 1)))
        seen = proposer.see(frame)
        made = proposer.anchors(seen, 5, 1)
        picture = proposer.picture(seen, made)
        assert picture.shape[:2] == proposer.size == ((96, 64) if turn in (90, 270) else (64, 96))
        assert all(0 <= a.x < picture.shape[1] and 0 <= a.y < picture.shape[0] for a in made)
        write_picture(tmp_path / "key.png", picture)
        luma = rgb_to_ycbcr(load_key(tmp_path / "key.png", found), "bt601")[0] * 219 + 16
        assert np.abs(luma - frame.luma).max() <= 1


def test_ten_bits_stay_ten_bits(tmp_path, painter):
    deep = [frame.astype(np.uint16) * 4 + 1 for frame in landscapes(2)]
    path = write_film(tmp_path / "deep.mkv", deep, pix_fmt="yuv420p10le", tags={"space": 1, "range": 1}).path
    found = probe(path)
    proposer = Proposer(found, painter)
    seen = proposer.see(next(iter(read(found, 0, 1))))
    picture = proposer.picture(seen, proposer.anchors(seen, 4, 1))
    assert picture.dtype == np.uint16
    luma = rgb_to_ycbcr(picture.astype(np.float32) / 65535, "bt709")[0] * 876 + 64
    assert np.abs(luma - seen.frame.luma).max() < 0.6
