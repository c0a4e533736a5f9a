"""Hints found on clips and photographs are what the colorization net's training reads."""

import sys

import cv2
import numpy as np
import torch
from media import write_film
from scripts_of import script

from vidcolor.models.nets.colornet import ColorizationNet
from vidcolor.models.nets.efficientnet_lite import CHANNELS
from vidcolor.training import colornet


def test_hints_are_found_and_learned_from(tmp_path, monkeypatch):
    for folder in ("clips", "photos"):
        (tmp_path / folder).mkdir()
    write_film(tmp_path / "clips" / "a.mp4", 5, codec="libx264", pix_fmt="yuv420p")
    for i in range(2):
        noise = np.random.default_rng(i).integers(0, 256, (8, 8, 3), np.uint8)
        cv2.imwrite(str(tmp_path / "photos" / f"{i}.png"), cv2.resize(noise, (256, 256)))
    arguments = [f"--{x}={tmp_path / x}" for x in ("clips", "photos")]
    monkeypatch.setattr(sys, "argv", ["find_hints", *arguments, f"--out={tmp_path / 'hints'}"])
    script("find_hints").main()
    paths = sorted((tmp_path / "hints").glob("*.npz"))
    assert [p.stem for p in paths] == ["clip-a-0", "clip-a-1", "photo-00000", "photo-00001"]
    clip = dict(np.load(paths[0]))
    h, w = clip["l"].shape[1:]
    assert clip["ab"].shape[1:] == (h, w, 2) and clip["traced"].shape[1:] == (h // 2, w // 2, 4)
    assert clip["traced"][0, ..., 2].mean() > 100, "a still film's key is traced everywhere"
    assert not np.load(paths[2])["traced"].any(), "a photograph's key is no painted frame"

    found = colornet.Found(paths)
    batch = found.batch(3, np.random.default_rng(0))
    assert {k: tuple(v.shape[1:]) for k, v in batch.items()} == {
        "l": (1, 256, 256),
        "ab": (2, 256, 256),
        "hint": (2, 128, 128),
        "confidence": (1, 128, 128),
        "traced": (4, 128, 128),
        "kind": (),
    }
    again = found.batch(3, np.random.default_rng(0))
    assert all(torch.equal(batch[k], again[k]) for k in batch)
    kinds = torch.cat([found.batch(8, np.random.default_rng(i))["kind"] for i in range(3)])
    assert set(kinds.tolist()) == {0, 1, 2}


def test_a_widened_net_does_the_same_and_believes_traced_colours_by_their_weight():
    torch.manual_seed(0)
    old = ColorizationNet(4, fold=2, semantic=True).eval()
    new = ColorizationNet(4, fold=2, semantic=True, traced=True).eval()
    new.load_state_dict(colornet.widened(new, old.state_dict()))
    maps = [torch.randn(2, c, 64 // s, 64 // s) for s, c in CHANNELS.items()]
    l, hint, mask = torch.rand(2, 1, 64, 64) * 100, torch.randn(2, 2, 32, 32) * 20, torch.rand(2, 1, 32, 32)
    traced = torch.rand(2, 4, 32, 32) * 0.9
    traced[:, 2, :16] = 0
    with torch.no_grad():
        expected = old(l, hint, mask, maps)
        torch.testing.assert_close(new(l, hint, mask, maps), expected)
        ab, alpha = new.with_traced(l, hint, mask, maps, traced)
    torch.testing.assert_close(ab, expected)
    assert alpha is not None and not alpha[:, :, :16].any()
    torch.testing.assert_close(alpha[:, 0], traced[:, 2].clamp_min(1e-3) * (traced[:, 2] > 0))
