"""Grey and coloured ramps of light from 0 to 8 under the three tone curves: ACES, neutral, none (top to bottom)."""

import numpy as np

from renderer.output.offscreen import Offscreen
from renderer.scene import Lighting, Look, Material, Orthographic, View


def draw(context, shapes):
    steps = 24
    values = np.linspace(0, 1, steps) ** 2 * 8
    parts, materials = [], []
    for row, color in enumerate(((1, 1, 1), (1, 0.2, 0.1), (0.1, 0.3, 1))):
        for column, value in enumerate(values):
            materials.append(Material(base_color_factor=(0, 0, 0, 1), emissive_factor=tuple(value * np.array(color))))
            place = ((column + 0.5) / steps * 3 - 1.5, 1 - 2 * (row + 0.5) / 3, 0.0)
            parts.append((shapes.quad(1.0, material=len(materials) - 1), place))
    avatar = shapes.avatar(*parts, materials=tuple(materials), scale=(1.5 / steps, 1 / 3, 1.0))
    view = View(eye=(0, 0, 5), target=(0, 0, 0), projection=Orthographic(height=2.0))
    dark = Lighting(key=None, environment=None)
    with Offscreen(avatar, size=(144, 48), samples=0, context=context, edges="samples") as offscreen:
        bands = [
            offscreen.frame(shapes.rest(avatar), view=view, lighting=dark, look=Look(tone=tone))
            for tone in ("aces", "neutral", "none")
        ]
    return np.concatenate(bands)
