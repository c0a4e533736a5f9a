"""Training in several processes, as torchrun starts them (two on a CPU)."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from lessons import STEPS, batch, fresh, loss, schedule

from vidcolor.training.distributed import Processes, own_device
from vidcolor.training.loop import train

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not torch.distributed.is_available(), reason="this torch has no torch.distributed"),
]

PROGRAM = """
import os, sys, torch
sys.path.insert(0, sys.argv[1])
from lessons import batch, fresh, loss, schedule
from vidcolor.training.loop import train
rank = int(os.environ["RANK"])
net = fresh(rank)  # that of rank 0 counts
end, save = os._exit, lambda: torch.save(net.state_dict(), f"{sys.argv[2]}/rank-{rank}.pt")
os._exit = lambda code: (save(), end(code))
state = train(net, batch, loss, sys.argv[2], schedule(), validate=lambda net: {"validated": 1.0})
save()
torch.save(state, f"{sys.argv[2]}/returned-{rank}.pt")
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a finished run of two processes."""
    folder = tmp_path_factory.mktemp("run")
    (folder / "program.py").write_text(PROGRAM)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command += [str(folder / "program.py"), str(Path(__file__).parents[1]), str(folder)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=240, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    assert done.returncode == 0, done.stderr
    return folder


def test_both_learn_the_same_from_the_mean_of_their_gradients(run, tmp_path):
    first, second = (torch.load(run / f"rank-{n}.pt") for n in (0, 1))
    assert all(torch.equal(first[key], second[key]) for key in first)

    both = iter([[batch(np.random.default_rng((0, n, *own))) for own in ((), (1,))] for n in range(STEPS)])
    net = fresh(0)
    train(net, lambda rng: [torch.cat(x) for x in zip(*next(both))], loss, tmp_path, schedule())
    for key, value in net.state_dict().items():
        torch.testing.assert_close(first[key], value)


def test_only_the_first_writes_and_goes_on(run):
    assert (run / "returned-0.pt").exists() and not (run / "returned-1.pt").exists()
    names = [row.split(",")[3] for row in (run / "log.csv").read_text().splitlines()[1:]]
    assert names == ["loss"] * 3 + ["validated"]
    assert torch.load(run / "checkpoint.pt")["step"] == STEPS


def test_alone_nothing_is_exchanged():
    alone = Processes("cpu")
    assert alone.first and alone.seed(4, 5) == (4, 5) and alone.agreed(0.25) == 0.25
    alone.leave()


def test_a_frozen_net_goes_to_the_process_own_gpu(monkeypatch):
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "1")
    assert own_device("cuda") == torch.device("cuda") and own_device("cpu") == torch.device("cpu")
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert own_device("cuda") == torch.device("cuda", 1) and own_device("cpu") == torch.device("cpu")
