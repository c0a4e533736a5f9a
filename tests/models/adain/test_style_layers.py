"""What happens at the style layers of the transfer sub-net: AdaIN, whitening and colouring, labels."""

import pytest
import torch
from statistics_of import close, features, picture, sigma, unbounded

from vidcolor.models.adain.style_layers import Adain, Covariances, Labelled, StyleTransform, Wct
from vidcolor.models.adain.wct import covariance, whiten_and_color
from vidcolor.models.nets.adain import moments

LAYERS = 7


def outputs(net, rgb, layer):
    """What leaves each style layer on the way of a picture."""
    seen = {}

    def note(number, x):
        seen[number] = layer(number, x)
        return seen[number]

    net._run(rgb, note)
    return seen


def test_after_each_style_layer_features_have_the_styles_mean_and_deviation(net):
    style = net.reference_statistics(picture(1) ** 3)
    kind = Adain(net.channels, style)
    seen = outputs(net, picture(2), StyleTransform(kind))
    assert len(seen) == LAYERS
    for number, x in seen.items():
        wanted, before = kind.content(style)[number], moments(x)
        close(before.mu, wanted.mu, 1e-3)
        alive = wanted.sigma > 0.01  # a channel that is constant has no deviation to scale
        close(before.sigma[alive], wanted.sigma[alive], 2e-2)


def test_after_each_style_layer_wct_brings_the_whole_covariance_near(net):
    """Nearer than AdaIN, which knows deviations only, where colours hang together as they do in the style: there
    the three channels are nearly one."""
    rgb, noise = picture(2), picture(1)
    reference = 0.9 * noise[:, :1] + 0.1 * noise
    style = net.reference_covariances(reference)
    content = net.content_statistics(rgb, style)
    content = Covariances(tuple(unbounded(layer) for layer in content.layers))
    seen = outputs(net, rgb, StyleTransform(Wct(style), content=content))
    only_deviations = outputs(net, rgb, StyleTransform(Adain(net.channels, net.reference_statistics(reference))))
    assert len(seen) == len(only_deviations) == LAYERS
    for number in range(4):
        wanted = style.layers[number].root @ style.layers[number].root
        far = (sigma(only_deviations[number]) - wanted).norm()
        near = (sigma(seen[number]) - wanted).norm()
        assert near < 0.15 * wanted.norm() and near < 0.7 * far, (number, near, far, wanted.norm())


def test_wct_of_a_picture_with_itself_changes_nothing(net):
    rgb = picture(1)
    close(net.transfer(rgb, net.reference_covariances(rgb)), net.reconstruct(rgb)[0].clamp(0, 1), 2e-3)


def test_wct_at_strength_0_is_the_plain_way_and_differs_from_adain_at_1(net):
    rgb, reference = picture(2), picture(1) ** 3
    style = net.reference_covariances(reference)
    close(net.transfer(rgb, style, strength=0.0), net.reconstruct(rgb)[0].clamp(0, 1))
    outs = [net.transfer(rgb, style, layers=layers) for layers in ("both", "encoder", "decoder")]
    outs.append(net.transfer(rgb, net.reference_statistics(reference)))
    for i, one in enumerate(outs):
        assert all((one - other).abs().max() > 1e-3 for other in outs[:i])


def test_wct_mixes_references_by_their_roots():
    """The mix of the transform's outputs is the transform with mixed means and roots."""
    x, own = features(0), unbounded(covariance(features(0)))
    styles = [covariance(features(n)) for n in (1, 2, 3)]
    mixed = Covariances.cat([Covariances((one,)) for one in styles]).mix([1.0, 2.0, 1.0]).layers[0]
    outs = [whiten_and_color(x, style, own) for style in styles]
    close(whiten_and_color(x, mixed, own), 0.25 * outs[0] + 0.5 * outs[1] + 0.25 * outs[2])


def test_a_shots_covariances_make_one_mapping_for_all_its_frames(net):
    style = net.reference_covariances(picture(1))
    shot = torch.cat([picture(2), picture(3) * 0.5])
    content = net.content_statistics(shot, style)
    alone = net.content_statistics(shot[:1], style)
    close(net.transfer(shot[:1], style, content=alone), net.transfer(shot[:1], style), 1e-3)
    together = net.transfer(shot, style, content=content)
    close(together[1:], net.transfer(shot[1:], style, content=content), 1e-4)
    assert (together - net.transfer(shot, style)).abs().max() > 1e-3


def halves(low, high, size=(48, 64)):
    labels = torch.full((1, *size), low)
    labels[..., size[1] // 2 :] = high
    return labels


def test_one_label_for_all_is_adain(net):
    for size in ((48, 64), (45, 71)):
        rgb, everywhere = picture(2, size), torch.zeros(1, *size, dtype=torch.long)
        style = net.label_statistics([(picture(1), halves(0, 0))], 2)
        close(
            net.transfer(rgb, style, labels=everywhere), net.transfer(rgb, net.reference_statistics(picture(1))), 1e-3
        )


def test_a_label_takes_its_own_styles_statistics_only(net):
    """Another style in label 0 changes nothing where label 1 is, at the style layers themselves."""
    x = features(0, (1, 6, 24, 32))
    grids = halves(0, 1, (24, 32))
    outs = []
    for seed in (1, 2):
        y = features(seed, (1, 6, 24, 32))
        y[..., 16:] = features(3, (1, 6, 24, 32))[..., 16:]
        seen = Labelled(grids, 3).measure(y)
        style = net.label_statistics([(picture(1), halves(0, 1))], 3)
        kind = Labelled(grids, 3, type(style)(inside=((seen[0],),), whole=((seen[1],),)))
        outs.append(kind.apply(0, x, None))
    assert torch.equal(outs[0][..., 16:], outs[1][..., 16:])
    assert (outs[0][..., :16] - outs[1][..., :16]).abs().max() > 0.1


def test_labels_without_a_match_take_the_whole_or_stay(net):
    rgb, reference = picture(2), picture(1) ** 3
    plain = net.reconstruct(rgb)[0].clamp(0, 1)
    nowhere = halves(2, 2)
    whole = net.transfer(rgb, net.reference_statistics(reference))
    for fallback, wanted in ((True, whole), (False, plain)):
        style = net.label_statistics([(reference, halves(0, 1))], 3, fallback=fallback)
        close(net.transfer(rgb, style, labels=nowhere), wanted, 1e-3)
    assert (whole - plain).abs().max() > 0.05


def test_two_labelled_styles_mix(net):
    rgb, labels = picture(4), halves(0, 1)
    pairs = [(picture(1), halves(0, 1)), (picture(2) ** 3, halves(1, 0))]
    alone = [net.transfer(rgb, net.label_statistics([pair], 3), labels=labels) for pair in pairs]
    for n, weights in ((0, (1.0, 0.0)), (1, (0.0, 1.0))):
        close(net.transfer(rgb, net.label_statistics(pairs, 3, weights), labels=labels), alone[n], 1e-3)


def test_frames_of_a_shot_agree_on_labels(net):
    """Frozen statistics: what a frame gets does not hang on how much of a label that frame shows."""
    style = net.label_statistics([(picture(1), halves(0, 1))], 3)
    shot, maps = torch.cat([picture(2), picture(3)]), torch.cat([halves(0, 1), halves(0, 0)])
    content = net.content_statistics(shot, style, maps)
    both = net.transfer(shot, style, content=content, labels=maps)
    close(both[1:], net.transfer(shot[1:], style, content=content, labels=maps[1:]), 1e-4)
    assert (both[1:] - net.transfer(shot[1:], style, labels=maps[1:])).abs().max() > 1e-3


def test_labels_and_their_statistics_go_together(net):
    with pytest.raises(ValueError, match="labels go with label statistics"):
        net.transfer(picture(1), net.reference_statistics(picture(1)), labels=halves(0, 1))
    with pytest.raises(ValueError, match="labels go with label statistics"):
        net.transfer(picture(1), net.label_statistics([(picture(1), halves(0, 1))], 2))
