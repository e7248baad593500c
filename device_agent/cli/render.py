"""``avatar-agent render``: an avatar as a picture or a video, without a screen."""

from __future__ import annotations

import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from device_agent.cli import options, present, source
from device_agent.cli.sheet import SheetKind, write_sheet
from device_agent.errors import UsageError

if TYPE_CHECKING:
    from renderer.output.offscreen import Offscreen
    from renderer.output.show import Show


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
    out: Annotated[Path, typer.Option("--out", help="What to write: .png, .webp, .mp4 or .webm.", metavar="PATH")],
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
        float, typer.Option("--seconds", help="Length of a video.", metavar="S", min=0.01, max=3600.0)
    ] = 3.0,
    fps: Annotated[int, typer.Option("--fps", help="Frames per second of a video.", min=1, max=240)] = 30,
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
    contact: Annotated[
        SheetKind | None,
        typer.Option("--sheet", help="All face shapes, or all clips at several moments, as labelled tiles."),
    ] = None,
    config: options.Config = None,
    state_dir: options.StateDir = None,
    cache_dir: options.CacheDir = None,
    as_json: options.Json = False,
) -> None:
    """Draw an avatar into a picture or a video; needs no screen and no GPU."""
    from renderer.output import image, video

    endings = (*image.FORMATS, *video.FORMATS)
    if out.suffix.lower() not in endings:
        raise UsageError(f"{out.name} does not end in {', '.join(endings)}", code="usage.output", where="--out")
    width, height = source.parse_size(size or "720x1280")
    moving = out.suffix.lower() in video.FORMATS
    if contact is not None and moving:
        raise UsageError("a sheet is a picture", code="usage.output", where="--out", hint="write it as .png or .webp")
    if state and (clip is not None or contact is not None):
        raise UsageError("--state goes with neither --clip nor --sheet", code="usage.state", where="--state")
    if moving and (width % 2 or height % 2):
        raise UsageError(
            f"a video of {width}x{height} is not possible",
            code="usage.size",
            where="--size",
            hint="width and height have to be even",
        )
    if eye is not None and (camera is not None or angle):
        raise UsageError(
            "--eye goes with neither --camera nor --angle",
            code="usage.camera",
            where="--eye",
            hint="leave one of them out: --eye places the camera, the others choose one of the platform's",
        )
    given_look = source.parse_look_at(look_at)
    given_view = source.parse_view(eye, target, fov)
    given_background = source.parse_background(background)
    expressions = source.parse_expressions(expression or [])
    clock = Laps()
    from renderer.output.ahead import Ahead

    ahead = Ahead()
    asset = source.load_asset(avatar, config=config, state_dir=state_dir, cache_dir=cache_dir)
    if animation is not None:
        from renderer.assets import load, with_motion

        asset = with_motion(asset, load(animation))
    ahead.decode(asset.avatar)
    clock.lap("load")
    if contact is not None:
        facts = write_sheet(
            asset,
            contact,
            out,
            size=(width, height) if size else None,
            camera=camera,
            angle=angle,
            background=given_background,
            quiet=as_json,
            lap=clock.lap,
        )
        if as_json:
            present.put_json({**facts, "ms": clock.laps})
        else:
            present.put(f"{out}: {facts['title']}, {facts['tiles']} tiles, {sum(clock.laps.values()):.0f} ms")
        return
    from renderer.output.offscreen import Offscreen
    from renderer.output.show import show

    chosen = show(
        asset,
        aspect=width / height,
        clip=clip,
        states=state or (),
        look_at=given_look,
        expressions=expressions,
        start=at,
        seconds=seconds if moving or state else 0.0,
        view=given_view,
        camera=camera,
        angle=angle,
        background=given_background,
    )
    clock.lap("pose")
    with Offscreen(asset.avatar, size=(width, height), ahead=ahead) as offscreen:
        clock.lap("upload")
        if moving:
            frames = _video(offscreen, chosen, out, start=at, seconds=seconds, fps=fps, quiet=as_json)
        else:
            shot = chosen.shot(at)
            picture = offscreen.frame(
                shot.pose, view=shot.view, lighting=shot.lighting, background=shot.background, look=shot.look
            )
            clock.lap("draw")
            image.write_image(out, picture)
            frames = 1
        clock.lap("write")
        driver = offscreen.context.driver
    if as_json:
        facts = {"path": str(out), "width": width, "height": height, "frames": frames, "ms": clock.laps}
        present.put_json({**facts, "playing": list(chosen.player.playing), "renderer": driver})
        return
    what = f"{frames} frames, {frames / fps:.2f} s" if moving else "one picture"
    present.put(f"{out}: {width}x{height}, {what}, {sum(clock.laps.values()):.0f} ms")


def _video(
    offscreen: Offscreen, chosen: Show, out: Path, *, start: float, seconds: float, fps: int, quiet: bool
) -> int:
    from renderer.output.video import write_video

    frames = offscreen.frames(chosen.shots(start=start, seconds=seconds, fps=fps))
    with present.frame_bar(out.name, max(1, round(seconds * fps)), quiet=quiet) as progress:
        return write_video(out, frames, fps=fps, size=offscreen.size, progress=progress)


class Laps:
    """Milliseconds from one named moment to the next."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        """The time since the last lap was spent on this."""
        now = time.perf_counter()
        self.laps[name] = round((now - self._last) * 1000.0, 1)
        self._last = now
