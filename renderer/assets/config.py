"""The three configuration files of an avatar package, with the defaults and traps of the vendor's client.

Facts about the vendor's public web client 1.1.4, observed by running it. Degrees in the files, radians in what the
properties return.
"""

from __future__ import annotations

import math
from typing import TypeVar

import msgspec
import numpy as np
from msgspec import field
from numpy.typing import NDArray

from renderer.assets.issues import refusal
from renderer.maths import compose, quaternion_from_euler, quaternion_rotate
from renderer.scene.camera import Orthographic, Perspective, View
from renderer.scene.light import DirectionalLight, Shadow

GROUPS = ("hello", "idle", "listen", "speak", "think")
"""Clip groups in the order in which they follow one another in animation.glb."""

_NEAR, _FAR = 0.1, 100.0
_STEEP = 1e-3
"""Square of the level part of a direction that points up or down, more or less."""
_MOST = 1e18
"""Numbers beyond would leave single precision when two of them are multiplied."""


class Vec3(msgspec.Struct, frozen=True):
    """A vector whose parts are all required."""

    x: float
    y: float
    z: float


class CameraPosition(msgspec.Struct, frozen=True):
    """Each part has a default of its own."""

    x: float = 0.0
    y: float = 0.5
    z: float = 2.0


class CameraRotation(msgspec.Struct, frozen=True):
    """Degrees about the camera's own axes: first x, then y, then z."""

    x: float = 0.0
    y: float = 0.0
    z: float = 0.0


class MaterialParams(msgspec.Struct, frozen=True):
    """What replaces the factors of every character material; metalness is 1 where the file is silent."""

    roughness: float = 1.0
    metalness: float = 1.0
    emissive: list[float] = []


class EnvironmentParams(msgspec.Struct, frozen=True, rename="camel"):
    """Factor and rotation (degrees) of background.hdr."""

    intensity: float = 1.0
    rotation_x: float = field(default=0.0, name="rotationX")
    rotation_y: float = field(default=-60.0, name="rotationY")
    rotation_z: float = field(default=0.0, name="rotationZ")


class LightParams(msgspec.Struct, frozen=True):
    """The directional light; ``rotation`` is [h, v] in radians."""

    intensity: float = 1.0
    color: int = 0xFFFFFF
    distance: float = 10.0
    rotation: list[float] = []

    @property
    def angles(self) -> tuple[float, float]:
        """h and v: the file's only when both are non-zero, which is the client's own trap."""
        if len(self.rotation) >= 2 and self.rotation[0] and self.rotation[1]:
            return self.rotation[0], self.rotation[1]
        return 0.0, math.pi / 4

    @property
    def position(self) -> tuple[float, float, float]:
        """Where the light stands, metres; it shines at the origin."""
        h, v = self.angles
        return (
            self.distance * math.sin(h),
            self.distance * math.sin(v) * math.cos(h),
            self.distance * math.cos(v) * math.cos(h),
        )


class ShadowParams(msgspec.Struct, frozen=True, rename="camel"):
    """The light's orthographic shadow camera."""

    bias: float = -0.0005
    normal_bias: float = 0.0
    near: float = 0.1
    far: float = 25.0
    left: float = -1.5
    right: float = 1.5
    top: float = 1.5
    bottom: float = -1.5


class CharacterConfig(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """character.config.json: where the character stands, the camera, the light, the materials."""

    position: Vec3
    rotation: Vec3
    scale: Vec3
    name: str = ""
    projection_type: str = ""
    pers_fov: float = 40.0
    orth_size: float = 1.0
    cam_pos: CameraPosition = CameraPosition()
    cam_rot: CameraRotation = CameraRotation()
    is_unlit: bool = False
    use_live2d: bool = field(default=False, name="useLive2dBS")
    enable_shadow: bool = False
    physical_material_params: MaterialParams = MaterialParams()
    environment: EnvironmentParams = field(default=EnvironmentParams(), name="enviromentMap")
    directional_light: LightParams = LightParams()
    shadow_map: ShadowParams = ShadowParams()

    @property
    def placement(self) -> NDArray[np.float32]:
        """``(4, 4)``: what moves the whole character to its place."""
        p, r, s = self.position, self.rotation, self.scale
        return compose(
            np.array((p.x, p.y, p.z)), quaternion_from_euler(np.radians((r.x, r.y, r.z))), np.array((s.x, s.y, s.z))
        )

    @property
    def orientation(self) -> NDArray[np.float32]:
        """``(4,)``: the camera's rotation from looking along -Z."""
        return quaternion_from_euler(np.radians((self.cam_rot.x, self.cam_rot.y, self.cam_rot.z)))

    @property
    def view(self) -> View:
        """The camera; anything but ``"perspective"`` is orthographic, also silence.

        The files know no target: it lies on the line of sight where that passes the character's upright axis, so that
        a turntable, or a hand that turns the camera, goes around the character.
        """
        eye = np.array((self.cam_pos.x, self.cam_pos.y, self.cam_pos.z))
        forward = quaternion_rotate(self.orientation, np.array((0.0, 0.0, -1.0)))
        ahead = eye + forward * self._reach(eye, forward)
        up = quaternion_rotate(self.orientation, np.array((0.0, 1.0, 0.0)))
        projection: Perspective | Orthographic
        if self.projection_type == "perspective":
            projection = Perspective(yfov=math.radians(self.pers_fov), znear=_NEAR, zfar=_FAR)
        else:
            projection = Orthographic(height=self.orth_size, znear=_NEAR, zfar=_FAR)
        return View(eye=_triple(eye), target=_triple(ahead), up=_triple(up), projection=projection)

    def _reach(self, eye: NDArray[np.float64], forward: NDArray[np.float32]) -> float:
        """Metres along the line of sight to where it is nearest to the character's axis; 1 where it never is."""
        flat = forward[[0, 2]].astype(np.float64)
        level = float(flat @ flat)
        if level < _STEEP:
            return 1.0
        reach = float(flat @ (np.array((self.position.x, self.position.z)) - eye[[0, 2]])) / level
        return reach if _NEAR < reach < _FAR else 1.0

    @property
    def key_light(self) -> DirectionalLight:
        """The directional light, with its colour made linear."""
        light = self.directional_light
        towards = np.array(light.position)
        length = float(np.linalg.norm(towards))
        code = light.color & 0xFFFFFF
        red, green, blue = (_linear((code >> shift & 0xFF) / 255.0) for shift in (16, 8, 0))
        return DirectionalLight(
            direction=_triple(towards / length) if length > 0.0 else (0.0, 0.0, 1.0),
            color=(red, green, blue),
            intensity=light.intensity,
            shadow=self.shadow if self.enable_shadow else None,
        )

    @property
    def shadow(self) -> Shadow:
        """What the directional light's shadow is drawn with, where there is one."""
        given = self.shadow_map
        return Shadow(
            distance=self.directional_light.distance,
            near=given.near,
            far=given.far,
            left=given.left,
            right=given.right,
            bottom=given.bottom,
            top=given.top,
            bias=given.bias,
            normal_bias=given.normal_bias,
        )

    @property
    def emissive(self) -> tuple[float, float, float] | None:
        """What replaces every emissive factor: a list of two or more numbers; None leaves the file's."""
        given = self.physical_material_params.emissive
        if len(given) < 2:
            return None
        return given[0], given[1], given[2] if len(given) > 2 else 0.0


class GroupConfig(msgspec.Struct, frozen=True, rename="camel"):
    """How many clips a group has, and whether they are start, loop and end."""

    is_group: bool = False
    size: int = 0


class AnimationConfig(msgspec.Struct, frozen=True, kw_only=True):
    """animation.config.json; all five groups are required."""

    hello: GroupConfig
    idle: GroupConfig
    listen: GroupConfig
    speak: GroupConfig
    think: GroupConfig

    @property
    def chained(self) -> frozenset[str]:
        """Groups whose clips are a start, a loop and an end rather than alternatives."""
        return frozenset(name for name in GROUPS if getattr(self, name).is_group)

    def indices(self, clips: int) -> dict[str, tuple[int, ...]]:
        """Group to clip indices: groups follow one another in the file's order; at most ``clips`` exist.

        A group without clips falls back on idle's, idle on the first clip there is. (The vendor's client stops with
        an exception where speak or idle have none.)
        """
        result: dict[str, tuple[int, ...]] = {}
        begin = 0
        for name in GROUPS:
            size = max(0, getattr(self, name).size)
            result[name] = tuple(range(min(begin, clips), min(begin + size, clips)))
            begin += size
        if not result["idle"]:
            result["idle"] = next((found for found in result.values() if found), tuple(range(min(clips, 1))))[:1]
        return {name: found or (() if name == "hello" else result["idle"]) for name, found in result.items()}


class MotionConfig(msgspec.Struct, frozen=True, kw_only=True):
    """motion.config.json: value * scale + offset for the channels that have both."""

    offset: dict[str, float]
    scale: dict[str, float]

    def apply(self, name: str, value: float) -> float:
        """A face channel's value as this avatar wants it, before clamping to 0..1."""
        if name in self.offset and name in self.scale:
            return value * self.scale[name] + self.offset[name]
        return value


class WebInfo(msgspec.Struct, frozen=True):
    """The part of metaInfo.json that is read."""

    encrypt_list: list[str] = []


class MetaInfo(msgspec.Struct, frozen=True):
    """metaInfo.json."""

    web: WebInfo = WebInfo()


Config = TypeVar("Config")


def read_config(data: bytes, kind: type[Config], *, where: str) -> Config:
    """A configuration file, typed. Raises AssetError ``config.malformed``."""
    try:
        result = msgspec.json.decode(data.removeprefix(b"\xef\xbb\xbf"), type=kind, strict=False)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        reason = str(error) if isinstance(error, msgspec.DecodeError) else "not readable as JSON"
        raise refusal("config.malformed", reason, where=where) from error
    if not _finite(msgspec.to_builtins(result)):
        raise refusal("config.malformed", "a number is not finite, or too large to be drawn with", where=where)
    return result


def _finite(value: object) -> bool:
    if isinstance(value, dict):
        return all(_finite(part) for part in value.values())
    if isinstance(value, list | tuple):
        return all(_finite(part) for part in value)
    return not isinstance(value, float) or abs(value) <= _MOST


def _linear(srgb: float) -> float:
    """sRGB transfer, display to linear (IEC 61966-2-1)."""
    return srgb / 12.92 if srgb <= 0.04045 else float(((srgb + 0.055) / 1.055) ** 2.4)


def _triple(vector: NDArray[np.float64] | NDArray[np.float32]) -> tuple[float, float, float]:
    return float(vector[0]), float(vector[1]), float(vector[2])
