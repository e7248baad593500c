"""Getting an avatar ready while another one, or a card, is on the screen: a trial in a child process, then a thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from certs.errors import CertError
from device_agent.display.seen import Kept, Rules
from device_agent.display.trial import Verdict
from device_agent.errors import AgentError

Ready = TypeVar("Ready")

Files = Mapping[str, bytes]
"""Of a package: name -> content."""


def may_change(code: str) -> bool:
    """Whether an error is the disk's or the moment's, so that another try may end otherwise."""
    return code in ("display.gone", "display.opener", "state.license_gone", "gl.lost") or code.startswith(
        ("file.", "cache.", "identity.tpm", "seal.")
    )


@dataclass(frozen=True, kw_only=True)
class Order:
    """One package to get ready; ``proved`` when a child has opened and drawn it before."""

    package: Kept
    rules: Rules
    proved: bool


@dataclass(frozen=True, kw_only=True)
class Result(Generic[Ready]):
    """How it went: ``ready``, or the verdict that says why not."""

    order: Order
    ready: Ready | None
    verdict: Verdict


class Loader(Generic[Ready]):
    """One load at a time.

    Args:
        open_: gets the files of a package, decrypted; all three run in a thread.
        try_: reads and draws them elsewhere.
        prepare: makes of them what a screen can show at once.
        refusals: what ``prepare`` raises for a package that is no good, beside the agent's own errors; with a code.
    """

    def __init__(
        self,
        *,
        open_: Callable[[Order], Files],
        try_: Callable[[Order, Files], Verdict],
        prepare: Callable[[Order, Files], Ready],
        refusals: tuple[type[Exception], ...] = (),
    ) -> None:
        self._open, self._try, self._prepare = open_, try_, prepare
        self._refusals: tuple[type[Exception], ...] = (AgentError, CertError, *refusals)
        self._lock = threading.Lock()
        self._order: Order | None = None
        self._result: Result[Ready] | None = None

    @property
    def under_way(self) -> str:
        """sha256 of the package that is being got ready; empty when none is."""
        with self._lock:
            return "" if self._order is None else self._order.package.sha256

    def begin(self, order: Order) -> None:
        """Start; only when nothing is under way."""
        with self._lock:
            self._order, self._result = order, None
        threading.Thread(target=self._run, args=(order,), name="loader", daemon=True).start()

    def take(self) -> Result[Ready] | None:
        """What has ended since the last time, once."""
        with self._lock:
            result, self._result = self._result, None
            if result is not None:
                self._order = None
            return result

    def _run(self, order: Order) -> None:
        result = self._ended(order)
        with self._lock:
            self._result = result

    def _ended(self, order: Order) -> Result[Ready]:
        try:
            files = self._open(order)
            verdict = Verdict() if order.proved else self._try(order, files)
            if verdict.code:
                return Result(order=order, ready=None, verdict=verdict)
            return Result(order=order, ready=self._prepare(order, files), verdict=Verdict())
        except self._refusals as error:
            code = str(getattr(error, "code", "defect"))
            return Result(order=order, ready=None, verdict=_verdict(code, str(error)))
        except Exception as error:  # noqa: BLE001 -- a defect of ours must not freeze the screen
            told = f"{type(error).__name__}: {error}"
            return Result(order=order, ready=None, verdict=Verdict(code="defect", message=told, passing=True))


def _verdict(code: str, message: str) -> Verdict:
    return Verdict(code=code, message=message, passing=may_change(code))
