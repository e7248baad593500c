"""Four panes of glass over one another, far to near, over nothing: colours add up and alpha stays straight."""

from renderer.output.offscreen import Offscreen
from renderer.scene import AlphaMode, Material, Perspective, View


def draw(context, shapes):
    colors = ((1.0, 0.1, 0.1), (0.1, 1.0, 0.1), (0.2, 0.3, 1.0), (1.0, 1.0, 0.2))
    materials = tuple(
        Material(
            base_color_factor=(*color, 0.25 + 0.15 * index),
            metallic_factor=0.0,
            roughness_factor=0.6,
            alpha_mode=AlphaMode.BLEND,
        )
        for index, color in enumerate(colors)
    )
    panes = [
        (shapes.quad(0.5, material=index), (0.3 * index - 0.45, 0.25 * index - 0.4, 0.4 * index)) for index in range(4)
    ]
    avatar = shapes.avatar(*reversed(panes), materials=materials)
    view = View(eye=(0.6, 0.4, 5.0), target=(0.0, 0.0, 0.5), projection=Perspective(yfov=0.45))
    with Offscreen(avatar, size=(128, 128), context=context, edges="samples") as offscreen:
        return offscreen.frame(shapes.rest(avatar), view=view, lighting=shapes.LAMP)
