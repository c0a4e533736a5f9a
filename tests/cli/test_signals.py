"""Ctrl-C, SIGTERM and SIGHUP."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sent", "ignored"),
    [
        (signal.SIGINT, None),
        (signal.SIGINT, signal.SIGINT),  # as a shell starts a job in the background
        (signal.SIGTERM, signal.SIGINT),
        (signal.SIGHUP, None),
    ],
)
def test_a_signal_ends_the_program_in_one_line(folder, sent, ignored):
    process = begun(folder, ignored)
    process.send_signal(sent)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 128 + sent
    of_keys, said = said.splitlines()
    assert "3 of 3 shots have no key of their own" in of_keys
    assert said.startswith("vidcolor: interrupted; finished units are kept")
    assert not (folder / "film.color.mkv").exists()
    assert sorted(path.name for path in (folder / "film.color.mkv.vidcolor").iterdir()) == ["plan.json", "units"]


@pytest.mark.slow
def test_nohup_is_heeded(folder):
    process = begun(folder, signal.SIGHUP)
    process.send_signal(signal.SIGHUP)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.5)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 130


def begun(folder: Path, ignored: int | None) -> subprocess.Popen[str]:
    """The program in the middle of its first unit, which takes a minute; started with a signal ignored."""
    slow = "u.find_colors = lambda *_: print('begun', flush=True) or time.sleep(60)"
    start = f"import sys, time, vidcolor.render.unit as u; {slow}; from vidcolor.cli.main import main; sys.exit(main())"
    command = [sys.executable, "-c", start, "film.mkv", "--ref", "a.png", "-q"]

    def child() -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN if number == ignored else signal.SIG_DFL)

    process = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=child
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    time.sleep(0.2)
    return process


@pytest.mark.slow
def test_the_package_leaves_signals_alone():
    look = "import signal; print([signal.getsignal(n) for n in (2, 15, 1)])"
    command = f"{look}; import vidcolor, vidcolor.cli.main, vidcolor.api; vidcolor.colorize; {look}"
    before, after = subprocess.check_output([sys.executable, "-c", command], text=True).splitlines()
    assert before == after
