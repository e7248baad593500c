"""What ``avatar-agent preview --fullscreen`` does without FILE or CODE: a kiosk's screen that follows the device."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import msgspec

from device_agent.cli.apart import Apart
from device_agent.cli.limits import limits_of
from device_agent.clock import SystemClock
from device_agent.display.follow import Extras, Follower
from device_agent.display.fonts import chinese
from device_agent.display.loader import Files, Loader, Order
from device_agent.display.notes import Notes
from device_agent.display.places import covers
from device_agent.display.seen import Rules, State
from device_agent.display.silence import Silence
from device_agent.display.ticket import to_scan
from device_agent.display.trial import Task, Verdict, tried
from device_agent.errors import AgentError, StateError
from device_agent.service.boot import this_boot
from device_agent.service.lines import Lines
from device_agent.service.notify import Notifier
from renderer.assets import Limits, load_package
from renderer.errors import AssetError, GraphicsError
from renderer.output.kiosk import Kiosk, Picture, Prepared, prepare
from renderer.output.mode import Mode
from renderer.scene import Background


def follow(
    apart: Apart,
    *,
    size: tuple[int, int],
    fullscreen: bool,
    closable: bool,
    camera: int | None,
    clip: str | None,
    background: Background | None,
    mode: Mode,
    limit: Sequence[str],
    watch: Callable[[Picture], None] | None = None,
    observe: Callable[[Follower[Prepared]], bool] = lambda _follower: True,
) -> None:
    """Show what the device's state asks for, until the window is closed.

    Args:
        apart: this process, which cannot reach that state itself, and the one that tells it.
        closable: Q, Escape and the desktop close the window.
        watch: is given each frame; see ``Kiosk``.
        observe: is called after each turn, and ends it all with False.

    Raises:
        GraphicsError: there is no screen, or no OpenGL on it.
        StateError: the process with the keys is gone, or the settings name other folders than when this one started.
        UsageError: ``limit`` names no limit.
    """
    clock, notifier, log = SystemClock(), Notifier(os.environ), Lines()
    limits_of({}, limit, where="")  # wrong ones are told now, not with the first avatar
    _say_how_apart(apart, log)

    def limits(rules: Rules) -> Limits:
        return limits_of(rules.asset_limits, limit, where=rules.limits_from)

    def try_(order: Order, files: Files) -> Verdict:
        return tried(Task(code=order.package.code, files=files, asset_limits=asdict(limits(order.rules))))

    with Kiosk(
        size=size, title="avatar", clock=clock.steady, fullscreen=fullscreen, mode=mode, closable=closable, watch=watch
    ) as window:

        def ready(order: Order, files: Files) -> Prepared:
            asset = load_package(files, name=order.package.code, limits=limits(order.rules))
            return prepare(asset, aspect=window.aspect, clip=clip, camera=camera, background=background)

        notes = Notes(apart.folder, steady=clock.steady)
        follower = Follower(
            look=_Look(apart, limits),
            window=window,
            loader=Loader(
                open_=lambda order: apart.opener.open(order.package), try_=try_, prepare=ready, refusals=(AssetError,)
            ),
            notes=notes,
            silence=Silence(boot=this_boot(os.environ), steady=clock.steady),
            steady=clock.steady,
            log=log,
            extras=Extras(chinese=chinese(), ticket=lambda id_hash: to_scan(apart.folder, removed=id_hash)),
            refusals=(GraphicsError,),
        )
        try:
            _turn_for_ever(follower, notifier, observe, clock.steady)
        except (SystemExit, KeyboardInterrupt, StateError):
            notes.forgive()  # the driver failed, not the avatar
            raise
        notes.forgive()


@dataclass
class _Look:
    """A look through the opener; settings that make no sense here are a fault, and what they said before holds."""

    apart: Apart
    limits: Callable[[Rules], Limits]
    _before: Rules | None = None

    def __call__(self) -> State:
        state = self.apart.opener.look()
        if self.apart.hidden is not None and not covers(self.apart.hidden, self.apart.opener.places):
            raise StateError(
                "the settings name other folders than when this display was started",
                code="display.places",
                hint="it has to start again, to put these out of its own reach; the service does that by itself",
            )
        try:
            if state.rules is not None:
                self.limits(state.rules)
        except AgentError as error:
            return msgspec.structs.replace(state, rules=self._before, fault=error.code)
        self._before = state.rules
        return state


def _say_how_apart(apart: Apart, log: Lines) -> None:
    if apart.hidden is not None:
        log.info("display confined", hidden=len(apart.hidden))
    else:
        log.warning(
            "display not confined", code="display.unconfined",
            hint="no Landlock here, or not enough: an avatar that takes the display over reaches the device's keys",
        )  # fmt: skip


def _turn_for_ever(
    follower: Follower[Prepared],
    notifier: Notifier,
    observe: Callable[[Follower[Prepared]], bool],
    steady: Callable[[], float],
) -> None:
    """The watchdog learns that frames are drawn: a driver that hangs is started anew with everything else."""
    fed_at, scene = 0.0, None
    while follower.turn():
        now = steady()
        if scene is None:
            notifier.ready(str(follower.scene))
        elif scene is not follower.scene:
            notifier.status(str(follower.scene))
        scene = follower.scene
        if notifier.watchdog_s and now - fed_at >= notifier.watchdog_s / 3:
            fed_at = now
            notifier.alive()
        if not observe(follower):
            return
