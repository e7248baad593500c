"""What a release has done so far, line by line on disk, so that it can be stopped at any moment and gone on with."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import msgspec

from device_agent.errors import ConfigurationError
from device_agent.fleet.files import new_file, read_file

LONGEST = 64 * 1024 * 1024


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """The first line: whose seats, of whom, and how long after the first round the second may begin."""

    tenant_id: int
    endpoint: str
    late_window_s: float
    devices: list[str]
    v: int = 1


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One answer: ``released``, ``not-bound``, or the code of what went wrong; ``at`` in seconds since 1970."""

    device_id: str
    round: int
    at: float
    result: str
    request_id: str = ""

    @property
    def ok(self) -> bool:
        """Whether the device holds no seat now."""
        return self.result in ("released", "not-bound")


@dataclass(kw_only=True)
class Journal:
    """A plan and what became of it. ``done`` is round -> device -> its last good line."""

    file: Path
    plan: Plan
    done: dict[int, dict[str, Line]] = field(default_factory=lambda: {1: {}, 2: {}})

    @classmethod
    def begin(cls, file: Path, plan: Plan) -> Self:
        """A new one.

        Raises:
            ConfigurationError: the file is there, or cannot be written.
        """
        new_file(file, msgspec.json.encode(plan) + b"\n", private=True)
        return cls(file=file, plan=plan)

    @classmethod
    def go_on(cls, file: Path) -> Self:
        """One that was begun; a last line that power cut short is passed over.

        Raises:
            ConfigurationError: it cannot be read, or is none.
        """
        lines = read_file(file, limit=LONGEST).split(b"\n")
        try:
            found = cls(file=file, plan=msgspec.json.decode(lines[0], type=Plan))
            for number, text in enumerate(lines[1:], 2):
                try:
                    line = msgspec.json.decode(text, type=Line) if text else None
                except (msgspec.MsgspecError, ValueError):
                    if number >= len(lines) - 1:
                        continue
                    raise
                if line is not None and line.ok:
                    found.done.setdefault(line.round, {})[line.device_id] = line
        except (msgspec.MsgspecError, ValueError, RecursionError):
            raise ConfigurationError(
                "this is no journal of a release", code="fleet.journal", where=str(file),
                hint="name the file that the first round wrote",
            ) from None  # fmt: skip
        return found

    def add(self, line: Line) -> None:
        """Durable before this returns.

        Raises:
            ConfigurationError: it cannot be written.
        """
        try:
            descriptor = os.open(self.file, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
            with os.fdopen(descriptor, "r+b") as file:
                whole = file.read(LONGEST).rpartition(b"\n")
                file.seek(len(whole[0]) + len(whole[1]))
                file.truncate()  # a line that power cut short
                file.write(msgspec.json.encode(line) + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise ConfigurationError(
                f"the journal cannot be written: {(error.strerror or 'unknown').lower()}",
                code="fleet.journal",
                where=str(self.file),
                hint="free some space; what was done is in it, go on with --again",
            ) from error
        if line.ok:
            self.done.setdefault(line.round, {})[line.device_id] = line

    def left(self, number: int) -> Sequence[str]:
        """Devices that this round has not seen to, in the plan's order; the second is about those of the first."""
        return [
            device_id
            for device_id in self.plan.devices
            if device_id not in self.done[number] and (number == 1 or device_id in self.done[1])
        ]

    def due_at(self, device_id: str) -> float:
        """When a request that was on its way in the first round can be served no more (seconds since 1970)."""
        return self.done[1][device_id].at + self.plan.late_window_s
