"""Weights on disk: half precision, described, checked."""

import hashlib
import os

import pytest
import torch

from vidcolor.errors import VidcolorError
from vidcolor.models import registry, weights
from vidcolor.training.shipping import ship

STATE = {"a.weight": torch.linspace(-2, 2, 7), "a.count": torch.tensor(5)}
METADATA = {"net": "thing", "settings": {"widths": [1, 2]}}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(weights, "FOLDER", tmp_path)
    return tmp_path


def test_shipped_weights_come_back_in_single_precision_with_their_settings(folder):
    path = ship("thing", STATE, METADATA)
    state, metadata = weights.load("thing")
    assert metadata == METADATA
    assert state["a.weight"].dtype == torch.float32
    torch.testing.assert_close(state["a.weight"], STATE["a.weight"], atol=1e-3, rtol=0)
    assert torch.equal(state["a.count"], STATE["a.count"])
    line = f"{hashlib.sha256(path.read_bytes()).hexdigest()}  thing.safetensors\n"
    assert (folder / "SHA256SUMS").read_text() == line
    assert path.stat().st_size < 400


def test_changed_weights_are_refused(folder):
    path = ship("thing", STATE, METADATA)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(VidcolorError, match=r"thing\.safetensors: the weights were changed.*install vidcolor again"):
        weights.load("thing")


def test_missing_weights_and_weights_without_a_sum_are_refused(folder):
    with pytest.raises(VidcolorError, match=r"thing\.safetensors: the weights cannot be read: no such file"):
        weights.load("thing")
    weights.save(folder / "thing.safetensors", STATE, METADATA)
    with pytest.raises(VidcolorError, match="no SHA-256"):
        weights.load("thing")


def test_a_users_file_needs_no_sum_but_must_be_of_the_right_net(folder, tmp_path):
    path = tmp_path / "mine.safetensors"
    weights.save(path, STATE, METADATA)
    assert weights.load(path)[1] == METADATA
    assert weights.load(str(path), net="thing")[1] == METADATA
    with pytest.raises(VidcolorError, match="weights of 'thing', not of 'colornet'"):
        weights.load(path, net="colornet")


@pytest.mark.parametrize("data", [b"", b"nonsense", b"\xff" * 64, (2).to_bytes(8, "little") + b"{}"])
def test_a_file_that_is_no_weights_file(tmp_path, data):
    path = tmp_path / "mine.safetensors"
    path.write_bytes(data)
    with pytest.raises(VidcolorError, match="no vidcolor weights"):
        weights.load(path)


def test_a_truncated_file(tmp_path):
    path = tmp_path / "mine.safetensors"
    weights.save(path, STATE, METADATA)
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(VidcolorError, match="not a readable safetensors file"):
        weights.load(path)


def test_values_beyond_half_precision_and_missing_settings_are_not_written(tmp_path):
    path = tmp_path / "mine.safetensors"
    with pytest.raises(VidcolorError, match="'a' holds values beyond half precision"):
        weights.save(path, {"a": torch.tensor([1e6])}, METADATA)
    with pytest.raises(VidcolorError, match="needs 'settings'"):
        weights.save(path, STATE, {"net": "thing"})
    assert os.listdir(tmp_path) == []


class Small(weights.TrainedNet):
    weights_name = "small"

    def __init__(self, width=1):
        super().__init__()
        self.conv = torch.nn.Conv2d(1, width, 3)
        self.optimized = False

    def optimize(self):
        self.optimized = not self.training


def test_a_net_comes_ready_to_use(tmp_path):
    path, net = tmp_path / "mine.safetensors", Small(2).half().float()
    weights.save(path, net.state_dict(), {"net": "small", "settings": {"width": 2}})
    back = weights.load_net(Small, path)
    assert all(torch.equal(a, b) for a, b in zip(net.parameters(), back.parameters(), strict=True))
    assert back.optimized and not back.training and not any(p.requires_grad for p in back.parameters())
    assert back.conv.weight.is_contiguous(memory_format=torch.channels_last)
    for settings in ({"width": 3}, {"height": 2}):
        weights.save(path, net.state_dict(), {"net": "small", "settings": settings})
        with pytest.raises(VidcolorError, match="do not fit this version's net"):
            weights.load_net(Small, path)
    weights.save(path, net.state_dict(), {"net": "thing", "settings": {"width": 2}})
    with pytest.raises(VidcolorError, match="holds weights of 'thing', not of 'small'"):
        weights.load_net(Small, path)


def test_what_the_package_ships_has_its_sums():
    for name in weights.available():
        state, metadata = weights.load(name)
        assert state and metadata["net"] == name
    files = {p.stem for p in weights.FOLDER.glob("*.safetensors")}
    assert files == set(weights.available())


@pytest.mark.parametrize(
    ("model", "names"),
    [("adain", ["colornet", "encoder", "transfer"]), ("anchors", ["anchors", "encoder", "superpixels"])],
)
def test_a_model_loads_each_of_its_nets_once_and_no_other(model, names, monkeypatch):
    read, inner = [], weights._read
    monkeypatch.setattr(weights, "_read", lambda name: read.append(name) or inner(name))
    registry.create(model, device="cpu")
    assert sorted(read) == names
