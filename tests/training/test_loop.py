"""The training loop: it learns, logs, and goes on from where it was stopped."""

import csv

import numpy as np
import pytest
import torch

from vidcolor.training.loop import Average, Schedule, train

SLOPE = torch.tensor([[2.0, -1.0, 0.5]])


def batch(rng):
    x = torch.from_numpy(rng.standard_normal((32, 3), dtype=np.float32))
    return {"x": x, "y": x @ SLOPE.T + 1}


def loss(net, batch):
    error = (net(batch["x"]) - batch["y"] + 0.01 * torch.randn(32, 1)).square().mean()
    return {"loss": error, "root": error.sqrt()}


def fresh():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.BatchNorm1d(3), torch.nn.Linear(3, 1))


def schedule(steps, **kwargs):
    return Schedule(steps=steps, lr=0.05, warmup=5, log_every=10, reduced=False, ema=0.9, **kwargs)


def rows(folder):
    with (folder / "log.csv").open() as file:
        return [(int(r["step"]), r["name"], float(r["value"])) for r in csv.DictReader(file)]


def test_it_learns_and_returns_averaged_weights(tmp_path):
    net = fresh()
    state = train(net, batch, loss, tmp_path, schedule(200))
    assert any(not torch.equal(state[k], v) for k, v in net.state_dict().items())
    net.load_state_dict(state)
    net.eval()
    x = torch.randn(64, 3)
    assert (net(x) - x @ SLOPE.T - 1).abs().mean() < 0.2
    logged = rows(tmp_path)
    assert [s for s, name, _ in logged if name == "loss"] == list(range(10, 201, 10))
    assert logged[-2][2] < 0.1 * logged[0][2]


def test_a_stopped_run_goes_on_as_if_it_had_not_stopped(tmp_path):
    whole = train(fresh(), batch, loss, tmp_path / "whole", schedule(40))

    def stops(net, batch, calls=[0]):  # noqa: B006
        calls[0] += 1
        if calls[0] > 25:
            raise KeyboardInterrupt
        return loss(net, batch)

    with pytest.raises(KeyboardInterrupt):
        train(fresh(), batch, stops, tmp_path / "parts", schedule(40, save_every=-1.0))
    resumed = train(fresh(), batch, loss, tmp_path / "parts", schedule(40))
    for key, value in whole.items():
        torch.testing.assert_close(resumed[key], value)
    # sums since the last row are lost by the stop: the row in between differs, the others are the same
    before, after = ({(s, n): v for s, n, v in rows(tmp_path / part)} for part in ("whole", "parts"))
    assert before.keys() == after.keys()
    assert all(after[k] == pytest.approx(v, rel=1e-4) for k, v in before.items() if k[0] != 30)


def test_a_finished_run_does_nothing_more(tmp_path):
    first = train(fresh(), batch, loss, tmp_path, schedule(10))
    again = train(fresh(), batch, loss, tmp_path, schedule(10))
    assert all(torch.equal(first[k], again[k]) for k in first)
    assert len(rows(tmp_path)) == 2


def test_time_ends_a_run(tmp_path):
    train(fresh(), batch, loss, tmp_path, schedule(10**9, seconds=0.3))
    steps = torch.load(tmp_path / "checkpoint.pt", weights_only=True)["step"]
    assert 0 < steps < 10**6


def test_validation_sees_averaged_weights_and_puts_the_own_back(tmp_path):
    net, seen = fresh(), []

    def validate(net):
        assert not net.training
        seen.append({k: v.clone() for k, v in net.state_dict().items()})
        return {"figure": 1.5}

    state = train(net, batch, loss, tmp_path, schedule(20, validate_every=20), validate=validate)
    assert all(torch.equal(seen[-1][k], state[k]) for k in state)
    assert not torch.equal(net.state_dict()["0.weight"], state["0.weight"])
    assert net.training
    assert (20, "figure", 1.5) in rows(tmp_path)


def test_the_average_forgets_the_first_weights():
    net = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.constant_(net.weight, 100.0)
    average = Average(net, 0.999)
    torch.nn.init.constant_(net.weight, 1.0)
    for step in range(100):
        average.update(net, step)
    assert float(average.state["weight"]) == pytest.approx(1.0, abs=0.01)


def test_a_loss_that_is_no_number_stops_the_run(tmp_path):
    with pytest.raises(RuntimeError, match="non-finite"):
        train(fresh(), batch, lambda n, b: {"loss": loss(n, b)["loss"] * torch.nan}, tmp_path, schedule(3))
