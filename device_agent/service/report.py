"""How the service is: what health, metrics and the status line are made from. Holds no secret and no name."""

from __future__ import annotations

import resource
import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from device_agent import VERSION
from device_agent.lifecycle.machine import HOLDS_SEAT, Phase
from device_agent.service.overlay import Content, Session

MAX_RESULTS = 200
LONGEST_RESULT = 80


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """One moment.

    Attributes:
        link: ``unknown``, ``online``, ``offline``, ``degraded`` (somebody else answers, or the platform has too much to
            do), ``clock-suspect``, ``cred-blocked``, or ``blocked`` (the platform answers and refuses this device).
        session, content: see ``overlay``.
        may_show: the avatar may be on the screen.
        offline_s: seconds of the budget that are used.
        problem: code of the last failure, while it lasts.
        next_s: seconds until the next step.
        certificate_ends: end of the device's certificate, seconds since 1970; 0 without one.
        root_version, root_ends: of the root of the operator's keys; 0 without one.
        root_problem: code of what is wrong with it, or of the last look for a newer one.
        token_ends: end of the assumed life of LicenseAuth's token, as far as it is known; 0 without one.
    """

    phase: Phase = Phase.BLANK
    link: str = "unknown"
    session: Session = Session.STOPPED
    content: Content = Content.FALLBACK
    may_show: bool = False
    offline_s: float = 0.0
    budget_s: float = 0.0
    avatar: str = ""
    problem: str = ""
    next_s: float = 0.0
    certificate_ends: float = 0.0
    token_ends: float = 0.0
    root_version: int = 0
    root_ends: float = 0.0
    root_problem: str = ""


@dataclass
class Report:
    """The latest snapshot and what was counted; one thread writes, others read."""

    _snapshot: Snapshot = field(default_factory=Snapshot)
    _drive: str = ""
    _doubled: bool = False
    _steps: Counter[tuple[str, str]] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def snapshot(self) -> Snapshot:
        """How it is now."""
        with self._lock:
            return self._snapshot

    def put(self, snapshot: Snapshot) -> None:
        """Replace the snapshot."""
        with self._lock:
            self._snapshot = snapshot

    def drive(self, standing: str) -> None:
        """How the drive channel is: ``waiting``, ``connected``, empty where there is none."""
        with self._lock:
            self._drive = standing

    def doubled(self) -> None:
        """Another device seems to use this one's identity."""
        with self._lock:
            self._doubled = True

    def count(self, step: str, result: str) -> None:
        """One more step that ended so. Codes are the platform's: of many, the rest counts as ``other``."""
        with self._lock:
            known = (step, result) in self._steps
            if not known and (len(self._steps) >= MAX_RESULTS or len(result) > LONGEST_RESULT):
                result = "other"
            self._steps[step, result] += 1

    def facts(self) -> dict[str, Any]:
        """For /health."""
        now = self.snapshot
        return {
            "version": VERSION,
            "phase": str(now.phase),
            "link": now.link,
            "session": str(now.session),
            "content": str(now.content),
            "drive": self._drive,
            "doubled": self._doubled,
            "may_show": now.may_show,
            "offline_s": round(now.offline_s),
            "offline_budget_s": now.budget_s,
            "avatar": now.avatar,
            "problem": now.problem,
            "root_version": now.root_version,
            "root_ends": round(now.root_ends),
            "root_problem": now.root_problem,
            "next_step_in_s": round(now.next_s, 1),
        }

    def line(self) -> str:
        """For ``systemctl status``."""
        now = self.snapshot
        return f"{now.phase}, {now.link}" + (f", {now.problem}" if now.problem else "")

    def metrics(self) -> str:
        """For /metrics: Prometheus' text format, version 0.0.4."""
        now = self.snapshot
        with self._lock:
            steps = sorted(self._steps.items())
        gauges = [
            ("may_show", "Whether the avatar may be on the screen.", float(now.may_show)),
            ("seat_held", "Whether the platform has told us that the seat is ours.", float(now.phase in HOLDS_SEAT)),
            ("online", "Whether the last licensed call succeeded.", float(now.link == "online")),
            ("drive_connected", "Whether the drive channel is open.", float(self._drive == "connected")),
            ("identity_doubled", "Whether another device seems to use this one's identity.", float(self._doubled)),
            ("offline_seconds", "Seconds of the offline budget that are used.", now.offline_s),
            ("offline_budget_seconds", "Seconds that the avatar may be shown without the platform.", now.budget_s),
            (
                "certificate_end_timestamp_seconds",
                "End of the device's certificate, since 1970; 0 without one.",
                now.certificate_ends,
            ),
            (
                "token_end_timestamp_seconds",
                "End of the assumed life of LicenseAuth's token, since 1970; 0 without one.",
                now.token_ends,
            ),
            ("root_version", "Version of the root of the operator's keys, 0 without one.", float(now.root_version)),
            (
                "root_end_timestamp_seconds",
                "End of the root of the operator's keys, since 1970; 0 without one.",
                now.root_ends,
            ),
            ("resident_memory_max_bytes", "Most memory this process has had.", _peak_memory()),
        ]
        lines = [
            "# HELP avatar_agent_build_info The version of this program.", "# TYPE avatar_agent_build_info gauge",
            f'avatar_agent_build_info{{version="{VERSION}"}} 1',
        ]  # fmt: skip
        for name, text, value in gauges:
            lines += [f"# HELP avatar_agent_{name} {text}", f"# TYPE avatar_agent_{name} gauge"]
            lines.append(f"avatar_agent_{name} {value:.15g}")
        lines += _one_of("phase", "The device's phase.", now.phase)
        lines += _one_of("session", "What ClientStart has given.", now.session)
        lines += _one_of("content", "Whether a verified avatar is there to be shown.", now.content)
        lines += ["# HELP avatar_agent_steps_total Steps by result.", "# TYPE avatar_agent_steps_total counter"]
        lines += [
            f'avatar_agent_steps_total{{step="{_label(step)}",result="{_label(result)}"}} {number}'
            for (step, result), number in steps
        ]
        return "\n".join(lines) + "\n"


def _one_of(name: str, text: str, now: Phase | Session | Content) -> list[str]:
    """One gauge for each value that there may be: 1 for the one that is."""
    values = [f'avatar_agent_{name}{{{name}="{value}"}} {int(value is now)}' for value in type(now)]
    return [f"# HELP avatar_agent_{name} {text}", f"# TYPE avatar_agent_{name} gauge", *values]


def _label(text: str) -> str:
    plain = "".join(letter if letter.isprintable() else " " for letter in text)
    return plain.replace("\\", "\\\\").replace('"', '\\"')


def _peak_memory() -> float:
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
