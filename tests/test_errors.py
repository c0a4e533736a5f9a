"""Warnings are said once in a run, from whatever thread they come."""

import threading
from contextvars import copy_context

from vidcolor.errors import listen, one_run, warn


def said(capsys) -> list[str]:
    return capsys.readouterr().err.splitlines()


def test_a_warning_is_said_once_in_each_run(capsys):
    for _ in range(2):
        with one_run():
            for _ in range(3):
                warn("sound is lost")
            with one_run():  # the same run
                warn("sound is lost")
        assert said(capsys) == ["vidcolor: sound is lost"]


def test_a_run_hears_its_own_threads_and_no_others(capsys):
    def other() -> None:
        with one_run():
            warn("sound is lost")

    with one_run():
        warn("sound is lost")
        own = threading.Thread(target=copy_context().run, args=(warn, "sound is lost"))
        for thread in (own, threading.Thread(target=other)):
            thread.start()
            thread.join()
    assert said(capsys) == ["vidcolor: sound is lost"] * 2


def test_listeners_hear_what_was_said_before(capsys):
    with one_run():
        warn("sound is lost")
        with listen() as heard:
            warn("sound is lost")
            warn("two\nlines")
        warn("later")
    assert heard == ["sound is lost", "two?lines"]
    assert said(capsys) == ["vidcolor: sound is lost", "vidcolor: two?lines", "vidcolor: later"]
