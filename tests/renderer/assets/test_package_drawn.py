"""Each key of an avatar package, as it is seen: facts that were measured on the vendor's client."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image

from renderer.assets import load_package
from renderer.gl.context import GraphicsContext, headless
from renderer.output.offscreen import Offscreen
from renderer.output.show import show
from renderer.scene import Background

pytestmark = pytest.mark.gl

PLACE = {axis: {"x": 0, "y": 0, "z": 0} for axis in ("position", "rotation")} | {"scale": {"x": 1, "y": 1, "z": 1}}
AHEAD = {"camPos": {"x": 0, "y": 0, "z": 2}, "orthSize": 2}
"""A camera that looks straight at the origin and sees from -1 to 1."""

MATTE = {"physicalMaterialParams": {"roughness": 1, "metalness": 0}}
FACING = {"directionalLight": {"intensity": 1, "rotation": [1e-6, 1e-6]}}
DARK = {"directionalLight": {"intensity": 0}}
MIDDLE = (32, 32)


@pytest.fixture(scope="module")
def drawing() -> Any:
    context = headless()
    yield context
    context.release()


def encoded(color: tuple[int, int, int], size: tuple[int, int] = (2, 2)) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", size, color).save(stream, "PNG")
    return stream.getvalue()


def wall(kind: type[Any], *, texture: bytes | None = None, at: float = 0.0, **material: Any) -> bytes:
    """A square of one metre that faces the camera, ``at`` metres ahead of the origin."""
    made = kind()
    points = np.array([[-0.5, -0.5, at], [0.5, -0.5, at], [0.5, 0.5, at], [-0.5, 0.5, at]], np.float32)
    normals = np.tile(np.array([[0, 0, 1]], np.float32), (4, 1))
    square = {
        "attributes": {
            "POSITION": made.add(points),
            "NORMAL": made.add(normals),
            "TEXCOORD_0": made.add(np.zeros((4, 2), np.float32)),
        },
        "indices": made.add(np.array([0, 1, 2, 0, 2, 3], np.uint16)),
        "material": 0,
    }
    if texture is not None:
        made.json["images"] = [{"bufferView": made.view(texture), "mimeType": "image/png"}]
        made.json["textures"] = [{"source": 0}]
    made.show(square)
    made.json["materials"] = [material]
    return bytes(made.glb())


Draw = Callable[..., np.ndarray]


@pytest.fixture
def draw(files: dict[str, bytes], gltf: Any, drawing: GraphicsContext) -> Draw:
    """Draws the package with this character, configuration and more files."""

    def drawn(
        config: dict[str, Any],
        *,
        character: bytes | None = None,
        more: dict[str, bytes] | None = None,
        **options: Any,
    ) -> np.ndarray:
        chosen = {
            **files,
            "character.glb": character or wall(type(gltf)),
            "character.config.json": json.dumps({**PLACE, **AHEAD, **MATTE, **config}).encode(),
            "animation.glb": still(gltf),
            **(more or {}),
        }
        asset = load_package(chosen)
        shown = show(asset, aspect=1.0, **options)
        shot = shown.shot(0.0)
        with Offscreen(asset.avatar, size=(64, 64), samples=0, context=drawing) as offscreen:
            return offscreen.frame(
                shot.pose, view=shot.view, lighting=shot.lighting, background=shot.background, look=shot.look
            )

    return drawn


def still(gltf: Any) -> bytes:
    """A file of clips that move nothing of the character."""
    made = type(gltf)()
    times = made.add(np.array([0, 1], np.float32))
    values = made.add(np.zeros((2, 3), np.float32))
    made.json["nodes"] = [{"name": "nobody"}]
    made.json["animations"] = [
        {
            "name": name,
            "samplers": [{"input": times, "output": values}],
            "channels": [{"sampler": 0, "target": {"node": 0, "path": "translation"}}],
        }
        for name in ("a", "b")
    ]
    return bytes(made.glb())


def near(pixel: np.ndarray, color: tuple[int, ...], off: int = 2) -> bool:
    return int(np.abs(pixel[: len(color)].astype(int) - color).max()) <= off


def test_a_white_surface_that_faces_the_light(draw: Draw) -> None:
    assert near(draw(FACING)[MIDDLE], (169, 169, 169, 255))
    assert near(draw({"directionalLight": {"intensity": np.pi, "rotation": [1e-6, 1e-6]}})[MIDDLE], (227,) * 3)


@pytest.mark.parametrize(
    ("emissive", "out"),
    [([1, 1, 1], (226, 226, 226)), ([1, 0.5, 0.25], (230, 199, 163)), ([0.05, 0.6, 3], (160, 208, 248))],
)
def test_emissive_replaces_the_factor_and_is_tone_mapped(
    draw: Draw, emissive: list[float], out: tuple[int, ...]
) -> None:
    params = {"roughness": 1, "metalness": 0, "emissive": emissive}
    assert near(draw({**DARK, "physicalMaterialParams": params})[MIDDLE], out)


def test_without_metalness_everything_is_metal(draw: Draw) -> None:
    """A rough metal reflects no diffuse light: the surface is far darker than a matte one."""
    metal = draw({**FACING, "physicalMaterialParams": {"roughness": 1}})[MIDDLE]
    matte = draw(FACING)[MIDDLE]
    assert int(metal[0]) != int(matte[0])
    assert np.array_equal(metal, draw({**FACING, "physicalMaterialParams": {"roughness": 1, "metalness": 1}})[MIDDLE])


def test_the_light_s_colour_is_a_24_bit_srgb_number(draw: Draw) -> None:
    red = draw({"directionalLight": {"intensity": 1, "rotation": [1e-6, 1e-6], "color": 0xFF0000}})[MIDDLE]
    assert int(red[0]) > 150
    assert max(int(red[1]), int(red[2])) < 80


def test_a_light_without_one_of_its_angles_stands_as_if_it_had_none(draw: Draw) -> None:
    pictures = [draw({"directionalLight": {"rotation": rotation}}) for rotation in ([], [0, 0.5], [0.5, 0], [1.0, 0.5])]
    assert np.array_equal(pictures[0], pictures[1])
    assert np.array_equal(pictures[0], pictures[2])
    assert not np.array_equal(pictures[0], pictures[3])


def test_silence_about_the_projection_is_orthographic(draw: Draw) -> None:
    """A square of one metre fills half of a view two metres high, however far away it is."""
    widths = []
    for config in ({}, {"projectionType": "orthographic"}, {"projectionType": "Perspective"}):
        for distance in (2, 6):
            picture = draw({**config, "camPos": {"x": 0, "y": 0, "z": distance}}, background=Background())
            widths.append(int((picture[32, :, 3] > 0).sum()))
    assert widths == [32] * 6
    perspective = draw({"projectionType": "perspective", "persFov": 40}, background=Background())
    assert int((perspective[32, :, 3] > 0).sum()) == pytest.approx(64 / (2 * 2 * np.tan(np.radians(20))), abs=1.5)


def test_the_camera_turns_about_its_own_axes_x_then_y_then_z(draw: Draw) -> None:
    up = draw({"camRot": {"x": 20, "y": 0, "z": 0}}, background=Background())[..., 3] > 0
    left = draw({"camRot": {"x": 0, "y": 20, "z": 0}}, background=Background())[..., 3] > 0
    tilted = draw({"camRot": {"x": 0, "y": 0, "z": 45}}, background=Background())[..., 3] > 0
    assert np.nonzero(up)[0].mean() > 40, "looking up, the wall goes down"
    assert np.nonzero(left)[1].mean() > 40, "looking to the left, it goes to the right"
    assert tilted[32].sum() > 40, "a diagonal is longer than a side"


def test_position_rotation_and_scale_of_the_character(draw: Draw) -> None:
    seen = draw(
        {
            "position": {"x": 0.5, "y": 0, "z": 0},
            "rotation": {"x": 0, "y": 0, "z": 90},
            "scale": {"x": 1, "y": 0.5, "z": 1},
        },
        background=Background(),
    )
    rows, columns = np.nonzero(seen[..., 3])
    assert (rows.max() - rows.min() + 1, columns.max() - columns.min() + 1) == (32, 16)
    assert columns.mean() == pytest.approx(47.5, abs=1)


def test_an_unlit_character_shows_the_bytes_of_its_texture(draw: Draw, gltf: Any) -> None:
    color = (200, 90, 31)
    textured = {
        "pbrMetallicRoughness": {"baseColorTexture": {"index": 0}, "baseColorFactor": [0.5, 0.5, 0.5, 1]},
        "alphaMode": "MASK",
        "alphaCutoff": 0.9,
    }
    character = wall(type(gltf), texture=encoded(color), **textured)
    assert near(draw({**DARK, "isUnlit": True}, character=character)[MIDDLE], (*color, 255), off=0)
    emissive = wall(type(gltf), texture=encoded(color), emissiveTexture={"index": 0})
    assert near(draw({**DARK, "isUnlit": True}, character=emissive)[MIDDLE], (*color, 255), off=0)
    assert near(draw({**DARK, "isUnlit": True})[MIDDLE], (255, 255, 255, 255), off=0)


def striped(size: tuple[int, int]) -> bytes:
    """Red at the left fifth, blue at the right fifth, else green."""
    width, height = size
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, :, 1] = 123
    pixels[:, : width // 5] = (201, 0, 0)
    pixels[:, -(width // 5) :] = (0, 0, 202)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def table() -> bytes:
    """A colour table that turns everything black."""
    return encoded((0, 0, 0), (256, 16))


def test_a_picture_covers_the_frame_centred_and_is_neither_toned_nor_graded(draw: Draw) -> None:
    more = {"background.png": striped((50, 50)), "lut.png": table()}
    picture = draw(
        {**DARK, "physicalMaterialParams": {"roughness": 1, "metalness": 0, "emissive": [1, 1, 1]}}, more=more
    )
    assert near(picture[2, 2], (201, 0, 0, 255), off=1)
    assert near(picture[2, 32], (0, 123, 0, 255), off=1)
    assert near(picture[2, 61], (0, 0, 202, 255), off=1)
    assert int(picture[MIDDLE][:3].max()) < 100, "the table holds for the character"
    wide = draw(DARK, more={"background.png": striped((100, 20))})
    assert near(wide[2, 2], (0, 123, 0, 255), off=1), "of a wide picture only the middle is seen"


def test_the_background_can_be_left_out_or_replaced(draw: Draw) -> None:
    more = {"background.png": striped((50, 50))}
    assert draw(DARK, more=more, background=Background())[2, 2].tolist() == [0, 0, 0, 0]
    grey = Background(top_srgb=(0.5, 0.5, 0.5), bottom_srgb=(0.5, 0.5, 0.5))
    assert near(draw(DARK, more=more, background=grey)[2, 2], (128, 128, 128, 255), off=1)


def test_a_3d_background_is_half_as_large_keeps_its_material_and_is_not_graded(draw: Draw, gltf: Any) -> None:
    room = wall(type(gltf), at=-1.0, emissiveFactor=[1, 1, 1], pbrMetallicRoughness={"baseColorFactor": [0, 0, 0, 1]})
    more = {
        "background.glb": room,
        "metaInfo.json": b'{"web":{"encrypt_list":["background.glb"]}}',
        "lut.png": table(),
    }
    nowhere = {"position": {"x": 9, "y": 0, "z": 0}}
    picture = draw({**DARK, **nowhere}, more=more, background=Background())
    rows, columns = np.nonzero(picture[..., 3])
    assert (rows.max() - rows.min() + 1, columns.max() - columns.min() + 1) == (16, 16)
    assert near(picture[MIDDLE], (226, 226, 226, 255))


def test_a_shadow_is_cast_on_the_3d_background_where_the_file_and_the_caller_want_it(draw: Draw, gltf: Any) -> None:
    """The light stands above and in front, so the shadow of a wall falls lower on a large one behind it."""
    room = wall(type(gltf), at=-0.5, pbrMetallicRoughness={"metallicFactor": 0})
    more = {"background.glb": room, "metaInfo.json": b'{"web":{"encrypt_list":["background.glb"]}}'}
    small = {
        "scale": {"x": 0.2, "y": 0.2, "z": 0.2},
        "position": {"x": 0, "y": 0.12, "z": 0},
        "shadowMap": {"bias": -0.001},
    }
    both = {"character": wall(type(gltf), doubleSided=True), "more": more, "background": Background()}
    shaded = draw({**small, "enableShadow": True}, **both)
    plain = draw({**small, "enableShadow": True}, shadows=False, **both)
    silent = draw(small, **both)
    assert np.array_equal(plain, silent), "silence is no shadow, and so is the caller's wish"
    darker = (plain[..., 0].astype(int) - shaded[..., 0].astype(int)) > 20
    assert darker.sum() > 10
    assert np.nonzero(darker)[0].mean() > 32, "it falls below the middle"


def test_the_surroundings_light_with_the_intensity_of_the_file(draw: Draw) -> None:
    hdr = b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 4 +X 8\n" + bytes((128, 128, 128, 128)) * 32
    levels = [
        int(draw({**DARK, "enviromentMap": {"intensity": amount}}, more={"background.hdr": hdr})[MIDDLE][0])
        for amount in (0, 0.5, 1)
    ]
    assert levels[0] < 5
    assert levels[0] < levels[1] < levels[2]
    assert levels[2] == int(draw(DARK, more={"background.hdr": hdr})[MIDDLE][0]), "silence is 1"


def test_a_live2d_face_gets_the_thirteen_channels_instead(files: dict[str, bytes], gltf: Any) -> None:
    deltas = gltf.add(np.ones((3, 3), np.float32))
    names = ["jawOpen", "l2MouthOpen", "l2MouthFormR"]
    gltf.show({**gltf.triangle(), "targets": [{"POSITION": deltas}] * 3}, extras={"targetNames": names})
    files = {**files, "character.glb": gltf.glb()}
    for live2d, weights in ((True, [0, 0.5, 0.5]), (False, [0.5, 0, 0])):
        files["character.config.json"] = json.dumps({**PLACE, "useLive2dBS": live2d}).encode()
        asset = load_package(files)
        pose = show(asset, aspect=1.0, expressions={"jawOpen": 0.5}).shot(0.0).pose
        assert next(iter(pose.weights.values())).tolist() == pytest.approx(weights)
