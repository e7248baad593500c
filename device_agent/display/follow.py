"""The display's life, turn by turn: look at the disk, get ready what is to be shown, show it, say that it lives.

Knows no window and no file: those are passed in. Nothing here waits for a network, and nothing writes but the notes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from device_agent.display.card_picture import Picture, card_picture
from device_agent.display.cards import CARDS, short_code
from device_agent.display.fonts import Face
from device_agent.display.loader import Loader, Order, Result, may_change
from device_agent.display.notes import STEADY_S, Notes
from device_agent.display.operators import OperatorsPicture
from device_agent.display.scene import Facts, Scene, scene_of
from device_agent.display.seen import Kept, State
from device_agent.display.silence import Silence
from device_agent.display.trial import KILLED, OUT_OF_TIME
from device_agent.errors import PackageError
from device_agent.lifecycle.machine import Phase
from device_agent.service.lines import Lines

LOOK_S = 0.5
"""Seconds between two looks at the disk."""

SOON_S = 60.0
"""Seconds after which a package is tried again that failed for the moment's sake."""

LOAD_S = 300.0
"""Seconds of getting one avatar ready, its trial among them (two minutes at most), after which it counts as hanging."""

LATER_S = 3600.0
"""Seconds after which one is tried again for which the machine may have been too busy."""

Ready = TypeVar("Ready")
Shown = TypeVar("Shown", contravariant=True)


class Window(Protocol[Shown]):
    """What a follower shows things on; ``renderer.output.kiosk.Kiosk`` is one."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""

    def show_picture(self, picture: Picture) -> None:
        """Show a flat picture from the next frame on."""

    def show_avatar(self, prepared: Shown) -> None:
        """Show an avatar from the next frame on; raises what ``refusals`` names, and then shows what it showed."""

    def frame(self, *, wait_s: float) -> bool:
        """Draw; False once it is closed."""


@dataclass(frozen=True, kw_only=True)
class Extras:
    """What cards are made with: a font with Chinese letters, and the ticket of the seat that a device (the hash of its
    id) gave up by force, to be scanned.
    """

    chinese: Face | None = None
    ticket: Callable[[str], Picture | None] = lambda _id_hash: None


class Follower(Generic[Ready]):
    """Shows on one window what the table of scenes asks for.

    Args:
        look: the state on disk; raises nothing.
        refusals: what the window raises when it cannot show an avatar; each with a code.
        steady: seconds that pass.
    """

    def __init__(
        self,
        *,
        look: Callable[[], State],
        window: Window[Ready],
        loader: Loader[Ready],
        notes: Notes,
        silence: Silence,
        steady: Callable[[], float],
        log: Lines,
        extras: Extras = Extras(),
        refusals: tuple[type[Exception], ...] = (),
    ) -> None:
        self._look, self._window, self._loader = look, window, loader
        self._notes, self._silence, self._steady, self._log = notes, silence, steady, log
        self._extras, self._refusals = extras, refusals
        self._operators = OperatorsPicture()
        self._look_at = 0.0
        self._told: dict[str, str] = {}
        self._card: tuple[object, ...] | None = None
        self._wanted = ""
        self._settled = False
        self._since = 0.0
        self._loading = ("", "", 0.0)
        self.scene: Scene | None = None
        self.avatar = ""
        """sha256 of the avatar on the screen; empty while it is a card."""

    def turn(self) -> bool:
        """One frame, and before it whatever is due; False once the window is closed.

        Raises:
            PackageError: an avatar hangs while it is being got ready. That is noted; the process has to end.
        """
        now = self._steady()
        if now >= self._look_at:
            self._look_at = now + LOOK_S
            self._follow(self._look())
        result = self._loader.take()
        if result is not None:
            self._take(result)
            self._follow(self._look())
        elif self._loader.under_way and now - self._loading[2] > LOAD_S:
            self._give_up()
        if self.avatar and not self._settled and now - self._since >= STEADY_S:
            self._settled = True
            self._notes.settle(self.avatar)
        return self._window.frame(wait_s=max(0.0, self._look_at - self._steady()))

    def _follow(self, state: State) -> None:
        """Make the screen what the state asks for; an avatar that is not ready yet leaves it as it is."""
        package = self._best(state)
        stays = package is None and bool(self.avatar and state.packages)
        scene = scene_of(self._facts(state, has_avatar=package is not None or stays))
        self._say(scene, state)
        if scene is not Scene.AVATAR:
            self._wanted = ""
            self._show_card(scene, state)
            return
        self._wanted = self.avatar if package is None else package.sha256
        if package is not None and self._wanted != self.avatar and not self._loader.under_way:
            assert state.rules is not None  # or nothing might be shown
            self._notes.begin(self._wanted)
            self._loading = (package.code, self._wanted, self._steady())
            proved = self._notes.is_proved(self._wanted)
            self._loader.begin(Order(package=package, rules=state.rules, proved=proved))
        if not self.avatar:
            self._show_card(Scene.LOADING, state)

    def _facts(self, state: State, *, has_avatar: bool) -> Facts:
        record, rules = state.record, state.rules
        budget_s = 0.0 if rules is None else rules.offline_budget_s
        spent = rules is not None and self._silence.spent(record, budget_s=budget_s)
        return Facts(
            phase=Phase.FAULT if state.fault else record.phase,
            may_show=rules is not None and self._silence.may_show(record, budget_s=budget_s),
            spent=spent,
            has_avatar=has_avatar,
            unusable=bool(state.packages) and not has_avatar,
            has_picture=spent and self._operators_picture(state) is not None,
            blocked=record.blocked,
            damaged=state.damaged,
            by_force=record.tombstone is not None and not record.tombstone.request_ids,
        )

    def _best(self, state: State) -> Kept | None:
        """The first package that nothing speaks against; ``None`` for none, and while the one that is meant cannot be
        shown and another avatar is on the screen: that one stays.
        """
        for package in state.packages:
            reason = "" if package.sha256 == self.avatar else self._notes.against(package.sha256)
            if not reason:
                return package
            self._tell_once(package, reason)
            if self.avatar:
                return None
        return None

    def _tell_once(self, package: Kept, reason: str) -> None:
        if self._told.get(package.sha256) != reason:
            self._told[package.sha256] = reason
            self._log.warning(
                "avatar not shown", avatar=package.code, sha256=package.sha256, code=reason,
                hint="the one before it is shown, where there is one; see docs/screen.md",
            )  # fmt: skip

    def _say(self, scene: Scene, state: State) -> None:
        if scene is not self.scene:
            self.scene = scene
            phase = str(Phase.FAULT if state.fault else state.record.phase)
            self._log.info("scene", scene=str(scene), phase=phase, fault=state.fault)

    def _give_up(self) -> None:
        """An avatar hangs while it is got ready. A thread can only be ended with its process, and the loader would be
        busy for ever: it counts as a start that the display died of, and the next start shows the version before it.
        """
        code, sha256, _ = self._loading
        self._notes.refuse(sha256, code=OUT_OF_TIME, seconds=LATER_S)
        self._log.error("avatar hangs", avatar=code, sha256=sha256, code=OUT_OF_TIME, stays=bool(self.avatar))
        raise PackageError(
            f"the avatar is not ready after {LOAD_S:.0f} s, and never will be",
            code=OUT_OF_TIME,
            where=code,
            hint="the display has to start again, which the service does by itself; it shows the version before",
        )

    def _take(self, result: Result[Ready]) -> None:
        """A load has ended: show it, if it is still what is wanted."""
        package, verdict = result.order.package, result.verdict
        if result.ready is not None:
            self._notes.prove(package.sha256)
            if package.sha256 != self._wanted:
                return
            try:
                self._window.show_avatar(result.ready)
            except self._refusals as error:
                code = str(getattr(error, "code", "defect"))
                self._refuse(package, code, str(error), passing=may_change(code))
                return
            self.avatar, self._card = package.sha256, None
            self._settled, self._since = False, self._steady()
            self._log.info("avatar shown", avatar=package.code, sha256=package.sha256)
        else:
            self._refuse(package, verdict.code, verdict.message, passing=verdict.passing)

    def _refuse(self, package: Kept, code: str, message: str, *, passing: bool = False) -> None:
        self._log.warning(
            "avatar cannot be shown", avatar=package.code, sha256=package.sha256, code=code, message=message,
            stays=bool(self.avatar),
        )  # fmt: skip
        self._told[package.sha256] = code
        if passing:
            self._notes.refuse(package.sha256, code=code, seconds=SOON_S)
        elif code in (OUT_OF_TIME, KILLED):
            self._notes.refuse(package.sha256, code=code, seconds=LATER_S)
        else:
            self._notes.refuse(package.sha256, code=code)

    def _show_card(self, scene: Scene, state: State) -> None:
        size = self._window.size
        code = short_code(state.record.device_id)
        key = (scene, size, code, id(self._operators_picture(state)) if scene is Scene.OPERATORS else 0)
        if key == self._card or min(size) <= 0:
            return
        self._window.show_picture(self._picture(scene, state, code))
        self._card, self.avatar = key, ""

    def _picture(self, scene: Scene, state: State, code: str) -> Picture:
        operators = self._operators_picture(state) if scene is Scene.OPERATORS else None
        if operators is not None:
            return operators
        tombstone = state.record.tombstone
        ticket = self._extras.ticket(tombstone.id_hash) if scene is Scene.ABANDONED and tombstone is not None else None
        card = CARDS[Scene.LOCKED if scene is Scene.OPERATORS else scene]
        return card_picture(card, size=self._window.size, code=code, chinese=self._extras.chinese, ticket=ticket)

    def _operators_picture(self, state: State) -> Picture | None:
        file = None if state.rules is None else state.rules.fallback_picture
        return self._operators.fitted(file, self._window.size) if min(self._window.size) > 0 else None
