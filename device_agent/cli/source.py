"""The avatar that a drawing command is called with: a file, a package, or the code of one on this device."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from device_agent.cli.limits import asset_limits, file_limits
from device_agent.errors import UsageError

if TYPE_CHECKING:
    from renderer.assets import Asset
    from renderer.scene import Background, View

_ENDINGS = (".glb", ".gltf", ".vrm", ".zip")


def load_asset(
    argument: str | None,
    *,
    config: Path | None,
    state_dir: Path | None,
    cache_dir: Path | None,
    limit: Sequence[str] = (),
) -> Asset:
    """Load a file or folder that exists, else the fetched avatar of that code; without either the last one fetched.

    Args:
        limit: as ``--limit`` takes them, before those of the settings.

    Raises:
        AssetError: the data cannot be used.
        AgentError: there is no such avatar on this device, or it may not be opened.
    """
    from device_agent.cli.given import load_settings
    from renderer.assets import load, load_package

    if argument is not None and (Path(argument).exists() or _looks_like_a_file(argument)):
        return _told(load(Path(argument), limits=file_limits(config, limit)), argument)
    from device_agent.lifecycle.content import open_avatar

    settings = load_settings(config, state_dir=state_dir, cache_dir=cache_dir)
    return load_package(
        open_avatar(settings, argument), name=argument or "avatar", limits=asset_limits(settings, limit)
    )


def _told(asset: Asset, name: str) -> Asset:
    """Say on stderr when there is nothing to see, or a person wonders about an empty picture."""
    avatar = asset.avatar  # not its issues: to ask for those is to read everything
    if all(avatar.nodes[index].mesh < 0 for index in avatar.order):
        sys.stderr.write(f"avatar-agent: nothing of {name} can be seen: it has no mesh in its scene [scene.empty]\n")
    return asset


def _looks_like_a_file(argument: str) -> bool:
    return "/" in argument or argument.lower().endswith(_ENDINGS)


def parse_size(text: str) -> tuple[int, int]:
    """``720x1280`` as width and height. Raises UsageError."""
    found = re.fullmatch(r"([1-9][0-9]{0,5})x([1-9][0-9]{0,5})", text, re.IGNORECASE)
    if found:
        return int(found[1]), int(found[2])
    raise UsageError(f"{text!r} is no size", code="usage.size", where="--size", hint="write it as 720x1280")


def parse_expressions(pairs: list[str]) -> dict[str, float]:
    """``jawOpen=0.5`` and the like; a name alone means 1. Raises UsageError."""
    found: dict[str, float] = {}
    for pair in pairs:
        name, sign, value = pair.partition("=")
        weight = _number(value) if sign else 1.0
        if weight is None or not 0.0 <= weight <= 1.0 or not name.strip():
            raise UsageError(
                f"{pair!r} is no expression",
                code="usage.expression",
                where="--expression",
                hint="write it as NAME=VALUE with a number from 0 to 1, e.g. jawOpen=0.5",
            )
        found[name.strip()] = weight
    return found


_FOV = 30.0
"""Degrees: what ``--eye`` sees without ``--fov``."""


def parse_view(eye: str | None, target: str | None, fov: float | None) -> View | None:
    """The camera that ``--eye`` and ``--target`` place; None without ``--eye``. Raises UsageError."""
    if eye is None:
        alone = "--target" if target is not None else "--fov" if fov is not None else ""
        if alone:
            raise UsageError(
                f"{alone} needs --eye",
                code="usage.camera",
                where=alone,
                hint="say where the camera stands: --eye X,Y,Z",
            )
        return None
    fov = _FOV if fov is None else fov
    from renderer.scene import Perspective, View

    if not 1.0 <= fov <= 170.0:
        raise UsageError("the field of view has to be 1 to 170 degrees", code="usage.camera", where="--fov")
    at = _triple(eye, "--eye")
    towards = _triple(target, "--target") if target is not None else (0.0, 1.0, 0.0)
    if math.dist(at, towards) < 1e-3:
        raise UsageError(
            "the camera stands where it looks",
            code="usage.camera",
            where="--target",
            hint="name two places that are apart; without --target it looks at 0,1,0",
        )
    return View(eye=at, target=towards, projection=Perspective(yfov=math.radians(fov), znear=0.02, zfar=200.0))


def parse_look_at(text: str | None) -> tuple[float, float, float] | Literal["camera"] | None:
    """``camera`` or a place in the world. Raises UsageError."""
    if text is None:
        return None
    return "camera" if text == "camera" else _triple(text, "--look-at")


def _triple(text: str, option: str) -> tuple[float, float, float]:
    match [_number(part) for part in text.split(",")]:
        case [float(x), float(y), float(z)]:
            return x, y, z
        case _:
            raise UsageError(
                f"{text!r} is no place", code="usage.camera", where=option, hint="write it as x,y,z in metres"
            )


def _number(text: str) -> float | None:
    """A finite number, else None: ``nan`` and ``inf`` read as floats, and draw nothing."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def parse_background(text: str | None, *, picture: bytes | None = None) -> Background | None:
    """``transparent``, ``#rrggbb`` or a picture's path; None leaves the choice to the avatar. Raises UsageError.

    Args:
        picture: what is at that path, if it was read before.
    """
    if text is None:
        return None
    from renderer.scene import Background

    if text == "transparent":
        return Background()
    if text.startswith("#"):
        if len(text) != 7 or any(digit not in "0123456789abcdefABCDEF" for digit in text[1:]):
            raise UsageError(
                f"{text!r} is no colour", code="usage.background", where="--background", hint="write it as #rrggbb"
            )
        red, green, blue = (int(text[i : i + 2], 16) / 255 for i in (1, 3, 5))
        return Background(top_srgb=(red, green, blue), bottom_srgb=(red, green, blue))
    return Background(image=background_picture(text) if picture is None else picture)


def background_picture(text: str | None) -> bytes | None:
    """The picture whose path that is, as it lies there; ``None`` for a colour. Loads nothing. Raises UsageError."""
    if text is None or text == "transparent" or text.startswith("#"):
        return None
    try:
        return Path(text).read_bytes()
    except OSError as exc:
        raise UsageError(
            f"the background cannot be read: {exc.strerror}",
            code="usage.background",
            where=text,
            hint="give a PNG, JPEG or WebP file, #rrggbb, or transparent",
        ) from exc
