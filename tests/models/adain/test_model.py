"""The adain model behind the contract, with small untrained sub-nets."""

import numpy as np
import pytest
import torch

from vidcolor.errors import VidcolorError
from vidcolor.models import registry, weights
from vidcolor.models.adain import transfer
from vidcolor.models.adain.model import MOST_CONFIDENCE, AdainColorizer
from vidcolor.models.adain.transfer import TransferNet
from vidcolor.models.base import Batch, Colorizer
from vidcolor.models.nets import hints
from vidcolor.models.nets.colornet import ColorizationNet
from vidcolor.shot import Reference, Shot

CPU = torch.device("cpu")


def nets(seed=0):
    torch.manual_seed(seed)
    return TransferNet((4, 6, 8, 10)), ColorizationNet(width=4, fold=2)


@pytest.fixture
def model():
    return AdainColorizer(CPU, nets=nets())


def shot(n=5, first=100, seed=0):
    y, x = np.mgrid[:64, :96]
    frames = [127 + 90 * np.sin((x + 3 * t) / 9) * np.cos(y / 11) for t in range(n)]
    return Shot(np.stack(frames).astype(np.uint8), first, seed)


def key(frame, a=40.0, b=-20.0, size=(64, 96), weight=1.0):
    lab = np.random.default_rng(int(abs(a))).normal((55, a, b), 12, (*size, 3)).astype(np.float32)
    return Reference(lab, frame, weight)


def batch(shot, first=0, last=None):
    positions = range(first, len(shot) if last is None else last)
    lightness = torch.from_numpy(shot.grey(slice(positions.start, positions.stop)))[:, None]
    return Batch(lightness, positions)


def test_it_keeps_the_contract(model):
    film = shot()
    state = model.prepare(film, [key(102)])
    colored = model.colorize(batch(film), state)
    assert colored.ab.shape == colored.coarse.shape == (5, 2, 64, 96)
    assert colored.ab.dtype == colored.confidence.dtype == torch.float32
    assert colored.confidence.shape == (5, 1, 64, 96)
    assert colored.confidence.amin() >= 0 and colored.confidence.amax() <= MOST_CONFIDENCE
    colorizer: Colorizer = model
    assert colorizer.name == "adain" and len(colorizer.fingerprint) == 64


def test_without_references_it_colors_by_itself_and_is_not_sure(model):
    film = shot()
    state = model.prepare(film, [])
    colored = model.colorize(batch(film), state)
    assert colored.ab.abs().max() > 0 and colored.confidence.max() == 0 and colored.coarse is None


@pytest.mark.parametrize("dtype, apart", [(torch.float32, 0.01), (torch.bfloat16, 1.0)])
def test_the_same_input_gives_the_same_colors_however_it_is_batched(dtype, apart):
    """Bit for bit in batches of the same frames; a CPU may add up other batches in another order."""
    model, film = AdainColorizer(CPU, nets=nets(), dtype=dtype), shot()
    references = [key(100), key(104, -30.0, 30.0)]
    whole = model.colorize(batch(film), model.prepare(film, references))
    again = model.colorize(batch(film), AdainColorizer(CPU, nets=nets(), dtype=dtype).prepare(film, references))
    assert torch.equal(whole.ab, again.ab) and torch.equal(whole.confidence, again.confidence)
    parts = [model.colorize(batch(film, *p), model.prepare(film, references)).ab for p in ((0, 2), (2, 3), (3, 5))]
    torch.testing.assert_close(torch.cat(parts), whole.ab, atol=apart, rtol=0)


def test_hints_lie_on_the_coarse_colors_and_stay_in_place(model, monkeypatch):
    seen = []
    real = model.colorizing.forward

    def forward(lightness, hint, mask, maps):
        seen.append((hint.clone(), mask.clone()))
        return real(lightness, hint, mask, maps)

    film = shot()
    state = model.prepare(film, [key(102)])
    monkeypatch.setattr(model.colorizing, "forward", forward)
    colored = model.colorize(batch(film), state)
    (pre_hint, pre_mask), (hint, mask) = seen
    assert pre_hint.abs().sum() == pre_mask.sum() == 0 and pre_mask.shape == (5, 1, 32, 48)
    assert torch.equal(mask, mask[:1].expand_as(mask))
    assert len(state.patches) == pytest.approx(hints.DEFAULT, abs=8)
    assert 0.1 < mask.mean() < 0.7
    wanted, _ = hints.paint_patches(colored.coarse, state.patches)
    torch.testing.assert_close(hint, wanted)


def test_the_reference_matters_and_near_ones_matter_more(model):
    film = shot(60)
    red, green = key(100, 50.0, 30.0), key(159, -50.0, 30.0)
    only = [model.colorize(batch(film), model.prepare(film, [k])).coarse for k in (red, green)]
    assert (only[0] - only[1]).abs().mean() > 0.05
    state = model.prepare(film, [red, green])
    both = model.colorize(batch(film), state).coarse
    weights = state.reference_weights
    assert weights[0, 0] > 0.8 and weights[-1, 1] > 0.8
    assert (weights[:, 0].diff() <= 0).all()
    for n, one in ((0, only[0]), (59, only[1])):
        other = only[1] if n == 0 else only[0]
        assert (both[n] - one[n]).abs().mean() < (both[n] - other[n]).abs().mean()


def test_a_users_weight_counts(model):
    film = shot(3)
    state = model.prepare(film, [key(None, 50.0, weight=3.0), key(None, -50.0, weight=1.0)])
    torch.testing.assert_close(state.reference_weights, torch.tensor([[0.75, 0.25]]).expand(3, 2))


def test_equal_frames_get_equal_colors(model):
    """Nothing that differs between frames of a shot is drawn or measured per frame."""
    film = shot(6)
    film.lightness[4] = film.lightness[1]
    colored = model.colorize(batch(film), model.prepare(film, [key(None)]))
    torch.testing.assert_close(colored.ab[4], colored.ab[1])


def test_references_of_any_size(model):
    film = shot(2)
    for size in ((32, 32), (97, 131), (16, 200)):
        colored = model.colorize(batch(film), model.prepare(film, [key(None, size=size)]))
        assert colored.ab.isfinite().all()


def test_seeds_place_hints(model):
    film, other = shot(2), shot(2, seed=7)
    places = [m.prepare(f, [key(None)]).patches for m, f in ((model, film), (model, other))]
    places.append(AdainColorizer(CPU, seed=7, nets=nets()).prepare(film, [key(None)]).patches)
    assert not torch.equal(places[0], places[1]) and not torch.equal(places[0], places[2])


def test_the_fingerprint_knows_weights_and_seed():
    prints = {AdainColorizer(CPU, seed=s, nets=nets(n)).fingerprint for s, n in ((0, 0), (0, 1), (1, 0))}
    assert len(prints) == 3
    assert AdainColorizer(CPU, nets=nets()).fingerprint == AdainColorizer(CPU, nets=nets()).fingerprint


def test_the_encoder_may_be_a_users_own_file(tmp_path):
    path = tmp_path / "mine.safetensors"
    net, _ = nets()
    weights.save(path, net.state_dict(), {"net": "transfer", "settings": {"widths": [4, 6, 8, 10]}})
    assert AdainColorizer(CPU, encoder=str(path)).transferring.widths == (4, 6, 8, 10)
    with pytest.raises(VidcolorError, match="the weights cannot be read: no such file"):
        AdainColorizer(CPU, encoder=str(tmp_path / "none.safetensors"))
    with pytest.raises(VidcolorError, match="`encoder=vgg20`: no such encoder; give vgg19 or"):
        AdainColorizer(CPU, encoder="vgg20")


def test_vgg19_without_a_trained_decoder_says_so(monkeypatch, capsys):
    monkeypatch.setattr(transfer, "vgg19_encoder", lambda net: None)
    model = AdainColorizer(CPU, encoder="vgg19")
    assert model.transferring.widths == transfer.PAPER
    assert "decoder of the paper-size net is untrained" in capsys.readouterr().err


def test_wct_is_another_transfer_with_the_same_contract():
    film, wct = shot(), AdainColorizer(CPU, nets=nets(), method="wct")
    references = [key(100), key(104, -30.0, 30.0)]
    state = wct.prepare(film, references)
    colored = wct.colorize(batch(film), state)
    plain = AdainColorizer(CPU, nets=nets())
    other = plain.colorize(batch(film), plain.prepare(film, references))
    assert colored.ab.shape == other.ab.shape and colored.ab.isfinite().all()
    assert (colored.coarse - other.coarse).abs().mean() > 0.01
    assert wct.fingerprint != plain.fingerprint
    again = wct.colorize(batch(film), wct.prepare(film, references))
    assert torch.equal(colored.ab, again.ab)
    film.lightness[4] = film.lightness[1]
    colored = wct.colorize(batch(film), wct.prepare(film, [key(None)]))
    torch.testing.assert_close(colored.ab[4], colored.ab[1])


def test_other_models_refuse_wct():
    with pytest.raises(VidcolorError, match="`transfer=wct`: `model=exemplar` does not take it; use `model=adain`"):
        registry.create("exemplar", device="cpu", transfer="wct")
    assert registry.create("adain", device="cpu", transfer="wct").method == "wct"


def test_the_shipped_nets_colours_follow_the_reference():
    film, shipped = shot(3), registry.create("adain", device="cpu")
    red, green = key(None, 45.0, 25.0), key(None, -45.0, 25.0)
    outs = [shipped.colorize(batch(film), shipped.prepare(film, [one])) for one in (red, green)]
    apart, coarse = (float((a - b).norm(dim=1).mean()) for a, b in ([o.ab for o in outs], [o.coarse for o in outs]))
    assert coarse > 10 and apart > 0.7 * coarse, (apart, coarse)
    assert outs[0].ab[:, 0].mean() > outs[1].ab[:, 0].mean() + 10
