"""Layers of materials: what they conserve, what they leave alone, and single values that follow from their formulas."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

from renderer.gl.context import GraphicsContext
from renderer.gl.materials import surface
from renderer.output.offscreen import Offscreen
from renderer.scene import Environment, Lighting, Look, Material, TextureRef
from renderer.scene.material import MOST_TEXTURES, Anisotropy, Clearcoat, Iridescence, Sheen, Specular

pytestmark = pytest.mark.gl

WHITE = (1.0, 1.0, 1.0)
FURNACE = Lighting(key=None, environment=Environment(sky=WHITE, horizon=WHITE, ground=WHITE))
PLAIN = Look(tone="none")
CONSERVING = {
    "ior": {"specular": Specular(ior=2.2)},
    "specular": {"specular": Specular(ior=1.5, factor=0.4)},
    "clearcoat": {"clearcoat": Clearcoat(factor=1.0, roughness_factor=0.4)},
    "half a clearcoat": {"clearcoat": Clearcoat(factor=0.5, roughness_factor=0.0)},
    "sheen": {"sheen": Sheen(color_factor=WHITE, roughness_factor=0.5)},
    "anisotropy": {"anisotropy": Anisotropy(strength=0.8, rotation=1.0)},
    "all of them": {
        "specular": Specular(ior=1.8, factor=0.7),
        "clearcoat": Clearcoat(factor=1.0, roughness_factor=0.2),
        "sheen": Sheen(color_factor=WHITE, roughness_factor=0.8),
        "anisotropy": Anisotropy(strength=0.5),
    },
}


def drawn(context: GraphicsContext, shapes: ModuleType, material: Material, lighting: Lighting, **more) -> np.ndarray:
    shape = more.pop("shape", None) or shapes.sphere()
    avatar = shapes.avatar(shape, materials=(material,), **more)
    with Offscreen(avatar, size=(64, 64), context=context, edges="samples") as offscreen:
        return offscreen.frame(shapes.rest(avatar), view=shapes.FRONT, lighting=lighting, look=PLAIN)


@pytest.mark.parametrize("layers", CONSERVING.values(), ids=CONSERVING)
@pytest.mark.parametrize("metallic", [0.0, 1.0])
@pytest.mark.parametrize("roughness", [0.1, 0.6, 1.0])
def test_white_furnace_returns_white(
    context: GraphicsContext, shapes: ModuleType, roughness: float, metallic: float, layers: dict
) -> None:
    material = Material(metallic_factor=metallic, roughness_factor=roughness, **layers)
    picture = drawn(context, shapes, material, FURNACE)
    inside = picture[picture[..., 3] == 255]
    assert len(inside) > 2000
    assert inside.min() >= 254


@pytest.mark.parametrize("thickness", [0.0, 200.0, 400.0, 700.0])
@pytest.mark.parametrize("metallic", [0.0, 1.0])
def test_a_film_never_adds_light(
    context: GraphicsContext, shapes: ModuleType, metallic: float, thickness: float
) -> None:
    film = Iridescence(factor=1.0, thickness_maximum=thickness)
    dim = Lighting(key=None, environment=Environment(sky=(0.5,) * 3, horizon=(0.5,) * 3, ground=(0.5,) * 3))
    material = Material(metallic_factor=metallic, roughness_factor=0.3, iridescence=film)
    picture = drawn(context, shapes, material, dim)
    inside = picture[picture[..., 3] == 255][..., :3]
    assert inside.max() <= 189  # 0.5 in sRGB is 188
    assert inside.max() >= 150


def test_a_film_of_no_thickness_changes_nothing(context: GraphicsContext, shapes: ModuleType) -> None:
    bare = Material(base_color_factor=(0.8, 0.5, 0.2, 1.0), roughness_factor=0.4)
    film = Iridescence(factor=1.0, thickness_maximum=0.0)
    filmed = Material(base_color_factor=(0.8, 0.5, 0.2, 1.0), roughness_factor=0.4, iridescence=film)
    pictures = [drawn(context, shapes, one, shapes.LAMP).astype(int) for one in (bare, filmed)]
    assert np.abs(pictures[0] - pictures[1]).max() <= 3


@pytest.mark.parametrize(("ior", "expected"), [(1.0, 0.0), (1.5, 0.04), (2.0, 1 / 9), (3.0, 0.25)])
def test_black_glass_reflects_head_on_what_its_index_says(
    context: GraphicsContext, shapes: ModuleType, ior: float, expected: float
) -> None:
    black = Material(
        base_color_factor=(0, 0, 0, 1),
        metallic_factor=0.0,
        roughness_factor=0.0,
        specular=Specular(ior=ior, factor=1.0),
    )
    value = drawn(context, shapes, black, FURNACE, shape=shapes.quad())[32, 32, 0] / 255.0
    linear = value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
    assert linear == pytest.approx(expected, abs=0.012)


def test_a_weight_of_nothing_reflects_nothing(context: GraphicsContext, shapes: ModuleType) -> None:
    black = Material(base_color_factor=(0, 0, 0, 1), metallic_factor=0.0, specular=Specular(factor=0.0))
    picture = drawn(context, shapes, black, FURNACE)
    assert picture[..., :3].max() == 0


def test_a_coats_texture_is_moved_by_its_transform(context: GraphicsContext, shapes: ModuleType) -> None:
    halves = np.zeros((2, 2, 3), np.uint8)
    halves[:, 1] = 255  # the right half is coated
    pictures = []
    for offset in (0.0, 0.5):
        coat = Clearcoat(factor=1.0, texture=TextureRef(texture=0, offset=(offset, 0.0)))
        black = Material(
            base_color_factor=(0, 0, 0, 1), specular=Specular(factor=0.0), metallic_factor=0.0, clearcoat=coat
        )
        images = (shapes.picture(np.repeat(np.repeat(halves, 16, 0), 16, 1)),)
        pictures.append(drawn(context, shapes, black, FURNACE, shape=shapes.quad(), images=images)[32, :, 0])
    assert pictures[0][16] < 5
    assert pictures[0][48] > 40
    assert pictures[1][16] > 40
    assert pictures[1][48] < 5


def test_highlights_are_drawn_out_along_the_direction(context: GraphicsContext, shapes: ModuleType) -> None:
    def spread(rotation: float) -> tuple[float, float]:
        drawn_out = Anisotropy(strength=0.9, rotation=rotation)
        material = Material(metallic_factor=1.0, roughness_factor=0.25, anisotropy=drawn_out)
        lamp = Lighting(key=shapes.LAMP.key, environment=None)
        light = drawn(context, shapes, material, lamp)[..., 0].astype(float)
        rows, columns = np.nonzero(light > light.max() * 0.6)
        return float(np.ptp(columns)), float(np.ptp(rows))

    (wide, low), (narrow, high) = spread(0.0), spread(np.pi / 2)
    assert wide > 1.3 * narrow
    assert high > 1.3 * low


@pytest.mark.parametrize(
    "layers",
    [
        {"specular": Specular()},
        {"clearcoat": Clearcoat(factor=0.0, roughness_factor=0.5)},
        {"sheen": Sheen(roughness_factor=0.5)},
        {"anisotropy": Anisotropy(rotation=1.0)},
        {"iridescence": Iridescence(factor=0.0)},
    ],
)
def test_a_layer_that_changes_nothing_costs_nothing(shapes: ModuleType, layers: dict) -> None:
    bare, layered = surface(shapes.quad(), Material()), surface(shapes.quad(), Material(**layers))
    assert layered.defines == bare.defines
    assert layered.layers is None


def test_more_textures_than_a_shader_has_room_for_are_left_out(context: GraphicsContext, shapes: ModuleType) -> None:
    def moved(index: int) -> TextureRef:
        return TextureRef(texture=0, offset=(0.1 * index, 0.0))

    material = Material(
        base_color_texture=moved(0),
        metallic_roughness_texture=moved(0),
        normal_texture=moved(1),
        occlusion_texture=moved(2),
        emissive_texture=moved(3),
        emissive_factor=WHITE,
        specular=Specular(texture=moved(4), color_texture=moved(5)),
        clearcoat=Clearcoat(factor=1.0, texture=moved(6), roughness_texture=moved(7), normal_texture=moved(8)),
        sheen=Sheen(color_factor=WHITE, color_texture=moved(0), roughness_texture=moved(1)),
        iridescence=Iridescence(factor=1.0, texture=moved(2), thickness_texture=moved(3)),
        anisotropy=Anisotropy(strength=0.5, texture=moved(4)),
    )
    assert len(surface(shapes.quad(), material).textures) == MOST_TEXTURES
    images = (shapes.picture(np.full((4, 4, 3), 200, np.uint8)),)
    assert drawn(context, shapes, material, shapes.LAMP, images=images)[32, 32, 3] == 255
