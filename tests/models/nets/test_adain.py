"""AdaIN, the mix of references, and labels."""

import pytest
import torch

from vidcolor.models.nets import adain as nets_adain
from vidcolor.models.nets.adain import Moments, adain, adain_labels, label_moments, mix, moments


def features(seed, size=(2, 6, 12, 17), spread=3.0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(size, generator=generator) * spread + torch.arange(size[1])[:, None, None]


def close(a, b, tolerance=1e-4):
    torch.testing.assert_close(a, b, atol=tolerance, rtol=tolerance)


def test_moments_are_those_of_torch():
    x = features(0)
    variance, mean = torch.var_mean(x, (2, 3), correction=0)
    close(moments(x).mu[..., 0, 0], mean)
    close(moments(x).sigma[..., 0, 0], (variance + 1e-5).sqrt())
    together = moments(x, together=True)
    close(together.mu, x.mean((0, 2, 3), keepdim=True))
    assert together.sigma.shape == (1, 6, 1, 1)


def test_the_result_has_the_styles_statistics():
    style = moments(features(1, (2, 6, 9, 9), 0.7))
    result = moments(adain(features(0), style))
    close(result.mu, style.mu)
    close(result.sigma, style.sigma)


@pytest.mark.parametrize("grad", [False, True])
def test_the_fused_kernel_is_the_formula(grad):
    x, style = features(0, (1, 6, 12, 17)), moments(features(1, (1, 6, 9, 9), 0.7))
    own = moments(x)
    with torch.set_grad_enabled(grad):
        close(adain(x, style), style.sigma * (x - own.mu) / own.sigma + style.mu)


def test_own_statistics_change_nothing():
    x = features(0)
    close(adain(x, moments(x)), x)


def test_content_statistics_from_elsewhere_keep_frames_apart():
    """A frame brighter than its shot stays brighter: with its own statistics it would not."""
    x, style = features(0, (1, 6, 12, 17)), moments(features(1, (1, 6, 9, 9)))
    brighter = adain(x + 1, style, moments(x)) - adain(x, style, moments(x))
    close(brighter, (style.sigma / moments(x).sigma).expand_as(x))
    close(adain(x + 1, style), adain(x, style))


def test_eq5_mixing_outputs_equals_mixing_statistics():
    x = features(0)
    styles = [moments(features(n, (2, 6, 5, 8), n)) for n in (1, 2, 3)]
    weights = [0.5, 2.0, 1.5]
    mixed = sum(w / 4 * adain(x, s) for w, s in zip(weights, styles))
    close(adain(x, mix(styles, weights)), mixed)


@pytest.mark.parametrize("weights", [[0.0, 0.0], [1.0, -0.5], []])
def test_weights_that_are_no_shares(weights):
    with pytest.raises(ValueError, match="reference weights"):
        mix([moments(features(1))] * len(weights), weights)


def halves(h, w, low=0, high=1):
    labels = torch.full((2, h, w), low)
    labels[..., w // 2 :] = high
    return labels


def test_each_label_takes_the_statistics_of_its_own():
    x, y = features(0, (2, 6, 12, 16)), features(1, (2, 6, 12, 16), 0.5)
    style = label_moments(y, halves(12, 16), 3)
    result = adain_labels(x, halves(24, 32), [style])  # labels at another size
    for part in (slice(0, 8), slice(8, 16)):
        close(moments(result[..., part]).mu, moments(y[..., part]).mu)
        close(moments(result[..., part]).sigma, moments(y[..., part]).sigma)


def test_a_label_without_a_match_falls_back():
    x, y = features(0, (2, 6, 12, 16)), features(1, (2, 6, 12, 16), 0.5)
    style = label_moments(y, halves(12, 16, 0, 2), 3)
    kept = adain_labels(x, halves(12, 16), [style])
    assert torch.equal(kept[..., 8:], x[..., 8:])
    assert not torch.allclose(kept[..., :8], x[..., :8])
    globally = adain_labels(x, halves(12, 16), [style], fallback=[moments(y)])
    close(globally[..., 8:], adain(x, moments(y))[..., 8:])
    close(globally[..., :8], kept[..., :8])


def test_too_few_pixels_or_too_unlike_areas_are_no_match(monkeypatch):
    x, y = features(0, (2, 6, 12, 16)), features(1, (2, 6, 12, 16))
    few = torch.ones(2, 12, 16, dtype=torch.long)
    few[:, 0, :10] = 0
    style = label_moments(y, few, 2)
    labels = halves(12, 16)
    assert torch.equal(adain_labels(x, labels, [style])[..., :8], x[..., :8])
    monkeypatch.setattr(nets_adain, "MIN_PIXELS", 9)
    assert not torch.equal(adain_labels(x, labels, [style])[..., :8], x[..., :8])
    monkeypatch.setattr(nets_adain, "MAX_RATIO", 9)
    assert torch.equal(adain_labels(x, labels, [style])[..., :8], x[..., :8])


def test_references_that_lack_a_label_drop_out_of_eq5():
    x, y, z = features(0, (2, 6, 12, 16)), features(1, (2, 6, 12, 16)), features(2, (2, 6, 12, 16), 0.5)
    both, one = label_moments(y, halves(12, 16), 2), label_moments(z, halves(12, 16, 0, 0), 2)
    result = adain_labels(x, halves(12, 16), [both, one], [3.0, 1.0])
    close(moments(result[..., 8:]).mu, moments(y[..., 8:]).mu)
    expected = mix([moments(y[..., :8]), moments(z)], [3.0, 1.0])
    close(moments(result[..., :8]).mu, expected.mu)
    close(moments(result[..., :8]).sigma, expected.sigma)


def test_bfloat16_features_keep_their_type():
    x = features(0).bfloat16()
    assert adain(x, moments(features(1))).dtype == torch.bfloat16
    assert moments(x).mu.dtype == torch.float32
    assert isinstance(moments(x), Moments)
