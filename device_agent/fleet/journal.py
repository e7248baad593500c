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
    """A plan and what became of it. ``done`` is round -> device -> its last good line.

    ``whole`` and ``size`` are bytes of the file: up to the end of its last whole line, and all of them. A
    writer that finds another size than it left knows that somebody else is writing too.
    """

    file: Path
    plan: Plan
    whole: int
    size: int
    done: dict[int, dict[str, Line]] = field(default_factory=lambda: {1: {}, 2: {}})

    @classmethod
    def begin(cls, file: Path, plan: Plan) -> Self:
        """A new one.

        Raises:
            ConfigurationError: the file is there, or cannot be written.
        """
        first = msgspec.json.encode(plan) + b"\n"
        new_file(file, first, private=True)
        return cls(file=file, plan=plan, whole=len(first), size=len(first))

    @classmethod
    def go_on(cls, file: Path) -> Self:
        """One that was begun; a last line that power cut short is passed over.

        Raises:
            ConfigurationError: it cannot be read, or is no journal of a release.
        """
        data = read_file(file, limit=LONGEST)
        whole = data.rpartition(b"\n")[0]
        first, *lines = whole.split(b"\n")
        try:
            plan = msgspec.json.decode(first, type=Plan)
            found = cls(file=file, plan=plan, whole=len(whole) + 1, size=len(data))
            for text in lines:
                line = msgspec.json.decode(text, type=Line)
                if line.ok:
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
            ConfigurationError: it cannot be written, or somebody else writes it too.
        """
        text = msgspec.json.encode(line) + b"\n"
        try:
            descriptor = os.open(self.file, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            with os.fdopen(descriptor, "wb") as file:
                if os.fstat(descriptor).st_size != self.size:
                    raise self._in_company()
                file.truncate(self.whole)  # a line that power cut short
                file.seek(self.whole)
                file.write(text)
                file.flush()
                os.fsync(descriptor)
        except OSError as error:
            raise ConfigurationError(
                f"the journal cannot be written: {(error.strerror or 'unknown').lower()}",
                code="fleet.journal",
                where=str(self.file),
                hint="free some space; what was done is in it, go on with --again",
            ) from error
        self.whole += len(text)
        self.size = self.whole
        if line.ok:
            self.done.setdefault(line.round, {})[line.device_id] = line

    def left(self, number: int) -> Sequence[str]:
        """Devices that this round has not seen to: in the plan's order; the second is about those of the first, and
        begins with whose time comes first.
        """
        if number == 1:
            return [device_id for device_id in self.plan.devices if device_id not in self.done[1]]
        once = [device_id for device_id in self.plan.devices if device_id in self.done[1]]
        return sorted((device_id for device_id in once if device_id not in self.done[2]), key=self.due_at)

    def due_at(self, device_id: str) -> float:
        """When a request that was on its way in the first round can be served no more (seconds since 1970)."""
        return self.done[1][device_id].at + self.plan.late_window_s

    def _in_company(self) -> ConfigurationError:
        return ConfigurationError(
            "somebody else has written to the journal meanwhile", code="fleet.journal", where=str(self.file),
            hint="let one release at a time work with it; go on with --again when the other has ended",
        )  # fmt: skip
