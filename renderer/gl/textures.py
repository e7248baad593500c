"""Pictures of materials on the GPU."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from renderer.gl import calls
from renderer.gl.context import GraphicsContext
from renderer.gl.pictures import Level, Pixels
from renderer.scene import Sampler, Texture

_MISSING = Level(size=(1, 1), data=bytes((255, 255, 255, 255)))


@dataclass(slots=True, frozen=True)
class TextureUse:
    """A texture of the avatar as data or as colour; the same picture may be wanted as both."""

    texture: int
    srgb: bool


def upload(context: GraphicsContext, pixels: Pixels | None, *, sampler: Sampler, srgb: bool) -> Any:
    """A texture with the sampler's filters and wrapping; a picture that could not be read becomes a white texel.

    Mipmaps come with the pixels, or else from the driver.
    """
    first, *others = pixels.levels if pixels else (_MISSING,)
    stored = calls.SRGB8_ALPHA8 if srgb else calls.RGBA8
    texture = context.gl.texture(first.size, 4, first.data, alignment=1, internal_format=stored)
    minify = sampler.min_filter or calls.LINEAR_MIPMAP_LINEAR
    if context.software and minify == calls.LINEAR_MIPMAP_LINEAR:
        minify = calls.LINEAR_MIPMAP_NEAREST  # half the fetches, and what a CPU draws with is fetches
    mipmapped = minify >= calls.NEAREST_MIPMAP_NEAREST and max(first.size) > 1
    if mipmapped and not others:
        texture.build_mipmaps()
    texture.filter = (minify, sampler.mag_filter or calls.LINEAR)
    gl = context.calls
    texture.use(0)
    if mipmapped and others:
        gl.tex_parameter(calls.TEXTURE_2D, calls.TEXTURE_MAX_LEVEL, len(others))
        for number, level in enumerate(others, start=1):
            shape = (stored, *level.size, 0, calls.RGBA, calls.UNSIGNED_BYTE)
            gl.tex_image(calls.TEXTURE_2D, number, *shape, level.data)
    # moderngl knows repeating and clamping only; glTF has mirroring too.
    gl.tex_parameter(calls.TEXTURE_2D, calls.TEXTURE_WRAP_S, int(sampler.wrap_s))
    gl.tex_parameter(calls.TEXTURE_2D, calls.TEXTURE_WRAP_T, int(sampler.wrap_t))
    return texture


class TextureSet:
    """The textures that an avatar's drawn materials use.

    Args:
        pictures: decoded pictures by their index in ``Avatar.images``.
    """

    def __init__(
        self,
        *,
        context: GraphicsContext,
        pictures: Mapping[int, Pixels | None],
        textures: tuple[Texture, ...],
        uses: Iterable[TextureUse],
    ) -> None:
        self._textures: dict[TextureUse, Any] = {}
        for use in sorted(set(uses), key=lambda use: (use.texture, use.srgb)):
            known = 0 <= use.texture < len(textures)
            texture = textures[use.texture] if known else Texture(image=-1)
            pixels = pictures.get(texture.image)
            self._textures[use] = upload(context, pixels, sampler=texture.sampler, srgb=use.srgb)

    def __getitem__(self, use: TextureUse) -> Any:
        return self._textures[use]

    def release(self) -> None:
        """Free every texture."""
        for texture in self._textures.values():
            texture.release()
        self._textures.clear()
