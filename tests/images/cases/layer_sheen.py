"""Dark blue cloth: bare, with a white sheen of roughness 0.3, 0.6 and 1, the last in orange."""

from renderer.output.offscreen import Offscreen
from renderer.scene import Lighting, Material, Orthographic, View
from renderer.scene.material import Sheen


def draw(context, shapes):
    sheens = (
        None,
        Sheen(color_factor=(1.0, 1.0, 1.0), roughness_factor=0.3),
        Sheen(color_factor=(1.0, 1.0, 1.0), roughness_factor=0.6),
        Sheen(color_factor=(1.0, 0.4, 0.1), roughness_factor=1.0),
    )
    materials = tuple(
        Material(base_color_factor=(0.02, 0.03, 0.15, 1.0), metallic_factor=0.0, roughness_factor=0.9, sheen=sheen)
        for sheen in sheens
    )
    balls = [(shapes.sphere(0.45, material=i), (i % 2 - 0.5, 0.5 - i // 2, 0.0)) for i in range(4)]
    avatar = shapes.avatar(*balls, materials=materials)
    view = View(eye=(0, 0, 5), target=(0, 0, 0), projection=Orthographic(height=2.0))
    with Offscreen(avatar, size=(128, 128), context=context, edges="samples") as offscreen:
        return offscreen.frame(shapes.rest(avatar), view=view, lighting=Lighting(key=shapes.LAMP.key))
