"""``avatar-agent preview``: an avatar in a window."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from device_agent.cli import options, present, source
from device_agent.cli.limits import file_limits
from device_agent.cli.options import ModeName
from device_agent.errors import UsageError


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("preview")(preview)


def preview(
    avatar: options.Avatar = None,
    size: Annotated[str, typer.Option("--size", help="Of the window.", metavar="WxH")] = "540x960",
    fullscreen: Annotated[bool, typer.Option("--fullscreen", help="Fill the first screen.")] = False,
    follow: Annotated[
        bool | None,
        typer.Option(
            "--follow/--no-follow",
            help="Show what the device's state asks for, as it changes; what --fullscreen does without FILE or CODE.",
        ),
    ] = None,
    controls: Annotated[
        bool, typer.Option("--controls", help="While following full screen: Q and Escape close the window.")
    ] = False,
    camera: options.Camera = None,
    clip: options.Clip = None,
    background: Annotated[
        str | None, typer.Option("--background", help="A picture or a colour.", metavar="FILE|#rrggbb")
    ] = None,
    pictures: Annotated[Path, typer.Option("--pictures", help="Where the S key saves to.", metavar="DIR")] = Path(),
    mode: Annotated[
        ModeName,
        typer.Option(
            "--mode",
            help="High: the screen's pixels; Standard: fewer on a fine screen; Low: fewer still, edges not smoothed.",
        ),
    ] = ModeName.HIGH,
    limit: options.Limit = None,
    config: options.Config = None,
    state_dir: options.StateDir = None,
    cache_dir: options.CacheDir = None,
) -> None:
    """Show an avatar in a window: turn it, zoom, play its clips, take pictures."""
    if follow is None:
        follow = fullscreen and avatar is None
    if follow:
        if avatar is not None:
            raise UsageError(
                "what is followed is the device, not a file or a code",
                code="usage.preview",
                where="--follow",
                hint="leave one of them out",
            )
        from device_agent.cli.apart import set_apart

        picture = source.background_picture(background)  # may lie where this process will not reach
        apart = set_apart(config, state_dir=state_dir, cache_dir=cache_dir)
        from device_agent.cli.following import follow as follow_device
        from renderer.output.mode import mode_of

        if fullscreen and not controls and sys.stdout.isatty():
            present.put("The device's screen takes no keys: Ctrl-C here ends it (--controls: Q and Escape do too).")
        follow_device(
            apart,
            size=source.parse_size(size),
            fullscreen=fullscreen,
            closable=controls or not fullscreen,
            camera=camera,
            clip=clip,
            background=source.parse_background(background, picture=picture),
            mode=mode_of(mode.value),
            limit=limit or (),
        )
        return
    import time

    asset = source.load_asset(avatar, config=config, state_dir=state_dir, cache_dir=cache_dir, limit=limit or ())
    from renderer.output.mode import mode_of
    from renderer.output.preview import HELP, Preview

    with Preview(
        asset,
        name=Path(avatar).name if avatar else "avatar",
        source=Path(avatar) if avatar and Path(avatar).exists() else None,
        size=source.parse_size(size),
        pictures=pictures,
        clock=time.monotonic,
        fullscreen=fullscreen,
        camera=camera,
        clip=clip,
        background=source.parse_background(background),
        mode=mode_of(mode.value),
        limits=file_limits(config, limit or ()),
    ) as window:
        present.put(HELP)
        window.run()
