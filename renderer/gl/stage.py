"""The pass that draws an avatar before its background: opaque, then cut out, then blended (glTF 2.0, 3.9.4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from renderer.gl import units
from renderer.gl.background import Backdrop
from renderer.gl.context import GraphicsContext
from renderer.gl.figure import Figure
from renderer.gl.frame import Frame, light_macros
from renderer.gl.levels import Nearness
from renderer.gl.light_maps import LightMaps
from renderer.gl.opaque_copy import OpaqueCopy
from renderer.gl.outlines import Outlines
from renderer.gl.pictures import Decoding
from renderer.gl.programs import Programs
from renderer.scene import AlphaMode, Avatar, Background, Lighting, Look, Material, View


class Stage:
    """Uploads an avatar once and draws it as often as wanted.

    Args:
        largest_texture: pictures with a longer side are shrunk to it.
        threads: how many pictures are decoded at a time.
        pictures: those that are being decoded already.
    """

    def __init__(
        self,
        context: GraphicsContext,
        avatar: Avatar,
        *,
        largest_texture: int = 2048,
        threads: int = 2,
        pictures: Decoding | None = None,
    ) -> None:
        self._context = context
        self._programs = Programs(context)
        self._figure = Figure(
            context, self._programs, avatar, largest_texture=largest_texture, threads=threads, pictures=pictures
        )
        self._frame = Frame(context)
        self._light_maps = LightMaps(context, self._figure)
        self._outlines = Outlines(context, self._programs, self._figure)
        self._opaque_copy = OpaqueCopy(context)
        self._backdrop = Backdrop(context, self._programs, largest=largest_texture)

    @property
    def variants(self) -> int:
        """How many shader programs have been built."""
        return self._programs.count

    def pose(self, *, world: NDArray[np.float32], weights: Mapping[int, NDArray[np.float32]]) -> None:
        """Take a pose, as ``Figure.pose``."""
        self._figure.pose(world=world, weights=weights)
        self._light_maps.forget()

    def cast_shadow(self, lighting: Lighting) -> None:
        """Draw where light arrives in the pose; leaves another drawing target bound.

        Raises:
            GraphicsError: the driver refused a shader.
        """
        self._light_maps.draw(lighting)

    def draw(
        self,
        *,
        view: View,
        aspect: float,
        lighting: Lighting,
        look: Look,
        background: Background | None,
        flipped: bool,
        time: float = 0.0,
    ) -> None:
        """Draw the avatar and its background into the bound framebuffer, which has been cleared.

        Opaque surfaces come first, nearest first; then the background; then what light passes through, over a copy of
        all that; then blended surfaces, farthest first.

        Args:
            background: None when it is there already.

        Raises:
            GraphicsError: the driver refused a shader.
            AssetError: the background is no picture.
        """
        gl = self._context.gl
        figure = self._figure
        self._frame.use(
            view=view,
            aspect=aspect,
            lighting=lighting,
            look=look,
            shadow_from_world=self._light_maps.shadow_from_world,
            time=time,
            flipped=flipped,
        )
        self._light_maps.use()
        figure.lamps.use()
        figure.seen(Nearness(view, height=gl.fbo.height) if gl.fbo.samples <= 1 and self._context.software else None)
        macros = light_macros(lighting, look, lamps=figure.lamps.any)
        sight = np.asarray(view.target, np.float32) - np.asarray(view.eye, np.float32)
        eye = np.asarray(view.eye, np.float32)
        order = sorted(figure.drawn, key=lambda drawn: float(sight @ (drawn.center - eye)))
        glass = [drawn for drawn in order if "TRANSMISSION" in drawn.surface.defines]
        order = [drawn for drawn in order if "TRANSMISSION" not in drawn.surface.defines]
        gl.enable(gl.DEPTH_TEST)
        gl.disable(gl.BLEND)
        gl.depth_func = "<="
        opaque = [drawn for drawn in order if drawn.material.alpha_mode is AlphaMode.OPAQUE]
        # A CPU shades every pixel that is nearer than what is there: backs, which fronts mostly hide, come last.
        late = self._context.software
        for drawn in opaque:
            back = drawn.material.double_sided and not late
            figure.draw(drawn, macros, flipped=flipped, back=back, front=True)
        gl.depth_func = "<"
        for drawn in opaque:
            if drawn.material.double_sided and late:
                figure.draw(drawn, macros, flipped=flipped, back=True, front=False)
        gl.depth_func = "<="
        for drawn in order:
            if drawn.material.alpha_mode is AlphaMode.MASK:
                figure.draw(drawn, macros, flipped=flipped, back=drawn.material.double_sided, front=True)
        for drawn in order:
            if drawn.surface.outlined and drawn.material.alpha_mode is not AlphaMode.BLEND:
                figure.draw(drawn, macros | {"OUTLINE"}, flipped=flipped, back=True, front=False)
        if background is not None and self._backdrop.needed(background):
            gl.disable(gl.CULL_FACE)
            self._backdrop.draw(background, aspect=aspect, flipped=flipped)
        if glass:
            gl.disable(gl.BLEND)
            self._opaque_copy.take(gl.fbo, units.OPAQUE_COPY)
            for drawn in reversed(glass):
                figure.draw(drawn, macros, flipped=flipped, back=drawn.material.double_sided, front=True)
        gl.enable(gl.BLEND)
        gl.blend_func = (gl.ONE, gl.ONE_MINUS_SRC_ALPHA)
        blended = (drawn for drawn in reversed(order) if drawn.material.alpha_mode is AlphaMode.BLEND)
        for drawn in sorted(blended, key=lambda drawn: _queue(drawn.material)):
            gl.fbo.depth_mask = drawn.material.toon is not None and drawn.material.toon.z_write
            # A closed two-sided surface shows its far side through its near one.
            if drawn.material.double_sided:
                figure.draw(drawn, macros, flipped=flipped, back=True, front=False)
            figure.draw(drawn, macros, flipped=flipped, back=False, front=True)
            if drawn.surface.outlined:
                figure.draw(drawn, macros | {"OUTLINE"}, flipped=flipped, back=True, front=False)
        gl.fbo.depth_mask = True
        gl.disable(gl.BLEND)

    def outlines(self, *, view: View, aspect: float, flipped: bool) -> NDArray[np.float32]:
        """Where the pose's outlines lie in a picture, for ``smooth``."""
        return self._outlines.find(view=view, aspect=aspect, flipped=flipped)

    def smooth(self, picture: Any, edges: NDArray[np.float32], *, size: tuple[int, int]) -> None:
        """Smooth a picture, which the bound framebuffer shows with its depth, along its outlines.

        Args:
            picture: the same picture as a texture of ``size`` pixels.
            edges: as ``outlines`` found them when the picture was drawn; the pose may have changed since.
        """
        self._outlines.smooth(picture, edges, size=size)

    def backdrop(self, background: Background, *, aspect: float, flipped: bool) -> Callable[[], None] | None:
        """What draws the background alone into the bound framebuffer, None where clearing is all there is to do."""
        if not self._backdrop.needed(background):
            return None

        def draw() -> None:
            gl = self._context.gl
            gl.disable(gl.CULL_FACE | gl.BLEND)
            gl.enable(gl.DEPTH_TEST)
            gl.depth_func = "<="
            self._backdrop.draw(background, aspect=aspect, flipped=flipped)

        return draw

    def solid(self, background: Background) -> bool:
        """Whether every pixel of a picture before this background is opaque."""
        return self._backdrop.solid(background)

    def clear_color(self, background: Background) -> tuple[float, float, float, float]:
        """What the framebuffer is to be cleared to before ``draw``."""
        return self._backdrop.clear_color(background)

    def release(self) -> None:
        """Free everything that the avatar took on the GPU."""
        for part in (self._figure, self._frame, self._light_maps, self._outlines, self._opaque_copy, self._backdrop):
            part.release()
        self._programs.release()


def _queue(material: Material) -> tuple[bool, int]:
    """Blended surfaces that write depth come first (VRMC_materials_mtoon); among them the material says."""
    toon = material.toon
    return (toon is None or not toon.z_write, toon.render_queue_offset if toon else 0)
