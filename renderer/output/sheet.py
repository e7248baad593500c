"""Contact sheets: every face shape or every clip of an avatar as labelled tiles in one picture."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from renderer.animation.arkit import ARKIT, arkit_channel
from renderer.animation.expression import Face
from renderer.animation.pose import Pose
from renderer.assets import Asset
from renderer.errors import AssetError
from renderer.output.offscreen import Offscreen
from renderer.output.shot import Shot
from renderer.output.show import Repertoire, Show
from renderer.scene import Perspective, View
from renderer.scene.framing import frame_avatar

Picture = NDArray[np.uint8]

HEAD_CAMERA, BODY_CAMERA = 1, 0
MOMENTS = 6
"""How many moments of each clip are shown."""

_WITH = MappingProxyType({"mouthClose": ("jawOpen",)})
"""ARKit defines this shape as closing lips that an open jaw parts; alone it would pass them through each other."""

_FACE = 0.66
"""Part of the head camera's picture that the face fills."""

_PAGE, _TEXT, _NOTE = (24, 26, 30, 255), (236, 238, 242, 255), (150, 156, 166, 255)
_GAP, _WIDTH_TO_HEIGHT = 6, 1.5


@dataclass(slots=True, kw_only=True, frozen=True)
class Tile:
    """One small picture: a pose, seen from somewhere. A faint one stands for what the avatar does not have."""

    label: str
    pose: Pose
    view: View
    faint: bool = False


@dataclass(slots=True, kw_only=True, frozen=True)
class Strip:
    """Tiles in a row, under one heading where there is one."""

    tiles: tuple[Tile, ...]
    heading: str = ""


@dataclass(slots=True, kw_only=True, frozen=True)
class Sheet:
    """Strips of the same number of tiles, and what they are."""

    title: str
    strips: tuple[Strip, ...]

    @property
    def tiles(self) -> Iterator[Tile]:
        """All tiles in reading order of their strips."""
        return (tile for strip in self.strips for tile in strip.tiles)


def expression_sheet(asset: Asset, *, aspect: float, camera: int = HEAD_CAMERA, angle: int = 0) -> Sheet:
    """The face at rest, then each ARKit channel fully on, then whatever else the file can do with the face.

    A file that has some ARKit channels gets a faint tile for each that it lacks; one that has none, none of them.
    The body stands as at the start of what it plays by default.

    Raises:
        AssetError: ``expression.unknown`` when nothing in the file moves the face.
    """
    avatar = asset.avatar
    face = Face(avatar)
    own = tuple(dict.fromkeys(name for name in face.names if arkit_channel(name) not in face.arkit))
    if not face.names:
        raise AssetError(
            "the avatar has no face shapes",
            code="expression.unknown",
            where=avatar.name,
            hint="it has neither morph targets with names nor VRM expressions",
        )
    rest = _standing(asset)
    view = _closer(frame_avatar(avatar, [rest.world(avatar)], locate=camera, angle=angle, aspect=aspect), camera)
    tiles = [Tile(label="at rest", pose=rest, view=view)]
    for name in (*(ARKIT if face.arkit else ()), *own):
        absent = name in ARKIT and name not in face.arkit
        pose, names = rest.copy(), (name, *(more for more in _WITH.get(name, ()) if more in face.arkit))
        if not absent:
            face.driver(names).apply(pose, np.ones(len(names), np.float32))
        label = f"{name} (absent)" if absent else " + ".join(names)
        tiles.append(Tile(label=label, pose=pose, view=view, faint=absent))
    count = f"{len(face.arkit)} of {len(ARKIT)} ARKit channels" if face.arkit else "no ARKit channels"
    more = f", {len(own)} {'more' if face.arkit else 'shapes of its own'}" if own else ""
    return Sheet(title=f"{_title(asset)}: {count}{more}", strips=tuple(Strip(tiles=(tile,)) for tile in tiles))


def clip_sheet(asset: Asset, *, aspect: float, camera: int = BODY_CAMERA, angle: int = 0) -> Sheet:
    """Each clip at several moments from its start to just before its end, all of them inside the frame.

    Raises:
        AssetError: ``clip.unknown`` when there is nothing to play.
    """
    avatar, repertoire = asset.avatar, Repertoire(asset)
    group_of = {index: group for group, indices in asset.groups.items() for index in indices}
    strips = []
    for index, name in enumerate(repertoire.names):
        player = repertoire.player(clip=index)
        times = [player.duration * moment / MOMENTS for moment in range(MOMENTS)]
        poses = [player.pose(time).copy() for time in times]
        worlds = [pose.world(avatar) for pose in poses]
        view = frame_avatar(avatar, worlds, locate=camera, angle=angle, aspect=aspect)
        heading = f"{index}  {name}  {player.duration:.2f} s" + (f"  {group_of[index]}" if index in group_of else "")
        tiles = tuple(Tile(label=f"{time:.2f}", pose=pose, view=view) for time, pose in zip(times, poses, strict=True))
        strips.append(Strip(tiles=tiles, heading=heading))
    if not strips:
        raise AssetError(
            "the avatar has no clips", code="clip.unknown", where=avatar.name, hint="it has no bones to make any for"
        )
    made = "" if asset.clips else " made for its bones"
    return Sheet(title=f"{_title(asset)}: {len(strips)} clips{made}", strips=tuple(strips))


def draw_sheet(
    sheet: Sheet, offscreen: Offscreen, *, show: Show, progress: Callable[[int], None] | None = None
) -> Picture:
    """The sheet ``(h, w, 4) uint8``; each tile is of the offscreen's size, lit and backed as the show says.

    Raises:
        GraphicsError: the driver refused something.
    """
    page = _Page(sheet, tile=offscreen.size)
    shots = (
        Shot(pose=tile.pose, view=tile.view, lighting=show.lighting, background=show.background, look=show.look)
        for tile in sheet.tiles
    )
    for number, picture in enumerate(offscreen.frames(shots), 1):
        page.put(number - 1, picture)
        if progress is not None:
            progress(number)
    return page.picture


class _Page:
    """The picture that tiles are put on."""

    def __init__(self, sheet: Sheet, *, tile: tuple[int, int]) -> None:
        self._tile = tile
        self._across = max((len(strip.tiles) for strip in sheet.strips), default=1)
        headed = any(strip.heading for strip in sheet.strips)
        self._font = ImageFont.load_default(max(11, tile[0] // 15))
        self._line = round(1.6 * max(11, tile[0] // 15))
        self._top = self._line if headed else 0
        self._strip = (self._across * (tile[0] + _GAP) + _GAP, self._top + tile[1] + self._line)
        count = max(len(sheet.strips), 1)
        self._columns = min(count, max(1, round(math.sqrt(_WIDTH_TO_HEIGHT * count * self._strip[1] / self._strip[0]))))
        rows = math.ceil(count / self._columns)
        self._title = round(2.0 * self._line)
        size = (self._columns * self._strip[0], self._title + rows * self._strip[1])
        self._image = Image.new("RGBA", size, _PAGE)
        self._draw = ImageDraw.Draw(self._image)
        self._places = [(i, j) for i, strip in enumerate(sheet.strips) for j in range(len(strip.tiles))]
        self._tiles = tuple(sheet.tiles)
        big = ImageFont.load_default(round(1.2 * max(11, tile[0] // 15)))
        self._write(sheet.title, (2 * _GAP, self._title // 4), big, size[0] - 4 * _GAP, _TEXT)
        for i, strip in enumerate(sheet.strips):
            if strip.heading:
                x, y = self._corner(i)
                self._write(strip.heading, (x + _GAP, y + _GAP // 2), self._font, self._strip[0] - 2 * _GAP, _TEXT)

    @property
    def picture(self) -> Picture:
        """What has been put on the page so far."""
        return np.array(self._image)

    def put(self, number: int, picture: Picture) -> None:
        """Put a tile's picture and label in their place."""
        strip, place = self._places[number]
        tile = self._tiles[number]
        x, y = self._corner(strip)
        x, y = x + _GAP + place * (self._tile[0] + _GAP), y + self._top
        drawn = Image.fromarray(picture)
        if tile.faint:
            drawn = Image.blend(drawn, Image.new("RGBA", drawn.size, _PAGE), 0.75)
        self._image.paste(drawn, (x, y), drawn)
        self._write(tile.label, (x, y + self._tile[1]), self._font, self._tile[0], _NOTE if tile.faint else _TEXT)

    def _corner(self, strip: int) -> tuple[int, int]:
        row, column = divmod(strip, self._columns)
        return column * self._strip[0], self._title + row * self._strip[1]

    def _write(
        self,
        text: str,
        at: tuple[int, int],
        font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
        width: int,
        color: tuple[int, int, int, int],
    ) -> None:
        self._draw.text(at, _fitted(text, font, width), font=font, fill=color)


def _fitted(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> str:
    """The text, shortened in its middle where it is too long: names often differ at both ends only."""
    shown = "".join(c if c.isprintable() else "?" for c in text)
    kept = len(shown)
    while kept > 4 and font.getlength(shown) > width:
        kept -= 1
        shown = f"{text[: kept - kept // 2]}...{text[len(text) - kept // 2 :]}"
    return shown


def _title(asset: Asset) -> str:
    """The avatar's name; of one that goes by its file's, without the way to it."""
    return asset.avatar.name.replace("\\", "/").rpartition("/")[2]


def _standing(asset: Asset) -> Pose:
    """The body as at the start of what is played by default, the face at rest."""
    pose = Repertoire(asset).player().pose(0.0).copy()
    for node, weights in Pose.rest(asset.avatar).weights.items():
        pose.weights[node][:] = weights
    return pose


def _closer(view: View, camera: int) -> View:
    """The head camera leaves room for gestures and hair; on a sheet the face itself is to be seen."""
    lens = view.projection
    if camera != HEAD_CAMERA or not isinstance(lens, Perspective):
        return view
    return replace(view, projection=replace(lens, yfov=2.0 * math.atan(_FACE * math.tan(lens.yfov / 2.0))))
