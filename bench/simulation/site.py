"""A device under a real keeper on a clock of its own, with a platform in this process that lives by the same clock."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from device_agent.api.retry import NEVER
from device_agent.config import Secret, Settings
from device_agent.harness.enrolment.server import Enrolment
from device_agent.harness.serve import RunningHarness
from device_agent.lifecycle.engine import Engine
from device_agent.lifecycle.identity import Hardware
from device_agent.lifecycle.journal import load
from device_agent.lifecycle.observe import Observer
from device_agent.lifecycle.record import Record
from device_agent.service.keeper import Keeper
from device_agent.service.lines import Lines
from device_agent.service.opening import open_for_service
from device_agent.service.report import Report

from .clock import Time

CODE = "CH_3d_test"
FILES = {"character.glb": bytes(range(256)) * 40, "character.config.json": b"{}", "animation.glb": b"x"}


def device_settings(harness: RunningHarness, folder: Path, **overrides: str) -> Settings:
    """The settings of a device below a folder that speaks to this platform with its access key."""
    ready = harness.ready
    return Settings.load(
        None,
        environ={
            "AVATAR_AGENT_ACCESS_KEY_ID": ready.access_key_id,
            "AVATAR_AGENT_ACCESS_KEY_SECRET": ready.access_key_secret,
        },
        overrides={
            "endpoint": ready.endpoint,
            "tenant_id": str(ready.tenant_id),
            "app_id": ready.app_id,
            "license_file": ready.license_file,
            "state_dir": str(folder / "state"),
            "cache_dir": str(folder / "cache"),
            **overrides,
        },
        system_file=folder / "none",
    )


@dataclass
class Site:
    """A device under a keeper."""

    folder: Path
    harness: RunningHarness
    time: Time
    overrides: dict[str, str] = field(default_factory=dict)
    report: Report = field(default_factory=Report)
    chance: random.Random = field(default_factory=lambda: random.Random(1))
    serial: str = "board-1"
    start_times: list[float] = field(default_factory=list)
    log: Lines | None = None
    once: bool = True
    boot: str = "first"
    keeper: Keeper = field(init=False)

    def __post_init__(self) -> None:
        self.folder.mkdir(exist_ok=True)
        self.start_again()

    def start_again(self) -> None:
        """A new process: what the keeper remembered is gone."""
        self.start_times.append(self.time.now)
        self.keeper = Keeper(
            settings=self.settings(), open_engine=self.engine, clock=self.time, dice=self.chance.random,
            report=self.report, log=self.log, boot=self.boot,
        )  # fmt: skip

    def settings(self) -> Settings:
        return device_settings(self.harness, self.folder, **{"avatar": CODE, **self.overrides})

    @contextmanager
    def engine(self, settings: Settings, observer: Observer | None = None) -> Iterator[Engine]:
        board = self.folder / "serial"
        if not board.exists() or board.read_text(encoding="ascii") != self.serial:  # the board's, not the device's disk
            board.write_text(self.serial, encoding="ascii")
        hardware = Hardware(serial_files=[board], random_bytes=os.urandom)
        with open_for_service(
            settings, observer, machine=lambda _tpm: hardware, clock=self.time,
            client_options={"environ": {}, **({"retry": NEVER} if self.once else {})},
        ) as engine:  # fmt: skip
            yield engine

    def live(self, seconds: float, *, until: Callable[[], bool] | None = None) -> int:
        """Let time pass with the keeper at work; the number of steps."""
        end, steps = self.time.now + seconds, 0
        while self.time.now < end and not (until is not None and until()):
            wait = self.keeper.step()
            assert wait >= 1.0 or wait > 0
            self.time.now += min(wait, end - self.time.now + 1e-3)
            steps += 1
        return steps

    @property
    def record(self) -> Record:
        return load(self.folder / "state").record

    def seats(self) -> list[Any]:
        return [seat["device_id"] for seat in self.harness.seats()]


@dataclass
class ManagedSite(Site):
    """A site whose device has no access key: its certificate opens a broker. TLS sees the real time, so that the site's
    has to start there.
    """

    office: Enrolment = field(kw_only=True)
    secret: str = ""

    def settings(self) -> Settings:
        given = super().settings()
        return msgspec.structs.replace(
            given, access_key_id="", access_key_secret=None, enroll_url=self.office.est_url,
            broker_url=self.office.broker_url, ca_file=self.office.ca_file, device_id=given.device_id or "kiosk-1",
            enroll_secret=Secret(self.secret) if self.secret else None,
        )  # fmt: skip

    def reload(self) -> None:
        self.keeper.settings = self.settings()
