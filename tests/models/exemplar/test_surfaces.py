"""Colours that agree along surfaces, and the equations behind it."""

import torch

from vidcolor.models.exemplar import surfaces

GREEN, ORANGE = torch.tensor([-30.0, 10.0]), torch.tensor([30.0, 40.0])
H, W = 24, 36


def filled(color):
    return color[:, None, None].expand(2, H, W).clone()


def descriptors(parts=None):
    """Unit vectors, another one in each of two parts."""
    fine = torch.zeros(4, H, W)
    fine[0] = 1
    if parts is not None:
        fine[0], fine[1] = (~parts).float(), parts.float()
    return fine


def apart(ab, color):
    return torch.linalg.vector_norm(ab - color[:, None, None], dim=0)


def test_a_wrong_doubtful_patch_in_a_flat_surface_takes_its_colour():
    ab, confidence = filled(GREEN), torch.full((H, W), 0.95)
    ab[:, 8:16, 12:24], confidence[8:16, 12:24] = ORANGE[:, None, None], 0.05
    found, sure = surfaces.agreed(ab, confidence, torch.full((4 * H, 4 * W), 50.0), descriptors())
    assert apart(found, GREEN).max() < 1
    assert sure[8:16, 12:24].min() > 0.8 and (sure >= confidence).all()


def test_sure_colours_keep_their_border_where_luma_shows_none():
    parts = torch.zeros(H, W, dtype=torch.bool)
    parts[:, W // 2 :] = True
    ab = torch.where(parts, filled(ORANGE), filled(GREEN))
    confidence = torch.full((H, W), 0.99)
    found, sure = surfaces.agreed(ab, confidence, torch.full((4 * H, 4 * W), 50.0), descriptors(parts))
    assert apart(found, GREEN)[:, : W // 2].max() < 1 and apart(found, ORANGE)[:, W // 2 :].max() < 1
    torch.testing.assert_close(sure, confidence, atol=0.01, rtol=0)


def test_a_small_thing_that_is_sure_keeps_its_colour():
    parts = torch.zeros(H, W, dtype=torch.bool)
    parts[10:14, 16:20] = True
    ab = torch.where(parts, filled(ORANGE), filled(GREEN))
    found, _ = surfaces.agreed(ab, torch.full((H, W), 0.99), torch.full((4 * H, 4 * W), 50.0), descriptors(parts))
    assert apart(found, ORANGE)[parts].max() < 3 and apart(found, GREEN)[~parts].max() < 3


def test_doubtful_places_take_nothing_from_beyond_an_edge_of_luma():
    ab, confidence = filled(GREEN), torch.full((H, W), 0.05)
    confidence[:, :4] = confidence[:, -4:] = 0.95
    ab[:, :, W // 2 :] = ORANGE[:, None, None]
    ab[:, :, 4 : W // 2] = 0
    l = torch.full((4 * H, 4 * W), 40.0)
    l[:, 2 * W :] = 60
    found, _ = surfaces.agreed(ab, confidence, l, descriptors())
    assert apart(found, GREEN)[:, : W // 2].max() < 1 and apart(found, ORANGE)[:, W // 2 :].max() < 1


def test_what_nothing_sure_reaches_stays_doubtful():
    ab, confidence = filled(GREEN), torch.full((H, W), 0.1)
    l = torch.full((4 * H, 4 * W), 40.0)
    l[:, 2 * W :] = 80
    confidence[:, : W // 2] = 0.95
    _, sure = surfaces.agreed(ab, confidence, l, descriptors())
    assert sure[:, W // 2 :].max() < 0.15


def test_beside_a_cropped_key_come_the_colours_of_its_edge_and_the_key_keeps_its_own():
    pin = torch.full((2, H, W), torch.nan)
    pin[:, :, : W // 2] = torch.where(torch.arange(H)[:, None] < H // 2, filled(GREEN), filled(ORANGE))[:, :, : W // 2]
    found_by_matching = filled(torch.tensor([-40.0, -40.0]))  # teal, which is nowhere in the key
    l = torch.full((4 * H, 4 * W), 40.0)
    l[2 * H :] = 60
    found, sure = surfaces.agreed(found_by_matching, torch.full((H, W), 0.1), l, descriptors(), pin)
    assert apart(found, GREEN)[: H // 2].max() < 1 and apart(found, ORANGE)[H // 2 :].max() < 1
    assert (found - pin)[:, :, : W // 2].abs().max() < 0.1
    assert sure[:, : W // 2].min() == 1 and sure[:, W // 2 : W // 2 + 4].min() > 0.7
