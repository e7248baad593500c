"""Pictures of one colour: found, and as good as a factor."""

from __future__ import annotations

import io
from types import ModuleType

import numpy as np
import pytest
from msgspec.structs import replace
from PIL import Image as PillowImage

from renderer.gl.context import GraphicsContext
from renderer.gl.one_color import simplified
from renderer.gl.pictures import Level, Pixels, decode
from renderer.output.offscreen import Offscreen
from renderer.scene import Image, Material, Texture, TextureRef
from renderer.scene.material import Toon

REFERENCE = TextureRef(texture=0)
TEXTURES = (Texture(image=0),)
SLOTS = ("base_color", "metallic_roughness", "normal", "occlusion", "emissive")
TEXTURED = Material(**{f"{slot}_texture": REFERENCE for slot in SLOTS}, emissive_factor=(1.0, 0.5, 0.0))


def decoded(pixels: np.ndarray, form: str = "PNG", **options: object) -> Pixels:
    file = io.BytesIO()
    PillowImage.fromarray(pixels).save(file, form, **options)
    found = decode(Image(name="", mime_type="", data=file.getvalue()), largest=4096)
    assert found is not None
    return found


def of(*color: int) -> dict[int, Pixels | None]:
    return {0: Pixels(levels=(Level(size=(1, 1), data=bytes(4)),), color=(*color, 255))}


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_one_color_is_found_whatever_packed_it(form: str) -> None:
    pixels = np.tile(np.array((23, 180, 90), np.uint8), (40, 30, 1))
    found = decoded(pixels, form, **({"lossless": True} if form == "WEBP" else {})).color
    assert found is not None
    assert np.abs(np.array(found[:3], int) - (23, 180, 90)).max() <= 2
    assert found[3] == 255


@pytest.mark.parametrize("channel", range(4))
def test_one_texel_that_differs_makes_it_a_picture(channel: int) -> None:
    """By more than what packing does; by one step where it is alpha, which decides what is cut out."""
    pixels = np.full((64, 64, 4), 100, np.uint8)
    assert decoded(pixels).color == (100, 100, 100, 100)
    pixels[33, 17, channel] += 3 if channel < 3 else 1
    assert decoded(pixels).color is None


def test_what_packing_does_is_no_picture() -> None:
    pixels = np.full((64, 64, 3), 100, np.uint8)
    pixels[::3, ::5] += 2
    assert decoded(pixels).color == (101, 101, 101, 255)


def test_every_slot_is_multiplied_into_its_factor() -> None:
    material = replace(TEXTURED, base_color_factor=(0.5, 1.0, 1.0, 0.8), metallic_factor=0.5, roughness_factor=0.5)
    found = simplified(material, TEXTURES, of(188, 51, 0))
    assert (found.base_color_texture, found.metallic_roughness_texture, found.emissive_texture) == (None, None, None)
    assert found.base_color_factor == pytest.approx((0.5 * 0.5029, 0.0331, 0.0, 0.8), abs=1e-4)
    assert found.emissive_factor == pytest.approx((0.5029, 0.5 * 0.0331, 0.0), abs=1e-4)
    assert (found.metallic_factor, found.roughness_factor) == pytest.approx((0.0, 0.1))
    assert found.normal_texture is found.occlusion_texture is REFERENCE


def test_a_flat_normal_map_and_open_occlusion_go() -> None:
    assert simplified(TEXTURED, TEXTURES, of(128, 128, 255)).normal_texture is None
    assert simplified(TEXTURED, TEXTURES, of(255, 0, 0)).occlusion_texture is None


@pytest.mark.parametrize(
    ("material", "pictures"),
    [
        (TEXTURED, {}),
        (TEXTURED, {0: None}),
        (TEXTURED, {0: Pixels(levels=())}),
        (replace(TEXTURED, base_color_texture=TextureRef(texture=9)), {0: None}),
        (replace(TEXTURED, toon=Toon()), of(128, 128, 255)),
    ],
    ids=["not decoded", "unreadable", "many colours", "no such texture", "cartoon"],
)
def test_the_rest_stays(material: Material, pictures: dict[int, Pixels | None]) -> None:
    assert simplified(material, TEXTURES, pictures) == material


@pytest.mark.gl
def test_it_looks_as_the_picture_did(
    context: GraphicsContext, shapes: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = shapes.picture(np.tile(np.array((188, 51, 90, 255), np.uint8), (4, 4, 1)))
    material = Material(base_color_texture=REFERENCE, metallic_roughness_texture=REFERENCE)
    avatar = shapes.avatar(shapes.sphere(), materials=(material,), images=(image,))

    def drawn() -> np.ndarray:
        with Offscreen(avatar, size=(64, 64), context=context) as offscreen:
            return offscreen.frame(shapes.rest(avatar), view=shapes.FRONT, lighting=shapes.LAMP)

    by_factor = drawn()
    monkeypatch.setattr("renderer.gl.figure.simplified", lambda material, *_: material)
    by_picture = drawn()
    inside = by_picture[..., 3] == 255
    assert inside.sum() > 2500
    assert np.abs(by_factor.astype(int) - by_picture)[inside].max() <= 1
    assert np.ptp(by_factor[..., 0]) > 100
