"""``avatar-agent render --sheet``: all face shapes or all clips of an avatar in one picture."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from device_agent.cli import present

if TYPE_CHECKING:
    from collections.abc import Callable

    from renderer.assets import Asset
    from renderer.output.ahead import Ahead
    from renderer.scene import Background


class SheetKind(StrEnum):
    """What is on it."""

    CLIPS = "clips"
    EXPRESSIONS = "expressions"


TILE = {SheetKind.CLIPS: (180, 280), SheetKind.EXPRESSIONS: (240, 260)}
"""Width and height of a tile in pixels, where none are asked for."""


def write_sheet(
    asset: Asset,
    kind: SheetKind,
    out: Path,
    *,
    size: tuple[int, int] | None,
    camera: int | None,
    angle: int,
    background: Background | None,
    shadows: bool,
    occlusion: bool,
    samples: int,
    quiet: bool,
    lap: Callable[[str], None],
    ahead: Ahead,
) -> dict[str, object]:
    """Draw and write the sheet; what is to be said about it.

    Raises:
        AssetError: there is nothing to put on it.
        GraphicsError: it cannot be drawn.
        OutputError: it cannot be written.
    """
    from renderer.output.image import write_image
    from renderer.output.offscreen import Offscreen
    from renderer.output.sheet import BODY_CAMERA, HEAD_CAMERA, clip_sheet, draw_sheet, expression_sheet
    from renderer.output.show import show

    width, height = size or TILE[kind]
    aspect = width / height
    if kind is SheetKind.CLIPS:
        sheet = clip_sheet(asset, aspect=aspect, camera=BODY_CAMERA if camera is None else camera, angle=angle)
    else:
        sheet = expression_sheet(asset, aspect=aspect, camera=HEAD_CAMERA if camera is None else camera, angle=angle)
    chosen = show(asset, aspect=aspect, background=background, shadows=shadows, occlusion=occlusion)
    lap("pose")
    tiles = sum(1 for _ in sheet.tiles)
    with Offscreen(asset.avatar, size=(width, height), samples=samples, ahead=ahead) as offscreen:
        lap("upload")
        with present.frame_bar(out.name, tiles, quiet=quiet) as progress:
            picture = draw_sheet(sheet, offscreen, show=chosen, progress=progress)
        lap("draw")
        driver = offscreen.context.driver
    write_image(out, picture)
    lap("write")
    height, width = picture.shape[:2]
    return {
        "path": str(out),
        "width": width,
        "height": height,
        "tiles": tiles,
        "title": sheet.title,
        "renderer": driver,
    }
