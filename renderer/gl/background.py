"""The pass that draws what is behind the avatar: a gradient, or a picture that covers the frame. Our own method."""

from __future__ import annotations

from typing import Any

from renderer.errors import AssetError
from renderer.gl.context import GraphicsContext
from renderer.gl.pictures import decode
from renderer.gl.programs import Programs
from renderer.gl.textures import upload
from renderer.scene import Background, Image, Sampler
from renderer.scene.material import Wrap

_PICTURE = Sampler(wrap_s=Wrap.CLAMP_TO_EDGE, wrap_t=Wrap.CLAMP_TO_EDGE)


class Backdrop:
    """The background pass of one context; keeps the last background's picture on the GPU."""

    def __init__(self, context: GraphicsContext, programs: Programs, *, largest: int) -> None:
        self._context, self._programs, self._largest = context, programs, largest
        self._image: bytes | None = None
        self._solid = False
        self._texture: Any = None
        self._arrays: dict[str, Any] = {}

    def clear_color(self, background: Background) -> tuple[float, float, float, float]:
        """What the picture is cleared to: all there is to do for a plain or a transparent background."""
        if background.image is not None or background.top_srgb is None:
            return (0.0, 0.0, 0.0, 0.0)
        return (*background.top_srgb, 1.0)

    def needed(self, background: Background) -> bool:
        """Whether clearing is not enough."""
        bottom = background.bottom_srgb
        gradient = background.top_srgb is not None and bottom is not None and bottom != background.top_srgb
        return background.image is not None or gradient

    def solid(self, background: Background) -> bool:
        """Whether nothing shows through a background, which has been drawn if it is a picture."""
        if background.image is None:
            return not background.transparent
        return self._image is background.image and self._solid

    def draw(self, background: Background, *, aspect: float, flipped: bool) -> None:
        """Fill what nothing has covered yet; wants depth testing with ``<=``.

        Raises:
            AssetError: ``background.unreadable`` when the bytes are no picture that can be read.
        """
        if background.image is not None:
            self._load(background.image)
            array = self._array("PICTURE")
            width, height = self._texture.size
            across = aspect * height / width
            array.program["u_cover"].value = (min(across, 1.0), min(1.0 / across, 1.0))
            array.program["u_picture"].value = 0
            self._texture.use(0)
        else:
            array = self._array("GRADIENT")
            array.program["u_top"].value = background.top_srgb
            array.program["u_bottom"].value = background.bottom_srgb
        array.program["u_flip"].value = -1.0 if flipped else 1.0
        array.render(self._context.gl.TRIANGLES, vertices=3)

    def _array(self, define: str) -> Any:
        if define not in self._arrays:
            program = self._programs.get(
                vertex="background.vert.glsl", fragment="background.frag.glsl", defines={define: ""}
            )
            self._arrays[define] = self._context.gl.vertex_array(program, [])
        return self._arrays[define]

    def _load(self, image: bytes) -> None:
        if self._image is image:
            return
        pixels = decode(Image(name="background", mime_type="", data=image), largest=self._largest)
        if pixels is None:
            raise AssetError(
                "the background is not a picture that can be read",
                code="background.unreadable",
                hint="give a PNG, JPEG or WebP file",
            )
        if self._texture is not None:
            self._texture.release()
        self._texture = upload(self._context, pixels, sampler=_PICTURE, srgb=False)
        self._solid = min(pixels.levels[0].data[3::4], default=255) == 255
        self._image = image

    def release(self) -> None:
        """Free the picture and the arrays."""
        for array in self._arrays.values():
            array.release()
        self._arrays.clear()
        if self._texture is not None:
            self._texture.release()
            self._texture, self._image = None, None
