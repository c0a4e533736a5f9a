"""`scripts/train.py NET`: one command for every net."""

import cv2
import numpy as np
import pytest
import torch
from media import write_film
from scripts_of import script

train = script("train")


@pytest.mark.parametrize("net", train.NETS)
def test_every_net_says_what_it_learns_from_and_has_the_common_options(net, capsys):
    with pytest.raises(SystemExit) as end:
        train.main([net, "--help"])
    assert end.value.code == 0
    said = capsys.readouterr().out
    assert train.NETS[net].__doc__.splitlines()[0] in said
    assert all(option in said for option in ("--run", "--steps", "--seconds", "--batch", "--lr", "--device", "--ship"))


def test_a_run_leaves_what_it_can_be_taken_up_from(tmp_path):
    for name in ("a", "hike"):  # the second is held out
        write_film(tmp_path / f"{name}.mp4", 3, codec="libx264", pix_fmt="yuv420p")
    cv2.imwrite(str(tmp_path / "a.png"), np.random.default_rng(0).integers(0, 256, (256, 256, 3), np.uint8))
    threads = torch.get_num_threads()
    arguments = [f"--{x}={tmp_path}" for x in ("clips", "photos")]
    try:
        train.main(["matcher", *arguments, f"--run={tmp_path / 'run'}", "--steps=1", "--batch=1", "--photo-step=1"])
    finally:
        torch.set_num_threads(threads)
    assert torch.load(tmp_path / "run" / "checkpoint.pt", weights_only=True)["step"] == 1
    assert "held_fine" in (tmp_path / "run" / "log.csv").read_text()
