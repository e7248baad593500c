"""Metal above and black plastic below, under a film of 200, 400 and 600 nanometres."""

from renderer.output.offscreen import Offscreen
from renderer.scene import Lighting, Material, Orthographic, View
from renderer.scene.material import Iridescence


def draw(context, shapes):
    materials = tuple(
        Material(
            base_color_factor=(0.7, 0.7, 0.7, 1.0) if metal else (0.0, 0.0, 0.0, 1.0),
            metallic_factor=metal,
            roughness_factor=0.2,
            iridescence=Iridescence(factor=1.0, ior=1.6, thickness_maximum=thickness),
        )
        for metal in (1.0, 0.0)
        for thickness in (200.0, 400.0, 600.0)
    )
    balls = [(shapes.sphere(0.45, material=i), (i % 3 - 1.0, 0.5 - i // 3, 0.0)) for i in range(6)]
    avatar = shapes.avatar(*balls, materials=materials)
    view = View(eye=(0, 0, 5), target=(0, 0, 0), projection=Orthographic(height=2.0))
    with Offscreen(avatar, size=(192, 128), context=context, edges="samples") as offscreen:
        return offscreen.frame(shapes.rest(avatar), view=view, lighting=Lighting(key=shapes.LAMP.key))
