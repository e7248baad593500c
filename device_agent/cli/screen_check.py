"""What ``doctor`` says of the kiosk's screen: its letters, and what the display has written down against an avatar."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from device_agent.config import Settings
    from device_agent.service.finding import Finding


def screen(settings: Settings, *, environ: Mapping[str, str] = os.environ) -> Iterator[Finding]:
    """The findings; asks no graphics."""
    from device_agent.clock import SystemClock
    from device_agent.display import confinement
    from device_agent.display.fonts import PACKAGE, chinese
    from device_agent.display.notes import Notes
    from device_agent.display.operators import OperatorsPicture
    from device_agent.display.place import run_folder
    from device_agent.display.state import Watcher, picture_file
    from device_agent.service.finding import Finding, Level

    face, clock = chinese(), SystemClock()
    yield Finding(
        check="screen",
        level=Level.NOTE if face is None else Level.OK,
        says=f"cards in Chinese and English, with {face.path.name}"
        if face
        else "no Chinese font: cards in English alone",
        fix=f"apt-get install {PACKAGE}",
    )
    if confinement.version() == 0:
        yield Finding(
            check="screen",
            level=Level.NOTE,
            says="this kernel has no Landlock: an avatar that takes the display over could read the device's keys",
            fix="boot with landlock in the kernel's lsm= list, or a kernel that has it (Debian 12 does)",
        )
    picture = settings.fallback_picture
    if picture is not None and OperatorsPicture().fitted(picture_file(picture), (64, 64)) is None:
        yield Finding(
            check="screen",
            level=Level.WARNING,
            says=f"fallback_picture cannot be shown: {picture}",
            fix="a PNG, JPEG or WebP that the service's user can read, 64 million pixels at most",
        )
    notes = Notes(run_folder(settings.state_dir, environ), steady=clock.steady)
    state = Watcher(load_settings=lambda: settings, config=None, steady=clock.steady).look()
    for package in state.packages:
        if reason := notes.against(package.sha256):
            yield Finding(
                check="screen",
                level=Level.BAD if package is state.packages[0] else Level.NOTE,
                says=f"{package.code}, sha256 {package.sha256[:12]}, is not shown: {reason}",
                fix="publish another version, or try it again: systemctl stop avatar-display, then start",
            )
