"""The way of a device from nothing to the first picture of its licensed avatar, as the demo and its benchmark go it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from device_agent.cli.limits import asset_limits
from device_agent.lifecycle.content import open_avatar
from device_agent.lifecycle.observe import Progress, Watch

if TYPE_CHECKING:
    from device_agent.config import Settings
    from device_agent.lifecycle.engine import Engine
    from renderer.assets import Asset
    from renderer.output.offscreen import Offscreen
    from renderer.output.show import Show

PICTURE_SIZE = (720, 1280)
"""Width and height of the pictures, pixels: a portrait kiosk screen."""


@dataclass(frozen=True, kw_only=True)
class Scenery:
    """An avatar that has been opened, with the canvas it is drawn on."""

    asset: Asset
    canvas: Offscreen


def acquire(engine: Engine, code: str, *, progress: Progress | None = None) -> None:
    """Take a seat, begin a session, and bring the avatar onto this device, verified.

    Raises:
        AgentError: from the platform, the network, or the package.
    """
    engine.bind()
    engine.start()
    engine.fetch(code, progress=progress)


@contextmanager
def opened(settings: Settings, code: str, *, watch: Watch) -> Iterator[Scenery]:
    """Open the fetched avatar into memory and make ready to draw it.

    Raises:
        AgentError, CertError: the package does not open.
        AssetError: it is no avatar that can be drawn.
        GraphicsError: there is no OpenGL.
    """
    with ExitStack() as stack:
        with watch.step("open") as note:
            from renderer.assets import load_package
            from renderer.output.ahead import Ahead

            ahead = Ahead()  # the driver wakes while the package is opened
            files = open_avatar(settings, code)
            asset = load_package(files, name=code, limits=asset_limits(settings))
            ahead.decode(asset.avatar)
            triangles = sum(
                len(part.indices if part.indices is not None else part.positions) // 3
                for mesh in asset.avatar.meshes
                for part in mesh.primitives
            )
            note.result = f"{len(files)} files opened in memory; {triangles:,} triangles, {len(asset.clips)} clips"
        with watch.step("OpenGL") as note:
            from renderer.output.offscreen import Offscreen

            canvas = stack.enter_context(Offscreen(asset.avatar, size=PICTURE_SIZE, ahead=ahead))
            note.result = canvas.context.renderer
        yield Scenery(asset=asset, canvas=canvas)


def take_picture(scenery: Scenery, path: Path, *, watch: Watch) -> None:
    """Draw the avatar as its package says and write the picture.

    Raises:
        GraphicsError, OutputError.
    """
    with watch.step("picture") as note:
        from renderer.output.image import write_image

        picture = scenery.canvas.take(_show(scenery, group=None).shot(0.0))
        write_image(path, picture)
        note.result = f"{path.name}, {PICTURE_SIZE[0]}x{PICTURE_SIZE[1]}"


def take_video(
    scenery: Scenery, path: Path, *, seconds: float, fps: int, watch: Watch, drawn: Callable[[int], None] | None
) -> None:
    """Let the avatar say hello, where it knows how to, and write that as a video.

    Args:
        drawn: called with the number of frames so far.

    Raises:
        GraphicsError, OutputError.
    """
    with watch.step("video") as note:
        from renderer.output.video import write_video

        chosen = _show(scenery, group="hello" if scenery.asset.groups.get("hello") else None)
        shots = chosen.shots(start=0.0, seconds=seconds, fps=fps)
        count = write_video(path, scenery.canvas.frames(shots), fps=fps, size=PICTURE_SIZE, progress=drawn)
        note.result = f"{path.name}, {count} frames of {', '.join(chosen.player.playing)}"


def _show(scenery: Scenery, *, group: str | None) -> Show:
    from renderer.output.show import show

    return show(scenery.asset, aspect=PICTURE_SIZE[0] / PICTURE_SIZE[1], group=group)
