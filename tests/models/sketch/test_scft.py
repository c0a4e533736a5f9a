"""The sketch net: the paper's sizes, attention, the triplets, and that it learns to take colours from a reference."""

import pytest
import torch

from vidcolor.models.sketch.scft import PAPER, THIN, Scft, colors, nothing

SMALL = {"widths": (8, 12, 16, 24), "levels": (4, 6, 8), "body": 16, "blocks": 1, "fold": 2, "grid": 8}


@pytest.fixture(autouse=True)
def one_thread():
    """Layers this small only wait for each other in more, worst on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def pictures(n=2, size=(32, 48), seed=0):
    generator = torch.Generator().manual_seed(seed)
    sketch = (torch.rand(n, 1, *size, generator=generator) > 0.2).float()
    return sketch, torch.rand(n, 3, *size, generator=generator)


def small(**settings):
    torch.manual_seed(0)
    return Scft(**(SMALL | settings)).eval()


def test_the_papers_encoders_have_its_ten_convolutions():
    with torch.device("meta"):
        net = Scft(**PAPER)
    widths = [16, 16, 32, 32, 64, 64, 128, 128, 256, 256]
    for encoder, channels in ((net.of_sketch, 1), (net.of_reference, 3)):
        shapes = [tuple(conv.weight.shape) for conv in encoder.convs]
        assert shapes == [(o, i, 3, 3) for i, o in zip([channels, *widths], widths)]
        assert [conv.stride[0] for conv in encoder.convs] == [1, 1, 2, 1, 2, 1, 2, 1, 2, 1]
        count = sum(o * (9 * i + 1) for i, o in zip([channels, *widths], widths))
        assert sum(p.numel() for p in encoder.parameters()) == count == 1_178_192 + 144 * channels + 144
    assert net.depth == 992
    assert sum(p.numel() for n in (net.query, net.key, net.value) for p in n.parameters()) == 3 * 992**2
    assert len(net.blocks) == 4 and net.blocks[0].convs[0].weight.shape == (992, 992, 3, 3)
    assert [up[0].weight.shape[:2] for up in net.ups] == [(256, 1984), (128, 384), (64, 192), (32, 96), (16, 48)]
    assert net.out.weight.shape == (3, 16, 3, 3)
    tokens = net.tokens(net.sketch_maps(torch.empty(1, 1, 256, 256, device="meta")))
    assert tokens.shape == (1, 992, 16, 16)


def test_the_light_levels_of_the_papers_encoders():
    with torch.device("meta"):
        assert Scft(PAPER["widths"], levels=(6, 8, 10)).depth == 448


def test_the_shipped_size():
    net = Scft(**THIN)
    count = sum(p.numel() for p in net.parameters())
    assert count * 2 < 12e6, "bytes in half precision"
    assert net.settings == Scft(**net.settings).settings
    sketch, reference = pictures(1, (64, 96))
    assert net.eval()(sketch, reference).shape == (1, 3, 64, 96)


@pytest.mark.parametrize("transfer", ["attention", "adain", "addition"])
@pytest.mark.parametrize("copy", [False, True])
def test_any_size_and_every_way_of_transfer(transfer, copy):
    net = small(transfer=transfer, copy=copy)
    sketch, reference = pictures(1, (48, 80))[0], pictures(1, (32, 64), 1)[1]
    out = net(sketch, reference)
    assert out.shape == (1, 3, 48, 80) and out.min() >= 0 and out.max() <= 1
    other = net(sketch, 1 - reference)
    assert (out - other).abs().max() > 1e-4, "the reference matters"


def test_settings_that_do_not_fit():
    with pytest.raises(ValueError, match="transfer 'wct'"):
        Scft(transfer="wct")
    with pytest.raises(ValueError, match="the last must be at 16"):
        Scft((8, 8, 8), levels=(2,))
    with pytest.raises(ValueError, match="the tokens' 5"):
        Scft(grid=5)


def test_attention_gathers_weighted_means_and_shares_sum_to_one():
    net = small()
    maps = net.sketch_maps(pictures(1)[0])
    place = net.tokens(maps)
    keys, values = net.keys(net.reference_tokens(pictures(1)[1]))
    same = torch.ones_like(values) * 7
    mixed, most = net.attend(place, keys, same)
    torch.testing.assert_close(mixed - place, torch.full_like(place, 7), atol=1e-4, rtol=1e-4)
    assert most.shape == (1, 1, 4, 6) and most.min() >= 1 / keys.shape[1] and most.max() <= 1
    scores = net.query(place.flatten(2).transpose(1, 2)) @ keys.transpose(1, 2) / net.depth**0.5
    wanted = scores.softmax(-1) @ values
    torch.testing.assert_close((net.attend(place, keys, values)[0] - place).flatten(2).transpose(1, 2), wanted)


def test_references_side_by_side_and_what_a_bias_silences():
    net = small(copy=True)
    place = net.tokens(net.sketch_maps(pictures(1)[0]))
    one, two = (net.keys(net.reference_tokens(pictures(1, seed=s)[1])) for s in (1, 2))
    both = [torch.cat(parts, 1) for parts in zip(one, two)]
    bias = torch.zeros(1, both[0].shape[1])
    bias[:, one[0].shape[1] :] = -1e4
    for a, b in zip(net.attend(place, *both, bias), net.attend(place, *one)):
        torch.testing.assert_close(a, b)
    assert (net.attend(place, *both)[0] - net.attend(place, *one)[0]).abs().max() > 1e-4


def test_copied_colors_are_the_references_without_its_lines():
    flat = torch.zeros(1, 3, 32, 32)
    flat[:, 0] = 0.9
    lined = flat.clone()
    lined[..., 3::8] = 0.02
    torch.testing.assert_close(colors(flat, 8), flat[..., :4, :4])
    assert (colors(lined, 8) - flat[..., :4, :4]).abs().max() < 0.1
    assert (torch.nn.functional.avg_pool2d(lined, 8) - flat[..., :4, :4]).abs().max() > 0.1
    dark = torch.full((1, 3, 16, 16), 0.1)
    torch.testing.assert_close(colors(dark, 8), dark[..., :2, :2])


def test_no_reference_is_zero_as_the_net_sees_it():
    net = small(copy=True)
    tokens = net.reference_tokens(nothing(torch.rand(1, 3, 32, 32)))
    assert tokens[:, net.depth :].abs().max() < 1e-5
    sketch = pictures(1)[0]
    plain = small(copy=False)
    torch.testing.assert_close(plain.alone(sketch), plain(sketch, nothing(torch.rand(1, 3, 32, 48))))
    assert (net.alone(sketch) - net(sketch, nothing(torch.rand(1, 3, 32, 48)))).abs().max() > 1e-3, "no share of grey"
    seen = []
    net.of_reference.register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    net.reference_tokens(nothing(torch.rand(1, 3, 32, 32)))
    assert seen[0].abs().max() == 0


@pytest.mark.slow
def test_it_learns_to_take_the_colors_of_a_reference():
    """Four drawings of a disk and a square in their own colours; the reference is the mirrored picture."""
    torch.manual_seed(0)
    y, x = torch.meshgrid(torch.arange(32.0), torch.arange(48.0), indexing="ij")
    disk, square = (x - 14).hypot(y - 15) < 9, ((x - 36).abs() < 7) & ((y - 16).abs() < 8)
    paint = torch.rand(4, 3, 3)
    target = paint[:, 0, :, None, None].expand(4, 3, 32, 48).clone()
    for n, part in ((1, disk), (2, square)):
        target = torch.where(part, paint[:, n, :, None, None], target)
    sketch = torch.ones(4, 1, 32, 48)
    for part in (disk, square):
        inner = -torch.nn.functional.max_pool2d(-part[None].float(), 3, 1, 1)[0] > 0
        sketch[:, :, part & ~inner] = 0
    reference = target.flip(3)
    net = Scft(**SMALL, copy=True)
    optimizer = torch.optim.Adam(net.parameters(), 4e-3)
    for _ in range(80):
        shuffled = torch.randperm(4)
        loss = (net(sketch, reference[shuffled]) - target[shuffled]).abs().mean()
        loss = loss + (net.alone(sketch) - target).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        own, none, other = (
            float((rgb - target).abs().mean())
            for rgb in (net(sketch, reference), net.alone(sketch), net(sketch, reference.roll(1, 0)))
        )
    assert own < 0.5 * none and own < 0.4 * other, (own, none, other)
