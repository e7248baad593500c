"""``avatar-agent render``: its options; see ``drawing`` for what it does."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from device_agent.cli import options
from device_agent.cli.options import ModeName
from device_agent.cli.sheet import SheetKind


class Quality(StrEnum):
    """How much work goes into light."""

    STANDARD = "standard"
    HIGH = "high"


class State(StrEnum):
    """The states of a talking avatar, as the platform names them."""

    IDLE = "Idle"
    LISTENING = "Listening"
    THINKING = "Thinking"
    RESPONDING = "Responding"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("render")(render)


def render(
    out: Annotated[Path, typer.Option("--out", help="A .png, .webp, .gif, .mp4 or .webm.", metavar="PATH")],
    avatar: options.Avatar = None,
    size: Annotated[
        str | None,
        typer.Option(
            "--size", help="Width and height in pixels; of one tile with --sheet.  [default: 720x1280]", metavar="WxH"
        ),
    ] = None,
    at: Annotated[
        float, typer.Option("--time", help="Seconds into the clip.", metavar="T", min=0.0, max=86_400.0)
    ] = 0.0,
    clip: options.Clip = None,
    seconds: Annotated[
        float | None,
        typer.Option(
            "--seconds",
            help="Length of a video; makes a .webp an animation.  [default: 3]",
            metavar="S",
            min=0.01,
            max=3600.0,
        ),
    ] = None,
    fps: Annotated[
        int | None,
        typer.Option("--fps", help="Frames per second.  [default: 30, 15 of .webp and .gif]", min=1, max=240),
    ] = None,
    expression: Annotated[
        list[str] | None,
        typer.Option(
            "--expression", help="Hold a face shape, e.g. jawOpen=0.5; may be repeated.", metavar="NAME=VALUE"
        ),
    ] = None,
    camera: options.Camera = None,
    angle: Annotated[int, typer.Option("--angle", help="0 front, 1 left, 2 right.", min=0, max=2)] = 0,
    eye: Annotated[str | None, typer.Option("--eye", help="Where the camera stands, metres.", metavar="X,Y,Z")] = None,
    target: Annotated[str | None, typer.Option("--target", help="Where it looks.", metavar="X,Y,Z")] = None,
    fov: Annotated[
        float | None,
        typer.Option("--fov", help="Vertical field of view, with --eye.  [default: 30]", metavar="DEG"),
    ] = None,
    background: Annotated[
        str | None,
        typer.Option("--background", help="A picture, a colour, or nothing.", metavar="FILE|#rrggbb|transparent"),
    ] = None,
    shadow: Annotated[
        bool, typer.Option("--shadow/--no-shadow", help="Whether the avatar shades itself; a package may want none.")
    ] = True,
    state: Annotated[
        list[State] | None,
        typer.Option("--state", help="What the avatar is doing; may be repeated, each then gets a part of --seconds."),
    ] = None,
    animation: Annotated[
        Path | None,
        typer.Option("--animation", help="Play the clips of another file: .vrma, .glb, .gltf.", metavar="FILE"),
    ] = None,
    look_at: Annotated[
        str | None, typer.Option("--look-at", help="What the eyes follow.", metavar="X,Y,Z|camera")
    ] = None,
    variant: Annotated[
        str | None, typer.Option("--variant", help="Which of the file's sets of materials.", metavar="NAME")
    ] = None,
    turntable: Annotated[bool, typer.Option("--turntable", help="Turn the avatar once in --seconds.")] = False,
    contact: Annotated[
        SheetKind | None,
        typer.Option("--sheet", help="All face shapes, or all clips at several moments, as labelled tiles."),
    ] = None,
    mode: Annotated[
        ModeName,
        typer.Option("--mode", help="High, Standard or Low: pixels drawn for the screen's, smooth edges or not."),
    ] = ModeName.STANDARD,
    quality: Annotated[
        Quality,
        typer.Option(
            "--quality", help="high: corners are dark where the avatar hides the light from itself; takes seconds more."
        ),
    ] = Quality.STANDARD,
    pixel_ratio: Annotated[
        float,
        typer.Option("--pixel-ratio", help="The screen's pixels for each of --size.", metavar="N", min=0.1, max=8.0),
    ] = 1.0,
    limit: options.Limit = None,
    config: options.Config = None,
    state_dir: options.StateDir = None,
    cache_dir: options.CacheDir = None,
    as_json: options.Json = False,
) -> None:
    """Draw an avatar into a picture or a video; needs no screen and no GPU."""
    from device_agent.cli.drawing import draw

    draw(
        out=out,
        avatar=avatar,
        size=size,
        at=at,
        clip=clip,
        seconds=seconds,
        fps=fps,
        expression=expression,
        camera=camera,
        angle=angle,
        eye=eye,
        target=target,
        fov=fov,
        background=background,
        shadow=shadow,
        state=None if state is None else [part.value for part in state],
        animation=animation,
        look_at=look_at,
        variant=variant,
        turntable=turntable,
        contact=contact,
        mode=mode.value,
        quality=quality.value,
        pixel_ratio=pixel_ratio,
        limit=limit,
        config=config,
        state_dir=state_dir,
        cache_dir=cache_dir,
        as_json=as_json,
    )
