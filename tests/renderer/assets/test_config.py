"""The package's configuration: worked examples that were measured on the vendor's client."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

from renderer.assets.config import AnimationConfig, CharacterConfig, LightParams, MotionConfig, read_config
from renderer.errors import AssetError
from renderer.maths import look_at, quaternion_to_matrix
from renderer.scene import Orthographic, Perspective, Shadow

PLACE = {axis: {"x": 0, "y": 0, "z": 0} for axis in ("position", "rotation")} | {"scale": {"x": 1, "y": 1, "z": 1}}


def character(**parts: Any) -> CharacterConfig:
    return read_config(json.dumps({**PLACE, **parts}).encode(), CharacterConfig, where="character.config.json")


def test_the_measured_example() -> None:
    config = character(
        name="demo",
        projectionType="perspective",
        camRot={"x": 10, "y": 20, "z": 30},
        directionalLight={"intensity": 1, "rotation": [0, 0.5], "distance": 7, "color": 16711680},
    )
    assert config.view.projection == Perspective(yfov=math.radians(40), znear=0.1, zfar=100.0)
    assert config.view.eye == (0.0, 0.5, 2.0)
    assert config.orientation == pytest.approx((0.12768, 0.14488, 0.26854, 0.94371), abs=1e-5)
    assert config.directional_light.position == pytest.approx((0, 4.950, 4.950), abs=1e-3)
    assert config.key_light.color == (1.0, 0.0, 0.0)
    assert not config.enable_shadow
    assert (config.physical_material_params.roughness, config.physical_material_params.metalness) == (1.0, 1.0)
    turn = look_at(config.view.eye, config.view.target, config.view.up)[:3, :3].T
    assert np.allclose(turn, quaternion_to_matrix(config.orientation), atol=1e-6)


@pytest.mark.parametrize(
    ("rotation", "position"),
    [
        ([0.5, 0.6], (4.794, 4.955, 7.243)),
        ([0, 0.5], (0, 7.071, 7.071)),
        ([0.5, 0], (0, 7.071, 7.071)),
        ([], (0, 7.071, 7.071)),
    ],
)
def test_light_positions(rotation: list[float], position: tuple[float, ...]) -> None:
    assert LightParams(rotation=rotation).position == pytest.approx(position, abs=1e-3)


def test_what_silence_means() -> None:
    config = character()
    assert config.view.projection == Orthographic(height=1.0, znear=0.1, zfar=100.0)
    assert config.environment.rotation_y == -60.0
    assert (config.shadow_map.bias, config.shadow_map.far, config.shadow_map.left) == (-0.0005, 25.0, -1.5)
    assert config.emissive is None
    assert character(projectionType="Perspective").view.projection == config.view.projection
    assert character(camPos={"y": 1.5}).view.eye == (0.0, 1.5, 2.0)
    assert character(enviromentMap={"rotationX": 5}).environment.rotation_x == 5.0
    assert character(physicalMaterialParams={"emissive": [0.5]}).emissive is None
    assert character(physicalMaterialParams={"emissive": [0.5, 0.25]}).emissive == (0.5, 0.25, 0.0)


def test_a_shadow_needs_the_file_to_ask_for_it() -> None:
    assert character(shadowMap={"bias": -0.01}).key_light.shadow is None
    shadow = character(enableShadow=True, directionalLight={"distance": 3}).key_light.shadow
    assert shadow == Shadow(
        strength=1.5,
        distance=3.0,
        near=0.1,
        far=25.0,
        left=-1.5,
        right=1.5,
        bottom=-1.5,
        top=1.5,
        bias=-0.0005,
        normal_bias=0.0,
        resolution=1024,
    )


@pytest.mark.parametrize(
    ("key", "field"),
    [
        ("bias", "bias"),
        ("normalBias", "normal_bias"),
        ("near", "near"),
        ("far", "far"),
        ("left", "left"),
        ("right", "right"),
        ("top", "top"),
        ("bottom", "bottom"),
    ],
)
def test_every_number_of_the_shadow_is_the_files(key: str, field: str) -> None:
    assert getattr(character(shadowMap={key: 0.75}).shadow, field) == 0.75


def test_placement_is_euler_xyz_in_degrees() -> None:
    config = character(
        position={"x": 1, "y": 2, "z": 3}, rotation={"x": 90, "y": 0, "z": 90}, scale={"x": 2, "y": 2, "z": 2}
    )
    # z first (x to y), then x (y to z).
    assert np.allclose(config.placement @ (1, 0, 0, 1), (1, 2, 5, 1), atol=1e-5)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff",
        b'{"position":{"x":0,"y":0}}',
        b"[" * 100_000,
        json.dumps({**PLACE, "persFov": {}}).encode(),
        json.dumps({**PLACE, "scale": {"x": 1, "y": -1e308, "z": 1}}).encode(),  # infinite in single precision
        json.dumps({**PLACE, "persFov": 1e39}).encode(),
    ],
)
def test_malformed(text: bytes) -> None:
    with pytest.raises(AssetError) as caught:
        read_config(text, CharacterConfig, where="character.config.json")
    assert (caught.value.code, caught.value.where) == ("config.malformed", "character.config.json")


def groups(**sizes: int) -> AnimationConfig:
    return read_config(
        json.dumps(
            {
                name: {"isGroup": False, "size": sizes.get(name, 0)}
                for name in ("hello", "idle", "listen", "speak", "think")
            }
        ).encode(),
        AnimationConfig,
        where="",
    )


def test_groups_follow_one_another() -> None:
    assert groups(hello=1, idle=2, listen=3, speak=2, think=1).indices(10) == {
        "hello": (0,),
        "idle": (1, 2),
        "listen": (3, 4, 5),
        "speak": (6, 7),
        "think": (8,),
    }


def test_missing_groups_fall_back_and_sizes_are_cut() -> None:
    assert groups(idle=2).indices(2) == {
        "hello": (),
        "idle": (0, 1),
        "listen": (0, 1),
        "speak": (0, 1),
        "think": (0, 1),
    }
    assert groups(speak=2).indices(2)["idle"] == (0,)
    assert groups(idle=1, speak=9).indices(3)["speak"] == (1, 2)
    assert groups(idle=1).indices(0)["idle"] == ()


def test_motion_config_needs_both_numbers() -> None:
    motion = read_config(
        b'{"offset":{"jawOpen":0.1,"cheekPuff":0.1},"scale":{"jawOpen":2}}', MotionConfig, where="motion.config.json"
    )
    assert motion.apply("jawOpen", 0.4) == pytest.approx(0.9)
    assert motion.apply("cheekPuff", 0.3) == 0.3
    assert motion.apply("mouthLeft", 0.3) == 0.3


def test_the_camera_looks_at_the_character_so_that_it_can_be_led_around_it() -> None:
    def target(**parts: Any) -> tuple[float, float, float]:
        return character(**parts).view.target

    assert target(camPos={"y": 1.5, "z": 4.0}) == pytest.approx((0.0, 1.5, 0.0))
    assert target(camPos={"x": 0.5, "y": 1.5, "z": 4.0}) == pytest.approx((0.5, 1.5, 0.0))  # it stands at the side
    assert target(camPos={"z": 4.0}, position={"x": 0, "y": 0, "z": 1}) == pytest.approx((0.0, 0.5, 1.0))
    pitched = target(camPos={"y": 1.0, "z": 3.0}, camRot={"x": -10})
    assert pitched == pytest.approx((0.0, 1.0 - 3.0 * math.tan(math.radians(10)), 0.0), abs=1e-5)
    # From above, and looking away, there is no such place.
    assert target(camPos={"y": 3.0, "z": 0.0}, camRot={"x": -90}) == pytest.approx((0.0, 2.0, 0.0), abs=1e-6)
    assert target(camPos={"z": 4.0}, camRot={"y": 180}) == pytest.approx((0.0, 0.5, 5.0), abs=1e-5)
