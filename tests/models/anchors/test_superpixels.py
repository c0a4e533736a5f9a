"""Superpixels: weights that sum to one, pooling and diffusing that lose nothing of what is constant."""

import torch

from vidcolor.models.anchors import superpixels
from vidcolor.models.anchors.superpixels import CELL, SPixNet


def random_association(h=64, w=96, b=2, sharp=3.0):
    torch.manual_seed(0)
    logits = sharp * torch.randn(b, 9, h, w)
    return logits.masked_fill(~superpixels.inside(h, w), -torch.inf).softmax(1)


def own_cells(h, w):
    """Shares of superpixels that are just the cells."""
    association = torch.zeros(1, 9, h, w)
    association[:, 4] = 1
    return association


def test_the_net_gives_shares_that_sum_to_one_and_stay_inside():
    torch.manual_seed(0)
    net = SPixNet(4).eval()
    association = net(torch.rand(2, 1, 64, 96) * 100)
    assert association.shape == (2, 9, 64, 96) and association.dtype == torch.float32
    torch.testing.assert_close(association.sum(1), torch.ones(2, 64, 96))
    assert association[:, ~superpixels.inside(64, 96)].abs().max() == 0
    row, column = 16 * 96, 64 * 16
    corner = row + column - 16 * 16
    outside = (~superpixels.inside(64, 96)).sum(dim=(1, 2)).tolist()
    assert outside == [corner, row, corner, column, 0, column, corner, row, corner]


def test_the_papers_size():
    count = sum(p.numel() for p in SPixNet().parameters())
    assert count == 2_269_497
    assert SPixNet().down[4][1][0].out_channels == 256


def test_constant_maps_come_back():
    """Pooling is a mean and diffusing a mixture: weights sum to one."""
    association = random_association()
    maps = torch.tensor([3.0, -7.0, 50.0])[None, :, None, None].expand(2, 3, 64, 96)
    pooled = superpixels.pool(maps, association)
    torch.testing.assert_close(pooled, maps[..., :4, :6].contiguous())
    torch.testing.assert_close(superpixels.diffuse(pooled, association), maps.contiguous())


def test_areas_share_out_every_pixel():
    association = random_association()
    areas = superpixels.areas(association)
    assert areas.shape == (2, 1, 4, 6) and (areas > 0).all()
    torch.testing.assert_close(areas.sum((2, 3)), torch.full((2, 1), 64.0 * 96))


def test_pooling_is_the_weighted_mean_of_the_formula():
    """Against the sum over pixels, written out for one superpixel."""
    h, w = 48, 64
    association, maps = random_association(h, w, 1), torch.randn(1, 2, h, w)
    i, j = 1, 2
    total, weight = torch.zeros(2), torch.zeros(())
    for y in range(h):
        for x in range(w):
            k = 3 * (i - y // CELL + 1) + j - x // CELL + 1
            if abs(i - y // CELL) <= 1 and abs(j - x // CELL) <= 1:
                total += association[0, k, y, x] * maps[0, :, y, x]
                weight += association[0, k, y, x]
    torch.testing.assert_close(superpixels.pool(maps, association)[0, :, i, j], total / weight)
    torch.testing.assert_close(superpixels.areas(association)[0, 0, i, j], weight)


def test_diffusing_takes_each_pixels_own_neighbours():
    h, w = 48, 64
    association, values = random_association(h, w, 1), torch.randn(1, 1, h // CELL, w // CELL)
    out = superpixels.diffuse(values, association)
    for y, x in ((0, 0), (20, 37), (47, 63), (16, 15)):
        wanted = sum(
            float(association[0, 3 * (i - y // CELL + 1) + j - x // CELL + 1, y, x] * values[0, 0, i, j])
            for i in range(h // CELL)
            for j in range(w // CELL)
            if abs(i - y // CELL) <= 1 and abs(j - x // CELL) <= 1
        )
        assert abs(float(out[0, 0, y, x]) - wanted) < 1e-5


def test_coarser_shares_pool_coarser_maps_alike():
    association = random_association()
    maps = torch.randn(2, 3, 32, 48)
    fine = superpixels.pool(maps.repeat_interleave(2, 2).repeat_interleave(2, 3), association)
    torch.testing.assert_close(superpixels.pool(maps, superpixels.coarser(association, 2), CELL // 2), fine)


def test_ids_name_the_superpixel_that_a_pixel_belongs_to():
    ids = superpixels.ids(own_cells(48, 64))[0]
    assert ids.shape == (48, 64) and ids.unique().tolist() == list(range(12))
    assert ids[20, 40] == 1 * 4 + 2
    association = own_cells(48, 64)
    association[:, :, 20, 40] = 0
    association[:, 0, 20, 40] = 1  # the cell above to the left
    assert superpixels.ids(association)[0, 20, 40] == 1
