"""Nine balls: metal from left (none) to right (all), roughness from top (smooth) to bottom (rough)."""

from renderer.output.offscreen import Offscreen
from renderer.scene import DirectionalLight, Environment, Lighting, Material, Orthographic, View


def draw(context, shapes):
    values = (0.0, 0.5, 1.0)
    materials = tuple(
        Material(base_color_factor=(0.9, 0.45, 0.2, 1.0), metallic_factor=m, roughness_factor=max(r, 0.15))
        for r in values
        for m in values
    )
    balls = [(shapes.sphere(0.42, material=i), (i % 3 - 1.0, 1.0 - i // 3, 0.0)) for i in range(9)]
    avatar = shapes.avatar(*balls, materials=materials)
    lighting = Lighting(
        key=DirectionalLight(direction=(0.48, 0.64, 0.6), intensity=2.5),
        environment=Environment(sky=(0.5, 0.7, 1.1), horizon=(0.5, 0.5, 0.5), ground=(0.1, 0.08, 0.06)),
    )
    view = View(eye=(0, 0, 5), target=(0, 0, 0), projection=Orthographic(height=3.0))
    with Offscreen(avatar, size=(144, 144), context=context, edges="samples") as offscreen:
        return offscreen.frame(shapes.rest(avatar), view=view, lighting=lighting)
