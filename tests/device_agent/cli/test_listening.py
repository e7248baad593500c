"""Ctrl-C while the drive channel is held open before somebody's eyes."""

from __future__ import annotations

import signal
import threading

import pytest

from device_agent.cli.listening import _ending


def test_the_first_ctrl_c_says_goodbye_and_the_second_does_not_wait_for_that() -> None:
    before, stopped = signal.getsignal(signal.SIGINT), threading.Event()
    with _ending(stopped.set, None):
        signal.raise_signal(signal.SIGINT)
        assert stopped.wait(20.0)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_the_time_that_was_asked_for() -> None:
    stopped = threading.Event()
    with _ending(stopped.set, 0.0):
        assert stopped.wait(20.0)
