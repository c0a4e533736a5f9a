"""The losses of the sketch net."""

import torch

from vidcolor.training.losses import PatchGan, sampled, triplet


def test_triplets_want_the_positive_nearer_by_the_margin():
    query = torch.tensor([[4.0, 0.0, 0.0, 0.0]])
    along, across = query * 2, torch.tensor([[0.0, 5.0, 0.0, 0.0]])
    # S = 4 * 8 / sqrt(4) = 16 and 0: 16 above by more than 12
    assert triplet(query, along, across).tolist() == [0.0]
    assert triplet(query, along, across, margin=20.0).tolist() == [4.0]
    assert triplet(query, across, along).tolist() == [28.0]


def test_a_positive_is_the_mix_of_four_neighbours_at_the_known_place():
    y, x = torch.meshgrid(torch.arange(3.0), torch.arange(4.0), indexing="ij")
    maps = torch.stack([x, y])[None]
    at = torch.tensor([[[0.0, 0.0], [1.5, 0.25], [3.0, 2.0], [2.0, 1.5]]])
    torch.testing.assert_close(sampled(maps, at), at)


def test_patches_of_the_critic():
    critic = PatchGan(8)
    sketch, color = torch.rand(2, 1, 64, 96), torch.rand(2, 3, 64, 96)
    assert critic(sketch, color).shape == (2, 1, 6, 10)
    assert critic.layers[0].weight.shape == (8, 4, 4, 4)
