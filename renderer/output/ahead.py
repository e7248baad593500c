"""What a first picture waits for, begun while something else is still being done."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from renderer.gl.context import GraphicsContext, headless
from renderer.gl.pictures import Decoding
from renderer.scene import Avatar

LARGEST_TEXTURE = 2048
_THREADS = 2
_SLOTS = (
    "base_color_texture",
    "metallic_roughness_texture",
    "normal_texture",
    "occlusion_texture",
    "emissive_texture",
)


def decoding(avatar: Avatar, *, largest: int = LARGEST_TEXTURE) -> Decoding:
    """The pictures of the avatar's materials, being decoded from now on."""
    used = {
        primitive.material
        for node in avatar.order
        if (mesh := avatar.nodes[node].mesh) >= 0
        for primitive in avatar.meshes[mesh].primitives
    }
    materials = [material for index, material in enumerate(avatar.materials) if index in used]
    references = [getattr(material, slot) for material in materials for slot in _SLOTS]
    textures = {reference.texture for reference in references if reference is not None}
    images = {avatar.textures[index].image for index in textures if index < len(avatar.textures)}
    wanted = [index for index in images if 0 <= index < len(avatar.images)]
    return Decoding(avatar.images, wanted, largest=largest, threads=_THREADS)


class Ahead:
    """A context without a screen that a thread makes, and pictures that threads decode.

    A driver takes as long to wake up as an avatar takes to load, and neither needs Python's lock for most of it.
    """

    def __init__(self, make: Callable[[], GraphicsContext] = headless) -> None:
        pool = ThreadPoolExecutor(max_workers=1)
        self._context: Future[GraphicsContext] = pool.submit(_parked, make)
        pool.shutdown(wait=False)
        self.pictures: Decoding | None = None

    def decode(self, avatar: Avatar, *, largest: int = LARGEST_TEXTURE) -> None:
        """Begin to decode the pictures of the avatar's materials."""
        self.pictures = decoding(avatar, largest=largest)

    def context(self) -> GraphicsContext:
        """The context, current in the thread that asks for it; to be asked for once.

        Raises:
            GraphicsError: there is no OpenGL.
        """
        made = self._context.result()
        made.make_current()
        return made


def _parked(make: Callable[[], GraphicsContext]) -> GraphicsContext:
    """A context that is current in no thread."""
    made = make()
    made.loader.leave()
    return made
