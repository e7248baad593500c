"""Keeps one device as it should be: each step does what the device's phase asks for, and says when to come again.

The state is opened for each step and closed after it, so that ``avatar-agent`` commands can work in between. Steps
know no thread and no signal; time, chance and the way to open the device are passed in.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

from certs.errors import CertError, PrivateFileError
from device_agent.api.causes import Cause
from device_agent.avatars.cache import AvatarCache
from device_agent.clock import Clock
from device_agent.config import Settings
from device_agent.drive import Session as DriveSession
from device_agent.errors import (
    AgentError,
    ConfigurationError,
    LicenseRefused,
    PermissionRefused,
    PlatformError,
    StateError,
)
from device_agent.lifecycle.budget import is_spent, may_show
from device_agent.lifecycle.engine import Engine, Started
from device_agent.lifecycle.journal import load
from device_agent.lifecycle.machine import HOLDS_SEAT, NEXT, Act, Phase
from device_agent.lifecycle.observe import Observer, Step
from device_agent.lifecycle.office_refusals import REMOVED
from device_agent.lifecycle.record import Bound
from device_agent.lifecycle.vault import AVATARS
from device_agent.service.certificate_renewal import CertificateRenewal
from device_agent.service.license_watch import LicenseWatch
from device_agent.service.lines import Lines
from device_agent.service.offline_count import OfflineCount
from device_agent.service.order_watch import OrderWatch
from device_agent.service.overlay import Session, content_of
from device_agent.service.pace import CHECK_S as CHECK_S
from device_agent.service.pace import KEEP_S as KEEP_S
from device_agent.service.pace import LINKS, MOST_SLOWER, STORAGE, cause_of_failure, least_wait_in, wait_after
from device_agent.service.report import Report, Snapshot
from device_agent.service.root_watch import RootWatch
from device_agent.service.token_renewal import TokenRenewal

SessionBegan = Callable[[Settings, DriveSession | None], None]

OpenEngine = Callable[[Settings, Observer], AbstractContextManager[Engine]]

CONTENT_S = 43200.0
"""Seconds between two looks for a new version of the avatar."""

SESSION_LEAST_S = 300.0
"""Least seconds between two sessions when the second is begun only because the drive channel refused the token; twice
as many each time that it was in vain. Devices whose tokens are refused together spread their new sessions over it, too.
"""

BUSY_S = 5.0
"""Seconds to wait when a command works on the device."""

IDLE_S = 600.0
"""Seconds between looks at a device that only a person can move."""

BREAKS_AFTER = 3
"""The circuit breaker opens after so many failed steps in a row. Until one succeeds, a step is then a single request,
not the usual three with short waits; how long to wait between steps depends on the cause (``pace``).
"""

FAULT_S = 60.0
"""Seconds between looks at storage or settings that cannot be used."""

SESSION_S = 2.0
"""Seconds from taking the seat to the first session; the avatar is asked for before it."""

RETURNS_S = 600.0
"""Seconds over which devices that took their seats together, after an outage, spread their first sessions."""


@dataclass
class _Rhythm:
    """What a keeper remembers between steps; all of it may be lost. Times (``..._at``) are seconds of the clock that
    only goes forward.

    Attributes:
        failures: steps in a row that failed.
        check_at: when the next regular licensed call is due.
        content_at: when the avatar was last asked for; ``None`` for not yet.
        seat_denied: times in a row that ClientStart said that there is no seat.
        begun_at: when the last session began; ``None`` without one.
        another_at: when a session is due that the drive channel asked for; ``None`` until that is worked out.
        in_vain: factor on the rest before such a session, doubled while they do not help.
        bound_anew: the seat was asked for again instead of a session.
        seat: the seat that the last step worked with.
        due_at: when the next act is due, unless the record has changed since ``generation``.
        generation, phase: of the record, as the last act left it; -1 and ``None`` before the first.
        heard: in this act, a licensed call has succeeded.
        link: see ``Snapshot.link``.
        started_for: the seat for which a session is open; ``None`` for none.
        problem: code of the last failure, while it lasts.
        broken: the disk refused a write; it is tried before the platform is asked for anything.
        slower: factor on the pace that grows when the platform asks for less.
        rest: the factor in force since the last regular call.
    """

    failures: int = 0
    check_at: float = 0.0
    content_at: float | None = None
    seat_denied: int = 0
    begun_at: float | None = None
    another_at: float | None = None
    in_vain: float = 1.0
    bound_anew: bool = False
    seat: Bound | None = None
    due_at: float = 0.0
    generation: int = -1
    phase: Phase | None = None
    heard: bool = False
    link: str = "unknown"
    started_for: Bound | None = None
    problem: str = ""
    broken: bool = False
    slower: float = 1.0
    rest: float = 1.0


class Keeper:
    """One device's life, step by step."""

    def __init__(
        self,
        *,
        settings: Settings,
        open_engine: OpenEngine,
        clock: Clock,
        dice: Callable[[], float],
        report: Report,
        log: Lines | None = None,
        boot: str = "this",
        session_began: SessionBegan = lambda _settings, _session: None,
    ) -> None:
        """
        Args:
            dice: random numbers in [0, 1).
            boot: tells this start of the machine from others.
            session_began: told of each session, and of ``None`` when the seat is not this device's any more.
        """
        self._session_began = session_began
        self._session_wanted = False
        self._settings = self._given = settings
        self._anew = False
        self._open = open_engine
        self._clock = clock
        self._dice = dice
        self._report = report
        self._rhythm = _Rhythm()
        self._log = log or Lines()
        self._certificate = CertificateRenewal(clock=clock, dice=dice, log=self._log)
        self._license = LicenseWatch()
        self._token = TokenRenewal(clock=clock, dice=dice, log=self._log)
        self._offline = OfflineCount(boot=boot, log=self._log)
        self._orders = OrderWatch(clock=clock, log=self._log)
        self._root = RootWatch(clock=clock, log=self._log)

    @property
    def settings(self) -> Settings:
        """What the device is kept by."""
        return self._given

    @settings.setter
    def settings(self, settings: Settings) -> None:
        """May come from another thread; the next step tries them, however long the old ones were to wait."""
        self._given = settings
        self._anew = True

    def want_session(self) -> None:
        """The drive channel did not take the session's token. May come from another thread; the next step that is far
        enough from the last session begins another.
        """
        self._session_wanted = True

    def step(self) -> float:
        """Do what is due; seconds until the next step is."""
        if self._another_session_in() <= 0.0:
            self._rhythm.due_at = self._rhythm.check_at = 0.0
        if self._anew:
            self._anew = False
            self._settings = self._given  # one step has one: what one platform gave goes to nobody of another's
            self._rhythm.due_at = self._rhythm.check_at = 0.0
            self._certificate.at_once()
        try:
            with self._open(self._settings, self._seen) as engine:
                if self._rhythm.generation < 0:
                    self._tell(engine, 0.0)  # the picture does not wait for the network
                if self._rhythm.failures >= BREAKS_AFTER:
                    engine.probe()
                if self._rhythm.broken:
                    engine.prove_storage()  # before anything is asked of the platform that could not be kept
                    self._rhythm.broken = False
                wait = min(self._live(engine), max(1.0, self._another_session_in()))
                self._tell(engine, wait)
                return wait
        except StateError as error:
            if error.code == "state.locked":
                return BUSY_S
            return self._fault(error)
        except (PrivateFileError, ConfigurationError) as error:
            self._rhythm.broken = self._rhythm.broken or error.code in STORAGE
            return self._fault(error)

    def _another_session_in(self) -> float:
        """Seconds until another session is due because the drive channel wants one; while calls fail, their own pace
        decides, and whatever follows is another session.
        """
        rhythm, now = self._rhythm, self._clock.steady()
        if not self._session_wanted or rhythm.begun_at is None or rhythm.failures:
            return math.inf
        if rhythm.another_at is None:
            least = rhythm.begun_at + SESSION_LEAST_S * rhythm.rest * rhythm.in_vain
            rhythm.another_at = max(now + SESSION_LEAST_S * self._dice(), least)
        return rhythm.another_at - now

    def _live(self, engine: Engine) -> float:
        rhythm, now = self._rhythm, self._clock.steady()
        self._count_offline(engine)
        self._keep_certificate(engine)
        self._heed_a_refusal_by_hand(engine)
        waits = engine.record.gen == rhythm.generation and now < rhythm.due_at
        waits = waits and not self._license.is_new(self._settings, engine.record)
        # A platform that refuses may make it wait for a day; an order does not.
        if waits and not self._orders.look(engine, self._settings):
            return min(rhythm.due_at - now, KEEP_S)
        wait = self._do(engine)
        rhythm.generation, rhythm.due_at = engine.record.gen, self._clock.steady() + wait
        rhythm.phase = engine.record.phase
        return min(wait, KEEP_S) if rhythm.link != "online" else wait

    def _heed_a_refusal_by_hand(self, engine: Engine) -> None:
        """A command got the answer that this device waits upon already: it counts as the service's own, or the same
        question would go out twice in a moment.
        """
        rhythm, now, record = self._rhythm, self._clock.steady(), engine.record
        changed = record.gen != rhythm.generation and record.phase is rhythm.phase and now < rhythm.due_at
        if changed and (least_s := least_wait_in(record)):
            rhythm.generation, rhythm.due_at = record.gen, max(rhythm.due_at, now + least_s)

    def _keep_certificate(self, engine: Engine) -> None:
        """A device that waits for a seat or its order, or cannot give its seat back yet, makes no regular call that
        looks after its certificate, and may wait for longer than that lasts: it would need a new secret from a person.
        """
        waits = NEXT[engine.record.phase] in (Act.BIND, Act.UNBIND)
        if not (waits and self._settings.enroll_url and self._certificate.is_due(engine)):
            return
        try:
            self._certificate.tend(engine)
        except PermissionRefused:  # taken out: the next call is told the same, and leaves
            self._rhythm.due_at = 0.0

    def _do(self, engine: Engine) -> float:
        """One act; seconds until the next one. A record that a command has changed since is acted on at once."""
        phase = engine.record.phase
        self._rhythm.heard = False
        try:
            wait = self._act(engine)
        except PrivateFileError:
            raise  # the disk's affair, not the platform's
        except (AgentError, CertError) as error:
            wait = self._leave(engine, error) if error.code == REMOVED else self._failed(error)
        else:
            self._rhythm.failures, self._rhythm.problem = 0, ""
        self._root.tend(engine, self._settings)
        if self._orders.look(engine, self._settings):
            wait = 1.0
        if engine.record.phase is not phase:
            self._log.info("phase", before=str(phase), after=str(engine.record.phase))
        return wait

    def _act(self, engine: Engine) -> float:
        match NEXT[engine.record.phase]:
            case Act.PROVISION | Act.BIND:
                self._license.asks(self._settings)
                together = self._rhythm.link not in ("unknown", "online", "blocked")
                engine.bind()
                self._heard()
                self._begin(engine, RETURNS_S * self._dice() if together else SESSION_S)
                return 1.0
            case Act.FETCH | Act.SERVE:
                return self._serve(engine)
            case Act.UNBIND | Act.ERASE | Act.SEAL:
                self._ended()
                engine.unbind()
                if engine.is_sealing:
                    return max(1.0, min(IDLE_S, engine.record.bind.unsure_until - engine.now))
                return 1.0
            case _:
                return IDLE_S

    def _serve(self, engine: Engine) -> float:
        """The regular licensed call, the token, then the avatar: each when it is due."""
        now, rhythm = self._clock.steady(), self._rhythm
        if rhythm.seat not in (None, engine.record.bound):
            self._begin(engine, SESSION_S)  # a command took another seat
        returned = rhythm.link != "online"
        regular = returned or now >= rhythm.check_at
        if regular:
            if self._settings.enroll_url:
                self._certificate.tend(engine)  # first: without a valid one the broker gives nothing to call with
            is_open = self._start(engine)
            rhythm.rest, rhythm.slower = rhythm.slower, max(1.0, rhythm.slower / 2.0)
            self._heard()
            if not (is_open or rhythm.bound_anew):  # a platform that denies every new seat is not asked more often
                self._begin(engine, SESSION_S)
            rhythm.bound_anew, rhythm.seat = not is_open, engine.record.bound
        self._refresh(engine, regular=regular, returned=returned)
        code = self._settings.avatar or engine.record.content.active
        other = code and code != engine.record.content.active
        stale = rhythm.content_at is None or now - rhythm.content_at >= CONTENT_S
        if code and (other or stale or engine.record.phase is Phase.BOUND or not engine.has_avatar):
            engine.fetch(code)
            rhythm.content_at = now
        return max(1.0, self._token.comes_at(rhythm.check_at) - self._clock.steady())

    def _begin(self, engine: Engine, seconds: float) -> None:
        """A seat that was just taken has no session yet: the regular call comes then, and not after half an hour."""
        self._rhythm.seat, self._rhythm.check_at = engine.record.bound, self._clock.steady() + seconds

    def _refresh(self, engine: Engine, *, regular: bool, returned: bool) -> None:
        """The token of LicenseAuth, when it is time; a failure costs nothing, but for an order that ended."""
        rhythm = self._rhythm
        try:
            error = self._token.tend(engine, regular=regular, returned=returned, rest=rhythm.rest)
        except LicenseRefused:
            rhythm.heard = False  # though the session was opened: this device is refused, and its budget runs
            raise
        if error is not None and cause_of_failure(error) is Cause.THROTTLE:
            rhythm.slower = max(rhythm.slower, 2.0)

    def _start(self, engine: Engine) -> bool:
        """The licensed call; whether a session is open. The second time that it says that there is no seat, the seat is
        asked for again instead.
        """
        rhythm = self._rhythm
        rhythm.started_for = None
        self._report.put(replace(self._report.snapshot, session=Session.STARTING))
        try:
            started = engine.start()
        except (PlatformError, LicenseRefused) as error:
            says_so = error.operation == "ClientStart" and error.code in self._settings.seat_lost_codes
            rhythm.seat_denied = rhythm.seat_denied + 1 if says_so else 0
            if rhythm.seat_denied < 2:
                raise
            engine.bind(lost=True)
        else:
            rhythm.started_for = engine.record.bound
            self._begun(engine, started)
        rhythm.seat_denied = 0
        return rhythm.started_for is not None

    def _begun(self, engine: Engine, started: Started) -> None:
        record, rhythm = engine.record, self._rhythm
        rhythm.begun_at, rhythm.another_at = self._clock.steady(), None
        rhythm.in_vain = min(2.0 * rhythm.in_vain, CHECK_S / SESSION_LEAST_S) if self._session_wanted else 1.0
        self._session_wanted = False
        session = DriveSession(token=started.im_token, tenant_id=record.tenant_id, app_id=record.app_id)
        self._session_began(self._settings, session)

    def _ended(self) -> None:
        if self._rhythm.begun_at is not None:
            self._rhythm.begun_at, self._session_wanted = None, False
            self._session_began(self._settings, None)

    def _leave(self, engine: Engine, refusal: AgentError | CertError) -> float:
        """The office says that headquarters took this device out; without a good order, where one is needed, that is
        one more refusal, and destroys nothing.
        """
        try:
            self._orders.believe(engine, self._settings, refusal)
            self._ended()
            engine.unbind()
        except PrivateFileError:
            raise
        except (AgentError, CertError) as error:
            return self._failed(error)
        return 1.0

    def _heard(self) -> None:
        rhythm = self._rhythm
        now = self._clock.steady()
        rhythm.link, rhythm.heard = "online", True
        self._offline.heard(now)
        rhythm.check_at = now + CHECK_S * rhythm.rest * (0.9 + 0.2 * self._dice())

    def _failed(self, error: AgentError | CertError) -> float:
        rhythm = self._rhythm
        cause = cause_of_failure(error)
        rhythm.failures += 1
        rhythm.problem = error.code
        if not rhythm.heard:  # else the licensed call succeeded, and something after it did not
            rhythm.link = LINKS.get(cause, "blocked")
            rhythm.started_for = None
        wait = wait_after(error, failures=rhythm.failures, dice=self._dice)
        if cause is Cause.THROTTLE:
            rhythm.slower = min(rhythm.slower * 2.0, MOST_SLOWER)
        self._log.warning(
            "failed", code=error.code, cause=str(cause), message=error.message, hint=error.hint,
            request_id=getattr(error, "request_id", ""), failures=rhythm.failures, next_s=round(wait, 1),
        )  # fmt: skip
        return wait

    def _count_offline(self, engine: Engine) -> None:
        """See ``OfflineCount.count``; our own write is no reason to act before it is time."""
        rhythm, unseen = self._rhythm, engine.record.gen == self._rhythm.generation
        budget_s = self._settings.offline_budget_s
        if self._offline.count(engine, now=self._clock.steady(), link=rhythm.link, budget_s=budget_s) and unseen:
            rhythm.generation = engine.record.gen

    def _fault(self, error: AgentError | CertError) -> float:
        """Storage or settings are unusable: nothing is written, the picture that is there stays inside its budget."""
        rhythm = self._rhythm
        rhythm.problem = error.code
        self._offline.let_pass(self._clock.steady())
        if self._report.snapshot.problem != error.code:
            self._log.error("fault", code=error.code, message=error.message, where=error.where, hint=error.hint)
        on_disk = self._as_on_disk()
        session = Session.STARTED if rhythm.started_for is not None else Session.STOPPED
        self._report.put(replace(on_disk, phase=Phase.FAULT, session=session, problem=error.code, next_s=FAULT_S))
        return FAULT_S

    def _as_on_disk(self) -> Snapshot:
        """What a disk that can only be read still says; what was last told where it cannot even be read."""
        settings, before = self._settings, self._report.snapshot
        try:
            record = load(settings.state_dir).record
            avatar = AvatarCache(settings.cache_dir / AVATARS).cached(record.content.active)
        except (AgentError, CertError):
            return before
        offline_s = record.contact.offline_s + self._offline.uncounted_s
        spent = is_spent(offline_s, budget_s=settings.offline_budget_s)
        shows = avatar is not None and not spent and may_show(record, budget_s=settings.offline_budget_s)
        return replace(
            before, content=content_of(has_avatar=avatar is not None), may_show=shows, offline_s=offline_s,
            budget_s=settings.offline_budget_s, avatar=record.content.active,
        )  # fmt: skip

    def _tell(self, engine: Engine, wait: float) -> None:
        rhythm, record, validity = self._rhythm, engine.record, engine.certificate
        online = rhythm.link == "online"
        shows = may_show(record, budget_s=self._settings.offline_budget_s, online=online)
        has_avatar = _has_avatar(engine, needed=shows)
        if record.phase not in HOLDS_SEAT:
            self._ended()
        root = self._root.standing(engine, self._settings)
        open_ = record.phase in HOLDS_SEAT and record.bound is not None and record.bound == rhythm.started_for
        self._report.put(
            Snapshot(
                phase=record.phase,
                link=rhythm.link,
                session=Session.STARTED if open_ else Session.STOPPED,
                content=content_of(has_avatar=has_avatar),
                may_show=shows and has_avatar,
                offline_s=record.contact.offline_s + self._offline.uncounted_s,
                budget_s=self._settings.offline_budget_s,
                avatar=record.content.active,
                problem=rhythm.problem,
                next_s=wait,
                certificate_ends=validity.not_after.timestamp() if validity is not None else 0.0,
                token_ends=self._token.ends_at if record.phase in HOLDS_SEAT else 0.0,
                root_version=root.version,
                root_ends=root.ends,
                root_problem=root.problem,
            )
        )

    def _seen(self, step: Step) -> None:
        self._report.count(step.name, "ok" if step.ok else step.result)
        self._root.seen(step)
        facts: dict[str, Any] = {"step": step.name, "result": step.result, "ms": round(step.ms, 1)}
        self._log.info("step", request_id=step.request_id, ok=step.ok, **facts)


def _has_avatar(engine: Engine, *, needed: bool) -> bool:
    """Whether it is here; a cache that cannot be read is a fault only where it is to be shown, and keeps nobody from
    giving the seat back.
    """
    try:
        return engine.has_avatar
    except ConfigurationError:
        if needed:
            raise
        return False
