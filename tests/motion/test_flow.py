"""Flow between frames: what moves where, and where it cannot be believed."""

import cv2
import numpy as np
import pytest
from moving import moving, texture

from vidcolor.motion import flow
from vidcolor.shot import FlowCache, Shot


def test_the_square_is_found_where_it_went():
    shot = Shot(moving(), 0)
    there, sure = flow.warp_map(shot, 0, 1)
    assert there.shape == (96, 160, 2) and there.dtype == sure.dtype == np.float32
    x, y = there[48, 60]
    assert (x, y) == pytest.approx((64, 48), abs=0.3) and sure[48, 60] > 0.9
    back, _ = flow.warp_map(shot, 1, 0)
    assert tuple(back[48, 64]) == pytest.approx((60, 48), abs=0.3)
    assert tuple(there[10, 20]) == pytest.approx((20, 10), abs=0.1)


def test_half_size_is_the_same_flow_in_pixels_twice_as_wide():
    shot = Shot(moving(), 0)
    there, sure = flow.warp_map(shot, 0, 1, half=True)
    assert there.shape == (48, 80, 2) and sure.shape == (48, 80) and there.dtype == sure.dtype == np.float32
    wide, wide_sure = flow.warp_map(shot, 0, 1)
    # the centre of half-size pixel i lies at 2 i + 0.5
    assert there == pytest.approx((cv2.resize(wide, (80, 48), interpolation=cv2.INTER_AREA) - 0.5) / 2, abs=0.6)
    assert there[24, 30] == pytest.approx((32, 24), abs=0.15)
    assert np.abs(sure - cv2.resize(wide_sure, (80, 48), interpolation=cv2.INTER_AREA)).mean() < 0.01


def test_warp_takes_colours_along():
    shot = Shot(moving(), 0)
    ab = np.zeros((96, 160, 2), np.float32)
    ab[28:68, 40:80] = (30, -20)  # the square's colour in frame 0
    there, _ = flow.warp_map(shot, 1, 0)
    seen = flow.warp(ab, there)
    assert seen[48, 64] == pytest.approx([30, -20], abs=0.1)
    assert seen[48, 120] == pytest.approx([0, 0], abs=0.1)


def test_confidence_falls_where_something_is_uncovered():
    shot = Shot(moving(dx=8), 0)
    _, sure = flow.warp_map(shot, 1, 0)  # frame 1's pixels in frame 0
    uncovered = sure[32:64, 41:46]  # ground that the square hid in frame 0
    rest = sure[10:90, 110:150]
    assert uncovered.mean() < 0.35 and rest.mean() > 0.95


def test_confidence_is_none_outside_the_frame():
    ground = texture(96, 220, 5)
    shot = Shot(np.stack([ground[:, 0:160], ground[:, 10:170]]), 0)  # the camera pans right by 10 pixels
    there, sure = flow.warp_map(shot, 1, 0)
    assert np.median(there[..., 0] - np.arange(160)) == pytest.approx(10, abs=0.2)
    assert sure[:, -7:].max() < 0.2 and np.median(sure[:, 8:140]) > 0.95


def test_flicker_of_the_whole_frame_is_no_doubt():
    still = texture(96, 160, 6)
    darker = np.clip(still * 0.85 - 6, 0, 255).astype(np.uint8)
    _, sure = flow.warp_map(Shot(np.stack([still, darker]), 0), 1, 0)
    assert np.median(sure) > 0.9
    spot = darker.copy()
    spot[40:60, 70:100] = np.clip(spot[40:60, 70:100].astype(int) + 60, 0, 255)  # a patch that does not fit
    _, sure = flow.warp_map(Shot(np.stack([still, spot]), 0), 1, 0)
    assert sure[44:56, 74:96].mean() < 0.3 and np.median(sure[:, :60]) > 0.9


def test_another_picture_has_no_confidence():
    shot = Shot(np.stack([texture(96, 160, 7), texture(96, 160, 8)]), 0)
    assert flow.warp_map(shot, 0, 1)[1].mean() < 0.4


def test_only_neighbours():
    shot = Shot(moving(), 0)
    for t, s in [(0, 2), (0, 0), (-1, 0), (2, 3)]:
        with pytest.raises(ValueError, match="neighbouring"):
            flow.warp_map(shot, t, s)


def test_cache_threads_and_order_change_no_bit():
    frames = moving(4)
    pooled, plain, capped = Shot(frames, 0), Shot(frames, 0), Shot(frames, 0, flow=FlowCache(0))
    flow.compute_flows(pooled, threads=2)
    pairs = [(0, 1), (2, 1), (1, 0), (3, 2)]
    a = [flow.warp_map(pooled, *p) for p in pairs]
    b = [flow.warp_map(plain, *p) for p in reversed(pairs)][::-1]
    c = [flow.warp_map(capped, *p) for p in pairs]
    assert [shot.flow.get(2) is not None for shot in (capped, pooled)] == [False, True]
    for one, two, three in zip(a, b, c):
        for i in (0, 1):
            assert np.array_equal(one[i], two[i]) and np.array_equal(one[i], three[i])


def test_the_cache_stays_within_its_bytes():
    frames = moving(6)
    shot = Shot(frames, 0)
    flow.compute_flows(shot, threads=1)
    all_of_it = shot.flow.nbytes
    shot = Shot(frames, 0, flow=FlowCache(all_of_it // 2))
    flow.compute_flows(shot, threads=2)
    assert 0 < shot.flow.nbytes <= all_of_it // 2
    shot.flow.clear()
    assert shot.flow.nbytes == 0 and shot.flow.get(0) is None
    assert all_of_it == 10 * 48 * 80 * 3 * 2  # five pairs, both ways, half size, x, y and confidence, float16


def test_tiny_frames_do_not_move():
    shot = Shot(np.zeros((2, 8, 8), np.uint8), 0)
    there, sure = flow.warp_map(shot, 0, 1)
    assert there[3, 5].tolist() == [5, 3] and sure.shape == (8, 8)
