"""Holding the drive channel open and showing what comes on it: ``avatar-agent start --drive``."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

from device_agent.cli import present
from device_agent.clock import SystemClock
from device_agent.config import Settings
from device_agent.drive import Channel, Line, Message, Notice, Session
from device_agent.errors import ConfigurationError
from device_agent.service.drive import dialling

WIDEST = 100


def listen(settings: Settings, session: Session, *, seconds: float | None, quiet: bool) -> dict[str, Any]:
    """Hold the channel for so many seconds, or until Ctrl-C, and show what comes; what there was of it.

    Raises:
        ConfigurationError: ``drive_url`` is not set, or unusable.
    """
    if not settings.drive_url:
        raise ConfigurationError(
            "there is no address of the drive channel",
            code="config.missing",
            where=settings.where("drive_url"),
            hint="set drive_url; the harness writes it into its settings file",
        )
    clock, counts = SystemClock(), {"connected": 0, "lost": 0, "messages": 0}
    began = clock.steady()

    def show(what: str, text: str) -> None:
        if not quiet:
            moment = f"{clock.steady() - began:8.1f} s" if what else " " * 10
            present.put(f"{moment}  {what:<10} {text if not what else text[:WIDEST]}".rstrip())

    def told(notice: Notice) -> None:
        counts["connected" if notice.kind == "connected" else "lost"] += notice.kind != "doubled"
        again = f"{notice.reason}; again in {notice.next_s:.0f} s" if notice.next_s else notice.reason
        show(notice.kind, again)
        if notice.message:
            show("", notice.message)

    def came(message: Message) -> None:
        counts["messages"] += 1
        content = "" if message.content is None else msgspec.json.encode(message.content).decode()
        show(message.kind.name.lower(), message.error or content)

    line = Line(
        channel=Channel(dice=random.SystemRandom().random, wall=time.time, deliver=came),
        dial=dialling(settings, environ=os.environ, clock=clock),
        steady=clock.steady,
        told=told,
    )
    line.session(session)
    with _ending(line.stop, seconds):
        line.run()
    return dict(counts)


@contextmanager
def _ending(stop: Callable[[], None], seconds: float | None) -> Iterator[None]:
    """Call ``stop`` after so many seconds, and on Ctrl-C; a second one does not wait for a connection that hangs."""
    timer = threading.Timer(seconds, stop) if seconds is not None else None

    def interrupted(_number: int, _frame: object) -> None:
        signal.signal(signal.SIGINT, before)
        threading.Thread(target=stop).start()  # it takes a lock that the interrupted line may hold

    before = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, interrupted)
    if timer is not None:
        timer.start()
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if timer is not None:
            timer.cancel()
