"""What ``avatar-agent render`` does: an avatar as a picture, an animation or a video, without a screen."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from device_agent.cli import present, source
from device_agent.cli.limits import file_limits
from device_agent.cli.sheet import SheetKind, write_sheet
from device_agent.errors import UsageError

if TYPE_CHECKING:
    from renderer.assets import Asset, Limits
    from renderer.output.offscreen import Offscreen
    from renderer.output.show import Show

SIZE = "720x1280"
SECONDS = 3.0


def draw(
    *,
    out: Path,
    avatar: str | None = None,
    size: str | None = None,
    at: float = 0.0,
    clip: str | None = None,
    seconds: float | None = None,
    fps: int | None = None,
    expression: Sequence[str] | None = None,
    camera: int | None = None,
    angle: int = 0,
    eye: str | None = None,
    target: str | None = None,
    fov: float | None = None,
    background: str | None = None,
    shadow: bool = True,
    state: Sequence[str] | None = None,
    animation: Path | None = None,
    look_at: str | None = None,
    variant: str | None = None,
    turntable: bool = False,
    contact: SheetKind | None = None,
    mode: str = "Standard",
    quality: str = "standard",
    pixel_ratio: float = 1.0,
    limit: Sequence[str] | None = None,
    config: Path | None = None,
    state_dir: Path | None = None,
    cache_dir: Path | None = None,
    as_json: bool = False,
) -> None:
    """Draw an avatar and say what was drawn; arguments as the command's options.

    Raises:
        UsageError: options that do not go together.
        AssetError, GraphicsError, OutputError: it cannot be drawn or written.
    """
    from renderer.output.mode import mode_of

    chosen_mode = mode_of(mode)
    units = source.parse_size(size or SIZE)
    width, height = chosen_mode.pixels(units, pixel_ratio)
    asked = seconds is not None or turntable or bool(state)
    kind = _kind(out, asked=asked, sheet=contact is not None)
    _check(kind, out, (width, height), state=state, clip=clip, contact=contact, turntable=turntable)
    if contact is not None:
        _check_sheet({"--eye": eye, "--clip": clip, "--expression": expression, "--look-at": look_at, "--time": at})
    _check_camera(eye=eye, camera=camera, angle=angle)
    given_look = source.parse_look_at(look_at)
    given_view = source.parse_view(eye, target, fov)
    given_background = source.parse_background(background)
    expressions = source.parse_expressions(list(expression or ()))
    clock = Laps()
    from renderer.output.ahead import Ahead

    ahead = Ahead()
    asset = source.load_asset(avatar, config=config, state_dir=state_dir, cache_dir=cache_dir, limit=limit or ())
    asset = _changed(asset, animation=animation, variant=variant, limits=lambda: file_limits(config, limit or ()))
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
            shadows=shadow,
            occlusion=quality == "high",
            samples=chosen_mode.samples,
            quiet=as_json,
            lap=clock.lap,
            ahead=ahead,
        )
        if as_json:
            present.put_json({**facts, "ms": clock.laps})
        else:
            present.put(f"{out}: {facts['title']}, {facts['tiles']} tiles, {sum(clock.laps.values()):.0f} ms")
        return
    from renderer.output.offscreen import Offscreen
    from renderer.output.show import show

    moving = kind != "picture"
    seconds = SECONDS if seconds is None else seconds
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
        shadows=shadow,
        occlusion=quality == "high",
        turntable=turntable,
    )
    clock.lap("pose")
    fps = fps or (30 if kind == "video" else 15)
    with Offscreen(asset.avatar, size=(width, height), samples=chosen_mode.samples, ahead=ahead) as offscreen:
        clock.lap("upload")
        if moving:
            frames = _film(kind, offscreen, chosen, out, start=at, seconds=seconds, fps=fps, quiet=as_json)
        else:
            from renderer.output.image import write_image

            picture = offscreen.take(chosen.shot(at))
            clock.lap("draw")
            write_image(out, picture)
            frames = 1
        clock.lap("write")
        driver = offscreen.context.driver
    if as_json:
        facts = {"path": str(out), "width": width, "height": height, "frames": frames, "ms": clock.laps}
        present.put_json({**facts, "playing": list(chosen.player.playing), "renderer": driver})
        return
    what = f"{frames} frames, {frames / fps:.2f} s" if moving else "one picture"
    present.put(f"{out}: {width}x{height}, {what}, {sum(clock.laps.values()):.0f} ms")


def _kind(out: Path, *, asked: bool, sheet: bool) -> str:
    """``picture``, ``animation`` or ``video``, by the ending; WebP is both of the first two. Raises UsageError."""
    from renderer.output import image, moving, video

    ending = out.suffix.lower()
    if ending in video.FORMATS:
        return "video"
    if ending in moving.FORMATS and (ending not in image.FORMATS or asked) and not sheet:
        return "animation"
    if ending in image.FORMATS:
        return "picture"
    endings = dict.fromkeys((*image.FORMATS, *moving.FORMATS, *video.FORMATS))
    raise UsageError(f"{out} does not end in {', '.join(endings)}", code="usage.output", where="--out")


def _check(
    kind: str,
    out: Path,
    size: tuple[int, int],
    *,
    state: Sequence[str] | None,
    clip: str | None,
    contact: SheetKind | None,
    turntable: bool,
) -> None:
    """What goes together. Raises UsageError."""
    if contact is not None and kind != "picture":
        raise UsageError("a sheet is a picture", code="usage.output", where="--out", hint="write it as .png or .webp")
    if state and (clip is not None or contact is not None):
        raise UsageError("--state goes with neither --clip nor --sheet", code="usage.state", where="--state")
    if turntable and kind == "picture":
        hint = "write it as .mp4, .webm, .webp or .gif, without --sheet"
        raise UsageError("a turntable moves", code="usage.output", where="--turntable", hint=hint)
    if kind == "video" and (size[0] % 2 or size[1] % 2):
        raise UsageError(
            f"a video of {size[0]}x{size[1]} is not possible",
            code="usage.size",
            where="--size",
            hint="width and height have to be even",
        )


def _check_camera(*, eye: str | None, camera: int | None, angle: int) -> None:
    """One way to place the camera. Raises UsageError."""
    if eye is not None and (camera is not None or angle):
        raise UsageError(
            "--eye goes with neither --camera nor --angle",
            code="usage.camera",
            where="--eye",
            hint="leave one of them out: --eye places the camera, the others choose one of the platform's",
        )


def _check_sheet(given: Mapping[str, object]) -> None:
    """A sheet has every clip or shape at moments of its own, from one of the platform's cameras. Raises UsageError."""
    for option, value in given.items():
        if value:
            raise UsageError(
                f"{option} has no use with --sheet",
                code="usage.sheet",
                where=option,
                hint="leave it out, or draw a picture without --sheet",
            )


def _changed(asset: Asset, *, animation: Path | None, variant: str | None, limits: Callable[[], Limits]) -> Asset:
    """The asset with the clips of another file and another of its sets of materials, where they are asked for."""
    if animation is not None:
        from renderer.assets import load, with_motion

        asset = with_motion(asset, load(animation, limits=limits()))
    if variant is not None:
        from renderer.assets import choose_variant

        choose_variant(asset.avatar, variant)
    return asset


def _film(
    kind: str, offscreen: Offscreen, chosen: Show, out: Path, *, start: float, seconds: float, fps: int, quiet: bool
) -> int:
    frames = offscreen.frames(chosen.shots(start=start, seconds=seconds, fps=fps))
    count = max(1, round(seconds * fps))
    with present.frame_bar(out.name, count, quiet=quiet) as progress:
        if kind == "animation":
            from renderer.output.moving import write_animation

            return write_animation(out, frames, fps=fps, count=count, progress=progress)
        from renderer.output.video import write_video

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
