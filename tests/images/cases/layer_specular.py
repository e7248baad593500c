"""Six balls of black plastic: index of refraction 1.2, 1.5 and 2.4 above; below weight 0.2, a red reflection, gold."""

from renderer.output.offscreen import Offscreen
from renderer.scene import Lighting, Material, Orthographic, View
from renderer.scene.material import Specular


def draw(context, shapes):
    told = (
        Specular(ior=1.2),
        Specular(ior=1.5),
        Specular(ior=2.4),
        Specular(factor=0.2),
        Specular(color_factor=(1.0, 0.1, 0.05)),
        Specular(ior=3.0, color_factor=(1.0, 0.7, 0.2)),
    )
    materials = tuple(
        Material(base_color_factor=(0.02, 0.02, 0.03, 1.0), metallic_factor=0.0, roughness_factor=0.25, specular=one)
        for one in told
    )
    balls = [(shapes.sphere(0.45, material=i), (i % 3 - 1.0, 0.5 - i // 3, 0.0)) for i in range(6)]
    avatar = shapes.avatar(*balls, materials=materials)
    view = View(eye=(0, 0, 5), target=(0, 0, 0), projection=Orthographic(height=2.0))
    with Offscreen(avatar, size=(192, 128), context=context, edges="samples") as offscreen:
        return offscreen.frame(shapes.rest(avatar), view=view, lighting=Lighting(key=shapes.LAMP.key))
