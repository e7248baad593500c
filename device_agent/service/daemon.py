"""The process: a worker lives the device's life, the main thread answers signals and feeds the watchdog.

The watchdog learns that the worker lives, never whether the network does: a step that waits for an answer is alive as
long as that takes no longer than the longest wait for one may, however many it needs.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from certs.errors import CertError
from device_agent import VERSION
from device_agent.api.faults import WHOLE
from device_agent.clock import Clock
from device_agent.config import Settings
from device_agent.errors import AgentError
from device_agent.lifecycle.journal import load
from device_agent.lifecycle.machine import Phase
from device_agent.lifecycle.points import Point
from device_agent.redaction import traceback_of
from device_agent.service.health import serving
from device_agent.service.keeper import Keeper
from device_agent.service.lines import Lines
from device_agent.service.notify import Notifier
from device_agent.service.report import Report

GRACE_S = 20.0
"""Seconds that a step may still take after the order to stop; every moment of it is safe to be cut."""

ASLEEP_S = 30.0
"""Seconds between two looks of the main thread after which this machine, or this process, has slept."""

SLACK_S = 300.0
"""Seconds beyond the longest download, or call, after which a step counts as hung."""

AT_START = ("state_dir", "health_socket", "health_port")
"""Settings of what is opened once, before the first step."""

EXCHANGES = 8
"""Exchanges that one call may take: three attempts, the time put right, credentials fetched and fetched anew."""


class Daemon:
    """Runs a keeper until it is told to stop."""

    def __init__(
        self,
        *,
        keeper: Keeper,
        report: Report,
        notifier: Notifier,
        clock: Clock,
        reload: Callable[[], Settings],
        log: Lines | None = None,
    ) -> None:
        """``reload`` reads the settings again, on SIGHUP."""
        self._keeper = keeper
        self._report = report
        self._notifier = notifier
        self._clock = clock
        self._reload = reload
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._orders: list[str] = []
        self._reason = ""
        self._cut = False
        self._born = clock.steady()
        self._started = clock.steady()
        self._failure: BaseException | None = None
        self._log = log or Lines()

    def order(self, order: str) -> None:
        """``reload``, or the reason to stop; safe in a signal handler."""
        self._orders.append(order)

    def wake(self) -> None:
        """Let the next step come now; safe from any thread."""
        self._wake.set()

    def moved(self, _point: Point | None = None) -> None:
        """The worker got somewhere in its present step; a network that drips makes it long, and not dead."""
        self._started = self._clock.steady()

    def is_alive(self) -> bool:
        """Whether the worker moves: it has not been at one thing for longer than any may take."""
        settings = self._keeper.settings
        longest = max(settings.download_deadline_s, EXCHANGES * WHOLE * settings.timeout_s) + SLACK_S
        return self._failure is None and self._clock.steady() - self._started < longest

    def run(self, *, beat_s: float = 0.25) -> int:
        """Until the order to stop; the exit status: 1 when the worker failed in a way that nobody foresaw."""
        worker = threading.Thread(target=self._work, name="keeper", daemon=True)
        worker.start()
        self._notifier.ready("starting")
        fed = told = ""
        last_fed, looked = -1e9, self._clock.steady()
        while worker.is_alive():
            worker.join(timeout=beat_s)
            while self._orders:
                order = self._orders.pop(0)
                if order == "reload":
                    self._read_again()
                else:
                    self._reason = self._reason or order
                    self._stop.set()
                    self._wake.set()
            if self._stop.is_set():
                break
            told = self._report.line()
            if told != fed:
                self._notifier.status(told)
                fed = told
            now = self._clock.steady()
            if now - looked > ASLEEP_S:
                self._started = now  # the clock slept as well, so its wait goes on as before; the worker did not hang
                self._wake.set()
            looked = now
            if self.is_alive() and now - last_fed >= max(beat_s, self._notifier.watchdog_s / 3):
                self._notifier.alive()
                last_fed = now
        self._notifier.stopping()
        worker.join(timeout=GRACE_S)
        self._cut = worker.is_alive()
        return 0 if self._failure is None else 1

    @contextmanager
    def logged(self) -> Iterator[None]:
        """A line at the start and one at the end, whatever the end is; around all that may fail."""
        self._log.info("start", version=VERSION, phase=self._phase())
        try:
            yield
        except BaseException as error:
            self._log_stop(error)
            raise
        self._log_stop(self._failure)

    def _log_stop(self, failure: BaseException | None) -> None:
        """The reason is the signal's name, the error's code, or ``defect``; ``cut`` says that a step did not end within
        its grace.
        """
        uptime_s, problem = round(self._clock.steady() - self._born, 1), self._report.snapshot.problem
        facts = {"version": VERSION, "phase": self._phase(), "uptime_s": uptime_s, "problem": problem, "cut": self._cut}
        if failure is None:
            self._log.info("stop", reason=self._reason, **facts)
        else:
            code = failure.code if isinstance(failure, AgentError | CertError) else "defect"
            self._log.error("stop", reason=code, failure=type(failure).__name__, **facts)

    def _phase(self) -> str:
        """As it is on disk: a command may have moved it since the last step."""
        try:
            return str(load(self._keeper.settings.state_dir).record.phase)
        except (AgentError, CertError):
            return str(Phase.FAULT)

    def _work(self) -> None:
        try:
            while not self._stop.is_set():
                self.moved()
                wait = self._keeper.step()
                self._wake.wait(timeout=self._rest(wait))
                self._wake.clear()
        except BaseException as error:  # noqa: BLE001 -- the main thread must know, or nobody would start us again
            self._failure = error
            if os.environ.get("AVATAR_AGENT_TRACEBACK") == "1":
                sys.stderr.write(traceback_of(error))

    def _rest(self, wait: float) -> float:
        """Seconds to wait; resting is being alive, so a long rest moves the worker's own mark along."""
        self._started = self._clock.steady() + wait
        return wait

    def _read_again(self) -> None:
        self._notifier.reloading()
        before = self._keeper.settings
        try:
            self._keeper.settings = self._reload()
        except AgentError as error:
            facts = {"code": error.code, "message": error.message, "where": error.where, "hint": error.hint}
            self._log.error("settings are not read again", **facts)
        else:
            self._log.info("settings are read again")
            self._wake.set()
            later = [name for name in AT_START if getattr(self._keeper.settings, name) != getattr(before, name)]
            if later:
                self._log.warning("settings wait", names=later, hint="they count from: systemctl restart avatar-agent")
        self._notifier.ready(self._report.line())


@contextmanager
def signals(daemon: Daemon) -> Iterator[None]:
    """SIGTERM and SIGINT stop, SIGHUP reloads; the handlers before are put back."""

    def ordered(number: int, _frame: FrameType | None) -> None:
        daemon.order("reload" if number == signal.SIGHUP else signal.Signals(number).name)

    before = {number: signal.signal(number, ordered) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def health(report: Report, settings: Settings, *, runtime_folder: str) -> Iterator[Path | None]:
    """Health at the place that the settings name, else in the run folder, else nowhere.

    Raises:
        ConfigurationError: it cannot be had there.
    """
    named = settings.health_socket or (f"{runtime_folder}/health.sock" if runtime_folder else "")
    path = Path(named) if named and named != "none" else None
    with serving(report, path=path, port=settings.health_port):
        yield path
