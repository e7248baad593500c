"""Encoded pictures as texels: decoded, brought to size and mipmapped in threads, away from OpenGL."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from concurrent import futures
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import cast

from PIL import Image as PillowImage

from renderer.scene import Image

_FORMATS = ("PNG", "JPEG", "WEBP")
_NOISE = 2  # steps between the extremes of what JPEG makes of one colour
_GLANCE = (8, 8)


@dataclass(slots=True, frozen=True)
class Level:
    """8-bit RGBA, top row first."""

    size: tuple[int, int]
    data: bytes


@dataclass(slots=True, frozen=True)
class Pixels:
    """A decoded picture: all of it, and, where asked for, its mipmap down to one texel.

    Attributes:
        color: red, green, blue and alpha where the picture has one colour, to within ``_NOISE``.
    """

    levels: tuple[Level, ...]
    color: tuple[int, int, int, int] | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the whole picture."""
        return self.levels[0].size


def decode(image: Image, *, largest: int, mipmapped: bool = False) -> Pixels | None:
    """Pixels of an encoded picture, none of its sides longer than ``largest``; None when it cannot be read.

    A JPEG that is more than twice as large is decoded at a fraction of its size, which costs as much less. Mipmaps
    average stored values; a driver that makes its own averages light, which is a little better and far slower on a CPU.
    """
    try:
        with PillowImage.open(io.BytesIO(image.data), formats=_FORMATS) as opened:
            picture: PillowImage.Image = opened
            wanted = picture.size
            if max(picture.size) > largest:
                scale = largest / max(picture.size)
                wanted = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
                picture.draft(None, wanted)  # a no-op for anything but JPEG
            picture = _eight_bit(picture)
            if picture.size != wanted:
                picture = _resized(picture, wanted)
    except (OSError, ValueError, SyntaxError, PillowImage.DecompressionBombError):
        return None
    color = _color(picture)
    levels = [_level(picture)]
    while mipmapped and max(picture.size) > 1:
        picture = _resized(picture, (max(1, picture.width // 2), max(1, picture.height // 2)))
        levels.append(_level(picture))
    return Pixels(levels=tuple(levels), color=color)


def _color(picture: PillowImage.Image) -> tuple[int, int, int, int] | None:
    # Most pictures give themselves away in a few of their texels.
    if _one_color(picture.resize(_GLANCE, PillowImage.Resampling.NEAREST)) is None:
        return None
    return _one_color(picture)


def _one_color(picture: PillowImage.Image) -> tuple[int, int, int, int] | None:
    extremes = cast("tuple[tuple[int, int], ...]", picture.getextrema())
    red, green, blue, alpha = extremes if len(extremes) > 3 else (*extremes, (255, 255))
    if any(high - low > _NOISE for low, high in (red, green, blue)) or alpha[0] != alpha[1]:
        return None
    middle = [(low + high) // 2 for low, high in (red, green, blue)]
    return (middle[0], middle[1], middle[2], alpha[0])


def _eight_bit(picture: PillowImage.Image) -> PillowImage.Image:
    if picture.mode in ("RGB", "RGBA"):
        picture.load()
        return picture
    if picture.mode.startswith("I;16"):  # Pillow would clip 16-bit grey to 255 instead of scaling it
        return picture.point(lambda value: value / 257).convert("L").convert("RGB")
    return picture.convert("RGBA")


def _resized(picture: PillowImage.Image, size: tuple[int, int]) -> PillowImage.Image:
    if picture.mode == "RGBA":
        # Pillow would weigh colours by alpha and lose those without any, which opaque materials still show.
        color, alpha = _resized(picture.convert("RGB"), size), _resized(picture.getchannel("A"), size)
        color.putalpha(alpha)
        return color
    if picture.size == (2 * size[0], 2 * size[1]):
        return picture.reduce(2)
    return picture.resize(size, PillowImage.Resampling.BOX)


def _level(picture: PillowImage.Image) -> Level:
    # RGB lies in memory as four bytes a pixel, the fourth 255: it can be taken as it is.
    return Level(size=picture.size, data=picture.tobytes("raw", "RGBX" if picture.mode == "RGB" else "RGBA"))


class Decoding:
    """Pictures that threads decode, with their mipmaps, while something else is done."""

    def __init__(self, images: tuple[Image, ...], wanted: Iterable[int], *, largest: int, threads: int) -> None:
        self.largest = largest
        self._pool = ThreadPoolExecutor(max_workers=threads)
        self._begun = {
            index: self._pool.submit(decode, images[index], largest=largest, mipmapped=True)
            for index in _in_order(images, wanted)
        }
        self._pool.shutdown(wait=False)

    def __contains__(self, index: int) -> bool:
        return index in self._begun

    def wait(self) -> None:
        """Return when every picture is decoded."""
        futures.wait(self._begun.values())

    def take(self, index: int, *, mipmapped: bool) -> Pixels | None:
        """The decoded picture, once; its mipmap only where it is wanted."""
        pixels = self._begun.pop(index).result()
        return pixels if mipmapped or pixels is None else replace(pixels, levels=pixels.levels[:1])


def _in_order(images: tuple[Image, ...], wanted: Iterable[int]) -> list[int]:
    """The largest files first, so that no thread ends alone with a long one."""
    return sorted(set(wanted), key=lambda index: -len(images[index].data))


def decode_all(
    images: tuple[Image, ...],
    wanted: Iterable[int],
    *,
    largest: int,
    threads: int,
    mipmapped: bool = False,
    ahead: Decoding | None = None,
) -> Mapping[int, Pixels | None]:
    """Decode the wanted pictures; those that are being decoded ``ahead``, to the same size, are taken from there."""
    order = _in_order(images, wanted)
    if ahead is not None and ahead.largest == largest:
        begun = [index for index in order if index in ahead]
        rest = [index for index in order if index not in ahead]
        others = decode_all(images, rest, largest=largest, threads=threads, mipmapped=mipmapped)
        return {**others, **{index: ahead.take(index, mipmapped=mipmapped) for index in begun}}

    def one(index: int) -> Pixels | None:
        return decode(images[index], largest=largest, mipmapped=mipmapped)

    if len(order) < 2 or threads < 2:
        return {index: one(index) for index in order}
    with ThreadPoolExecutor(max_workers=threads) as pool:
        return dict(zip(order, pool.map(one, order), strict=True))
