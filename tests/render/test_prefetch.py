"""Work done ahead in a thread."""

import threading

import pytest

from vidcolor.render import prefetch


def test_ahead_keeps_order_is_bounded_and_hands_errors_over():
    made = []

    def items():
        for i in range(10):
            made.append(i)
            yield i
        raise KeyError("end")

    out = prefetch.ahead(items(), 3)
    assert next(out) == 0
    threading.Event().wait(0.3)
    assert len(made) <= 6
    with pytest.raises(KeyError):
        list(out)
