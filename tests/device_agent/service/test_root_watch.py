"""How often the service looks after a root of keys; the engine is the test's."""

from __future__ import annotations

import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from certs.errors import PrivateFileError, RootError
from device_agent.lifecycle.observe import Step
from device_agent.lifecycle.rooted import Standing
from device_agent.service.lines import Lines
from device_agent.service.root_watch import EVERY_S, RootWatch

from .conftest import Time

WITH: Any = SimpleNamespace(root=Path("root.json"))
WITHOUT: Any = SimpleNamespace(root=None)


class Rooted:
    """A device whose root is as the test says."""

    def __init__(self, problem: str = "", *, fails: Exception | None = None) -> None:
        self.root = Standing(version=1, ends=1.0, problem=problem)
        self.fails = fails
        self.tended = 0

    def tend_root(self) -> None:
        self.tended += 1
        if self.fails is not None:
            raise self.fails


def watch(clock: Time) -> tuple[RootWatch, io.StringIO]:
    told = io.StringIO()
    return RootWatch(clock=clock, log=Lines(stream=told)), told


def test_steps_that_come_fast_do_not_look_each_time() -> None:
    clock, engine = Time(), Rooted()
    subject, _told = watch(clock)
    device: Any = engine
    seen = []
    for _ in range(5):
        subject.tend(device, WITH)
        seen.append(engine.tended)
        clock.sleep(EVERY_S / 4)
    assert seen == [1, 1, 1, 1, 2]
    subject.tend(device, WITHOUT)
    assert engine.tended == 2


def test_a_look_that_fails_is_told_and_a_disk_that_does_stops_the_step() -> None:
    subject, told = watch(Time())
    device: Any = Rooted(fails=RootError("lost", code="root.lost"))
    subject.tend(device, WITH)
    assert "root.lost" in told.getvalue()
    device = Rooted(fails=PrivateFileError("full", code="file.full"))
    with pytest.raises(PrivateFileError):
        watch(Time())[0].tend(device, WITH)


def test_what_is_wrong_weighs_more_than_that_nobody_could_be_asked_and_is_logged_once() -> None:
    subject, told = watch(Time())
    good: Any = Rooted()
    over: Any = Rooted("root.expired")
    subject.seen(Step(name="root", ok=False, result="network.cut"))
    subject.seen(Step(name="manifest", ok=True))
    assert subject.standing(good, WITH).problem == "network.cut"
    assert subject.standing(good, WITHOUT) == Standing()
    for _ in range(3):
        assert subject.standing(over, WITH).problem == "root.expired"
    assert told.getvalue().count("root.expired") == 1
    subject.seen(Step(name="root", ok=True))
    assert subject.standing(good, WITH).problem == ""
