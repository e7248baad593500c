"""What ``avatar-agent preview --fullscreen`` does without FILE or CODE: a kiosk's screen that follows the device."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from certs.errors import PrivateFileError
from certs.files import private_directory
from device_agent.cli.given import load_settings
from device_agent.cli.limits import asset_limits
from device_agent.clock import SystemClock
from device_agent.config import Settings
from device_agent.display.follow import Extras, Follower
from device_agent.display.fonts import chinese
from device_agent.display.loader import Loader, Order
from device_agent.display.notes import Notes
from device_agent.display.opening import open_files
from device_agent.display.place import run_folder
from device_agent.display.silence import Silence
from device_agent.display.state import Watcher
from device_agent.display.ticket import to_scan
from device_agent.display.trial import Task, Verdict, tried
from device_agent.errors import AgentError
from device_agent.service.boot import this_boot
from device_agent.service.lines import Lines
from device_agent.service.notify import Notifier
from renderer.assets import load_package
from renderer.errors import AssetError, GraphicsError
from renderer.output.kiosk import Kiosk, Picture, Prepared, prepare
from renderer.output.mode import Mode
from renderer.scene import Background


def follow(
    *,
    size: tuple[int, int],
    fullscreen: bool,
    closable: bool,
    camera: int | None,
    clip: str | None,
    background: Background | None,
    mode: Mode,
    limit: Sequence[str],
    config: Path | None,
    state_dir: Path | None,
    cache_dir: Path | None,
    watch: Callable[[Picture], None] | None = None,
    observe: Callable[[Follower[Prepared]], bool] = lambda _follower: True,
) -> None:
    """Show what the device's state asks for, until the window is closed.

    Args:
        closable: Q, Escape and the desktop close the window.
        watch: is given each frame; see ``Kiosk``.
        observe: is called after each turn, and ends it all with False.

    Raises:
        GraphicsError: there is no screen, or no OpenGL on it.
    """
    clock = SystemClock()
    named = config or (Path(os.environ["AVATAR_AGENT_CONFIG"]) if os.environ.get("AVATAR_AGENT_CONFIG") else None)

    def load() -> Settings:
        settings = load_settings(config, state_dir=state_dir, cache_dir=cache_dir)
        asset_limits(settings, limit)  # wrong ones are told now, not with the next avatar
        return settings

    def try_(order: Order) -> Verdict:
        settings, package = order.settings, order.package
        return tried(
            Task(
                state_dir=str(settings.state_dir.absolute()),
                cache_dir=str(settings.cache_dir.absolute()),
                code=package.code,
                sha256=package.sha256,
                tpm=settings.tpm,
                asset_limits=asdict(asset_limits(settings, limit)),
            )
        )

    folder = _run_folder(load)
    notifier, log = Notifier(os.environ), Lines()
    with Kiosk(
        size=size, title="avatar", clock=clock.steady, fullscreen=fullscreen, mode=mode, closable=closable, watch=watch
    ) as window:

        def ready(order: Order) -> Prepared:
            settings, package = order.settings, order.package
            files = open_files(
                settings.state_dir, settings.cache_dir, code=package.code, sha256=package.sha256, tpm=settings.tpm
            )
            asset = load_package(files, name=package.code, limits=asset_limits(settings, limit))
            return prepare(asset, aspect=window.aspect, clip=clip, camera=camera, background=background)

        notes = Notes(folder, steady=clock.steady)
        follower = Follower(
            look=Watcher(load_settings=load, config=named, steady=clock.steady).look,
            window=window,
            loader=Loader(try_=try_, prepare=ready, refusals=(AssetError,)),
            notes=notes,
            silence=Silence(boot=this_boot(os.environ), steady=clock.steady),
            steady=clock.steady,
            log=log,
            extras=Extras(chinese=chinese(), ticket=lambda id_hash: to_scan(folder, removed=id_hash)),
            refusals=(GraphicsError,),
        )
        try:
            _turn_for_ever(follower, notifier, observe, clock.steady)
        except (SystemExit, KeyboardInterrupt):
            notes.forgive()
            raise
        notes.forgive()


def _run_folder(load: Callable[[], Settings]) -> Path | None:
    """Where the notes are, made if need be; ``None`` keeps them in memory."""
    named = os.environ.get("RUNTIME_DIRECTORY", "").split(":")[0]
    if named:
        return Path(named)
    with suppress(AgentError, PrivateFileError):
        folder = run_folder(load().state_dir, os.environ)
        return None if folder is None else private_directory(folder)
    return None


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
