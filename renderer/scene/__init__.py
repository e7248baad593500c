"""Plain data of an avatar: no GPU, no files, no behaviour beyond small derived values.

Conventions, for every array of this package (those of glTF 2.0):

- right handed, +Y up, avatar faces +Z, metres, radians;
- quaternions are ``(x, y, z, w)``;
- matrices are ``(4, 4) float32``, row-major numpy arrays that act on column vectors (``M @ v``), so
  ``M[:3, 3]`` is the translation; the GPU upload transposes;
- colours are linear unless a name says ``srgb``.
"""

from renderer.scene.avatar import Avatar
from renderer.scene.camera import Orthographic, Perspective, View
from renderer.scene.environment import Background, Environment, Panorama
from renderer.scene.expression import Expression, MorphBind
from renderer.scene.light import DirectionalLight, Lighting, PunctualLight, Shadow
from renderer.scene.look import Look
from renderer.scene.material import AlphaMode, Image, Material, Sampler, Texture, TextureRef
from renderer.scene.mesh import Mesh, Mode, MorphTarget, Primitive
from renderer.scene.node import Node
from renderer.scene.skin import Skin

__all__ = [
    "AlphaMode",
    "Avatar",
    "Background",
    "DirectionalLight",
    "Environment",
    "Expression",
    "Image",
    "Lighting",
    "Look",
    "Material",
    "Mesh",
    "Mode",
    "MorphBind",
    "MorphTarget",
    "Node",
    "Orthographic",
    "Panorama",
    "Perspective",
    "Primitive",
    "PunctualLight",
    "Sampler",
    "Shadow",
    "Skin",
    "Texture",
    "TextureRef",
    "View",
]
