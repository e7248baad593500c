"""Pictures of materials on the GPU: decoded in threads, uploaded on the context's thread, mipmapped by the driver."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from PIL import Image as PillowImage

from renderer.gl import calls
from renderer.gl.context import GraphicsContext
from renderer.scene import Image, Sampler, Texture

_MISSING = bytes((255, 255, 255, 255))


@dataclass(slots=True, frozen=True)
class TextureUse:
    """A texture of the avatar as data or as colour; the same picture may be wanted as both."""

    texture: int
    srgb: bool


@dataclass(slots=True, frozen=True)
class Pixels:
    """A decoded picture: 8-bit RGBA, top row first."""

    size: tuple[int, int]
    data: bytes


def decode(image: Image, *, largest: int) -> Pixels | None:
    """Pixels of an encoded picture, none of its sides longer than ``largest``; None when it cannot be read.

    A JPEG that is more than twice as large is decoded at a fraction of its size, which costs as much less.
    """
    try:
        with PillowImage.open(io.BytesIO(image.data)) as opened:
            picture: PillowImage.Image = opened
            wanted = picture.size
            if max(picture.size) > largest:
                scale = largest / max(picture.size)
                wanted = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
                picture.draft(None, wanted)  # a no-op for anything but JPEG
            picture = _eight_bit(picture)
            if picture.size != wanted:
                picture = picture.resize(wanted, PillowImage.Resampling.BOX)
            # RGB lies in memory as four bytes a pixel, the fourth 255: it can be taken as it is.
            raw = ("raw", "RGBX") if picture.mode == "RGB" else ("raw", "RGBA")
            return Pixels(size=picture.size, data=picture.tobytes(*raw))
    except (OSError, ValueError, SyntaxError, PillowImage.DecompressionBombError):
        return None


def _eight_bit(picture: PillowImage.Image) -> PillowImage.Image:
    if picture.mode in ("RGB", "RGBA"):
        return picture
    if picture.mode.startswith("I;16"):  # Pillow would clip 16-bit grey to 255 instead of scaling it
        return picture.point(lambda value: value / 257).convert("L").convert("RGBA")
    return picture.convert("RGBA")


def decode_all(
    images: tuple[Image, ...], wanted: Iterable[int], *, largest: int, threads: int
) -> Mapping[int, Pixels | None]:
    """Decode the wanted pictures, the largest files first so that no thread ends alone with a long one."""
    order = sorted(set(wanted), key=lambda index: -len(images[index].data))
    if len(order) < 2 or threads < 2:
        return {index: decode(images[index], largest=largest) for index in order}
    with ThreadPoolExecutor(max_workers=threads) as pool:
        return dict(zip(order, pool.map(lambda index: decode(images[index], largest=largest), order), strict=True))


def upload(context: GraphicsContext, pixels: Pixels | None, *, sampler: Sampler, srgb: bool) -> Any:
    """A texture with the sampler's filters and wrapping; a picture that could not be read becomes a white texel."""
    size, data = (pixels.size, pixels.data) if pixels else ((1, 1), _MISSING)
    texture = context.gl.texture(
        size, 4, data, alignment=1, internal_format=calls.SRGB8_ALPHA8 if srgb else calls.RGBA8
    )
    minify = sampler.min_filter or calls.LINEAR_MIPMAP_LINEAR
    if context.software and minify == calls.LINEAR_MIPMAP_LINEAR:
        minify = calls.LINEAR_MIPMAP_NEAREST  # half the fetches, and what a CPU draws with is fetches
    if minify >= calls.NEAREST_MIPMAP_NEAREST:
        texture.build_mipmaps()
    texture.filter = (minify, sampler.mag_filter or calls.LINEAR)
    # moderngl knows repeating and clamping only; glTF has mirroring too.
    texture.use(0)
    context.calls.tex_parameter(calls.TEXTURE_2D, calls.TEXTURE_WRAP_S, int(sampler.wrap_s))
    context.calls.tex_parameter(calls.TEXTURE_2D, calls.TEXTURE_WRAP_T, int(sampler.wrap_t))
    return texture


class TextureSet:
    """The textures that an avatar's drawn materials use.

    Args:
        largest: pictures are shrunk to at most this many texels a side.
        threads: how many pictures are decoded at a time.
    """

    def __init__(
        self,
        *,
        context: GraphicsContext,
        images: tuple[Image, ...],
        textures: tuple[Texture, ...],
        uses: Iterable[TextureUse],
        largest: int,
        threads: int,
    ) -> None:
        wanted = sorted(set(uses), key=lambda use: (use.texture, use.srgb))
        sources = {use: textures[use.texture].image for use in wanted if 0 <= use.texture < len(textures)}
        decoded = decode_all(
            images, (i for i in sources.values() if 0 <= i < len(images)), largest=largest, threads=threads
        )
        self._textures: dict[TextureUse, Any] = {}
        for use in wanted:
            sampler = textures[use.texture].sampler if use in sources else Sampler()
            self._textures[use] = upload(context, decoded.get(sources.get(use, -1)), sampler=sampler, srgb=use.srgb)

    def __getitem__(self, use: TextureUse) -> Any:
        return self._textures[use]

    def release(self) -> None:
        """Free every texture."""
        for texture in self._textures.values():
            texture.release()
        self._textures.clear()
