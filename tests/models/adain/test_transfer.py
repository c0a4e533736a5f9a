"""The transfer sub-net: shapes of VGG19, statistics of references, and that it can learn."""

import numpy as np
import pytest
import torch
from skimage import data
from statistics_of import picture

from vidcolor.color import lab as arrays
from vidcolor.color.lab_torch import lab_to_rgb, rgb_to_lab
from vidcolor.errors import VidcolorError
from vidcolor.models import weights
from vidcolor.models.adain import transfer
from vidcolor.models.adain.style_layers import Statistics
from vidcolor.models.adain.transfer import PAPER, THIN, TransferNet

VGG19 = {0: (64, 3), 2: (64, 64), 5: (128, 64), 7: (128, 128), 10: (256, 128), 12: (256, 256), 14: (256, 256)}
VGG19 |= {16: (256, 256), 19: (512, 256)}
"""Index in torchvision's `vgg19().features` and channels out and in, up to conv4_1 (Simonyan and Zisserman,
E)."""


def test_paper_size_is_vgg19s():
    net = TransferNet(PAPER)
    shapes = {key: tuple(value.shape) for key, value in net.encoder.state_dict().items()}
    wanted = {f"{i}.weight": (*c, 3, 3) for i, c in VGG19.items()} | {f"{i}.bias": c[:1] for i, c in VGG19.items()}
    assert shapes == wanted
    assert sum(p.numel() for p in net.encoder.parameters()) == 3_505_728
    assert sum(net.channels) == 1408
    assert net.decoder["4_1"].weight.shape == (256, 768, 3, 3)
    assert net.decoder["3_1"].weight.shape == (128, 384, 3, 3)
    assert net.decoder["2_1"].weight.shape == (64, 192, 3, 3)
    with torch.no_grad():
        style = net.reference_statistics(picture(1, (16, 24)))
        assert style.values.shape == (1, 2, 1408)
        assert net.transfer(picture(2, (32, 16)), style).shape == (1, 3, 32, 16)


def test_features_of_vgg19_are_loaded_by_their_own_names():
    net = TransferNet(PAPER)
    features = {f"{i}.weight": torch.full((*c, 3, 3), float(i)) for i, c in VGG19.items()}
    features |= {f"{i}.bias": torch.full(c[:1], -float(i)) for i, c in VGG19.items()}
    features["34.weight"] = torch.zeros(512, 512, 3, 3)  # deeper layers are left out
    transfer.load_features(net, features)
    assert net.encoder["19"].weight.unique().tolist() == [19]
    assert net.encoder["12"].bias.unique().tolist() == [-12]


def test_torchvisions_vgg19_gives_the_same_features():
    torchvision = pytest.importorskip("torchvision", exc_type=ImportError)
    torch.manual_seed(0)
    vgg, net = torchvision.models.vgg19(weights=None).features.eval(), TransferNet(PAPER)
    transfer.load_features(net, vgg.state_dict())
    mean, std = (torch.tensor(v)[:, None, None] for v in (transfer.IMAGENET_MEAN, transfer.IMAGENET_STD))
    rgb = picture(1, (16, 16))
    inside = (slice(None), slice(None), slice(4, -4), slice(4, -4))  # the borders are padded in another way
    with torch.no_grad():
        wanted = vgg[:4]((rgb - mean) / std)
        x = net._encode("2", net._encode("0", net.front(rgb)))
    torch.testing.assert_close(x[inside], wanted[inside], atol=1e-4, rtol=1e-4)


def test_without_torchvision_the_error_names_the_remedy(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "torchvision", None)
    monkeypatch.setitem(__import__("sys").modules, "torchvision.models", None)
    with pytest.raises(VidcolorError, match=r"needs torchvision; install it with .*vidcolor\[torchvision\]"):
        transfer.vgg19_encoder(TransferNet(PAPER))


@pytest.mark.parametrize("size", [(48, 64), (45, 71), (8, 8), (9, 15), (5, 3)])
def test_any_size(net, size):
    style = net.reference_statistics(picture(1))
    out = net.transfer(picture(2, size), style)
    assert out.shape == (1, 3, *size) and out.isfinite().all()
    assert out.amin() >= 0 and out.amax() <= 1


def test_padding_is_by_reflection(net):
    style, rgb = net.reference_statistics(picture(1)), picture(2, (45, 64))
    padded = torch.cat([rgb, rgb[:, :, [43, 42, 41]]], 2)
    torch.testing.assert_close(net.transfer(rgb, style), net.transfer(padded, style)[:, :, :45])


def test_a_reference_equal_to_the_target_changes_nothing(net):
    rgb = picture(1)
    plain, style = net.reconstruct(rgb)
    torch.testing.assert_close(net.transfer(rgb, style), plain.clamp(0, 1), atol=1e-4, rtol=1e-4)
    again = net.transfer(picture(2), style, strength=0.0)
    torch.testing.assert_close(again, net.reconstruct(picture(2))[0].clamp(0, 1))


def test_statistics_are_small_and_of_seven_sites(net):
    style = net.reference_statistics(torch.cat([picture(1), picture(2)]))
    assert style.values.shape == (2, 2, 4 + 6 + 8 + 10 + 8 + 6 + 4)
    assert (style.values[:, 1] > 0).all()
    torch.testing.assert_close(style.values[:1], net.reference_statistics(picture(1)).values)
    with_skips = TransferNet((4, 6, 8, 10), style_skips=True)
    assert with_skips.reference_statistics(picture(1)).values.shape == (1, 2, 46 + 18)
    assert sum(TransferNet(PAPER, style_skips=True).channels) == 1408 + 448
    with pytest.raises(ValueError, match="statistics of 64 channels"):
        net.transfer(picture(1), with_skips.reference_statistics(picture(1)))


def test_several_references_are_one_mixed_reference(net):
    """Eq. 5: the mix of AdaIN outputs at every style layer is AdaIN with mixed statistics (test_adain); here: the
    net's own mix, with shares of each frame's own."""
    references = torch.cat([picture(1), picture(2) ** 2])
    style = net.reference_statistics(references)
    first, second = (Statistics(one[None]) for one in style.values)
    frames = torch.cat([picture(n) for n in (3, 4, 5)])
    out = net.transfer(frames, style.mix(torch.tensor([[1.0, 0.0], [0.0, 2.0], [0.5, 0.5]])))
    torch.testing.assert_close(out[:1], net.transfer(frames[:1], first), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(out[1:2], net.transfer(frames[1:2], second), atol=1e-4, rtol=1e-4)
    half = Statistics(style.values.mean(0, keepdim=True))
    torch.testing.assert_close(out[2:], net.transfer(frames[2:], half), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(style.mix([3, 3]).values, half.values)


def test_sites_can_be_switched(net):
    style, rgb = net.reference_statistics(picture(1) ** 3), picture(2)
    outs = [net.transfer(rgb, style, layers=layers) for layers in ("both", "encoder", "decoder")]
    outs.append(net.transfer(rgb, style, strength=0.0))
    for i, one in enumerate(outs):
        assert all((one - other).abs().max() > 1e-3 for other in outs[:i])


def test_without_skips_the_decoder_is_smaller():
    net = TransferNet((4, 6, 8, 10), skips=False).eval()
    assert net.decoder["4_1"].weight.shape == (8, 8, 3, 3)
    assert net.transfer(picture(1), net.reference_statistics(picture(2))).shape == (1, 3, 48, 64)


def test_content_statistics_of_a_shot_make_one_mapping_for_all_its_frames(net):
    style = net.reference_statistics(picture(1))
    shot = torch.cat([picture(2), picture(3) * 0.5])
    content = net.content_statistics(shot, style)
    alone = net.content_statistics(shot[:1], style)
    torch.testing.assert_close(
        net.transfer(shot[:1], style, content=alone), net.transfer(shot[:1], style), atol=1e-4, rtol=1e-4
    )
    together = net.transfer(shot, style, content=content)
    torch.testing.assert_close(together[1:], net.transfer(shot[1:], style, content=content), atol=1e-5, rtol=1e-4)
    assert (together - net.transfer(shot, style)).abs().max() > 1e-3


def test_bfloat16_is_near_single_precision(net):
    style, rgb = net.reference_statistics(picture(1)), picture(2)
    wanted = net.transfer(rgb, style)
    assert (net.in_precision(torch.bfloat16).transfer(rgb, style) - wanted).abs().mean() < 0.02


def test_lab_is_the_pipelines_and_comes_back():
    rgb = picture(1)
    lab = rgb_to_lab(rgb)
    wanted = arrays.rgb_to_lab(rgb[0].permute(1, 2, 0).numpy())
    np.testing.assert_allclose(lab[0].permute(1, 2, 0).numpy(), wanted, atol=0.02)
    torch.testing.assert_close(lab_to_rgb(lab), rgb, atol=1e-4, rtol=1e-3)
    beyond = rgb_to_lab(torch.tensor([[1.2, -0.1, 0.5]])[..., None, None].requires_grad_())
    beyond.sum().backward()
    assert beyond.isfinite().all()
    outside = lab_to_rgb(torch.tensor([[50.0, 120.0, -120.0]])[..., None, None])
    assert outside.amin() >= 0 and outside.amax() <= 1


@pytest.mark.slow
def test_the_thin_net_learns_to_color_four_pictures():
    """Grey pictures in the colours of their mirrored copies, by a few steps of joint training."""
    torch.manual_seed(1)
    hue = torch.tensor([[60.0, 20.0], [-40.0, 40.0], [10.0, -60.0], [-30.0, -30.0]])[..., None, None]
    y, x = torch.meshgrid(torch.linspace(0, 1, 32), torch.linspace(0, 1, 40), indexing="ij")
    lightness = (30 + 40 * x + 15 * torch.sin(9 * y))[None, None].repeat(4, 1, 1, 1)
    truth = torch.cat([lightness, hue * torch.where(x > 0.5, 1.0, 0.2)], 1)
    grey = lab_to_rgb(torch.cat([lightness, torch.zeros(4, 2, 32, 40)], 1))
    reference = lab_to_rgb(truth).flip(3)
    wanted = rgb_to_lab(lab_to_rgb(truth))[:, 1:]
    net = TransferNet(THIN)
    optimizer = torch.optim.Adam(net.parameters(), 3e-3)

    def error(rgb):
        return (rgb_to_lab(rgb)[:, 1:] - wanted).norm(dim=1).mean()

    before = float(error(grey))
    for _ in range(60):
        again, style = net.reconstruct(reference)
        loss = error(net(grey, style)) + 10 * (again - reference).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        after = float(error(net.transfer(grey, net.reference_statistics(reference))))
    assert after < 0.35 * before, (before, after)


def test_weights_that_do_not_fit_their_settings(tmp_path):
    path = tmp_path / "mine.safetensors"
    state = TransferNet((4, 6, 8, 10)).state_dict()
    weights.save(path, state, {"net": "transfer", "settings": {"widths": [4, 6, 8, 10]}})
    assert weights.load_net(TransferNet, str(path)).widths == (4, 6, 8, 10)
    weights.save(path, state, {"net": "transfer", "settings": {"widths": [4, 6, 8, 12]}})
    with pytest.raises(VidcolorError, match="do not fit this version's net"):
        weights.load_net(TransferNet, str(path))


def test_the_shipped_net_colors_a_grey_photograph_from_its_mirrored_other_view():
    """Nearer to the truth than grey, and than one mean colour everywhere, on photographs it has not seen."""
    net = weights.load_net(TransferNet)
    for name in ("astronaut", "chelsea", "coffee"):
        rgb = torch.from_numpy(getattr(data, name)()).permute(2, 0, 1)[None].float() / 255
        rgb = torch.nn.functional.interpolate(rgb, size=(128, 160), mode="area")
        lab = rgb_to_lab(rgb)
        grey = lab_to_rgb(torch.cat([lab[:, :1], torch.zeros_like(lab[:, 1:])], 1))
        style = net.reference_statistics(rgb[..., 8:, :-16].flip(3))
        out = rgb_to_lab(net.transfer(grey, style))[:, 1:]
        error, of_grey, of_mean = (
            float((ab - lab[:, 1:]).norm(dim=1).mean())
            for ab in (out, torch.zeros_like(out), lab[:, 1:].mean((2, 3), keepdim=True))
        )
        assert error < 0.9 * of_grey and error < of_mean, (name, error, of_grey, of_mean)
