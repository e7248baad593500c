"""An avatar file as an open avatar package: the files that a platform hands out, before they are sealed."""

from __future__ import annotations

import io
import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from renderer.animation.clip import Channel, Clip, Interpolation
from renderer.animation.gestures import GROUPS
from renderer.animation.humanoid import humanoid_clips
from renderer.animation.pose import Pose
from renderer.animation.sampler import ClipSampler
from renderer.assets.character_glb import character_glb
from renderer.assets.glb_writer import write_glb
from renderer.assets.load import load
from renderer.assets.radiance import gradient_hdr
from renderer.errors import AssetError
from renderer.scene import Avatar, Environment, Mesh, Mode, MorphTarget, Node, Primitive
from renderer.scene.framing import frame_avatar

Json = dict[str, Any]

WORDS: dict[str, tuple[str, ...]] = {
    "hello": ("hello", "greet", "wave", "welcome"),
    "idle": ("idle", "stand", "breath", "rest"),
    "listen": ("listen",),
    "speak": ("speak", "talk", "say", "explain"),
    "think": ("think", "ponder"),
}
"""Words in a clip's name by which it is taken for a group's."""

PORTRAIT = (720, 1280)
GRADIENT = ((226, 234, 243), (158, 178, 200))
"""sRGB of the demo background, top and bottom."""
SURROUNDINGS = Environment(sky=(0.75, 0.80, 0.89), horizon=(0.46, 0.46, 0.48), ground=(0.20, 0.18, 0.17))
"""A bright room: without a ``background.hdr`` a package's avatar is lit from one side alone."""
POSES, SOON = 4, 3.0
"""The camera is fitted to so many poses of this many seconds at the start of greeting and idling."""


def package_files(source: Path | bytes, *, name: str) -> dict[str, bytes]:
    """Package files by name, without a folder: ``character.glb``, ``animation.glb``, ``character.config.json``,
    ``animation.config.json``, ``motion.config.json``, ``metaInfo.json``, ``background.png``.

    Clips come from the file where it has any that move, sorted into the five groups by their names; groups that stay
    empty are filled with made ones where the avatar is a humanoid, and with the idle clips otherwise.

    Args:
        source: a .glb or .vrm, as a path or its bytes.
        name: label in the configs.

    Raises:
        AssetError: the file cannot be read as an avatar.
    """
    data = source if isinstance(source, bytes) else _read(source)
    where = name if isinstance(source, bytes) else str(source)
    asset = load(data, name=where)
    character, params = character_glb(data, where=where)
    groups = clip_groups(asset.avatar, asset.clips)
    clips = tuple(clip for group in GROUPS for clip in groups[group])
    sizes = {group: {"isGroup": False, "size": len(groups[group])} for group in GROUPS}
    names = [{"name": clip.name} for clip in clips]
    return {
        "metaInfo.json": _json({"name": name, "web": {"encrypt_list": ["character.glb"]}}),
        "character.config.json": _json(
            _character_config(asset.avatar, (*groups["hello"][:1], groups["idle"][0]), name, params)
        ),
        "animation.config.json": _json(sizes | {"other": names}),
        "motion.config.json": _json({"offset": {}, "scale": {}}),
        "character.glb": character,
        "animation.glb": write_glb(_bones_only(asset.avatar, name), clips=clips),
        "background.png": gradient_png(GRADIENT[0], GRADIENT[1], PORTRAIT),
        "background.hdr": gradient_hdr(SURROUNDINGS),
    }


def clip_groups(avatar: Avatar, clips: tuple[Clip, ...]) -> dict[str, tuple[Clip, ...]]:
    """Every group's clips; idle is never empty."""
    moving = [clip for clip in clips if _moves(clip)]
    named: dict[str, list[Clip]] = {group: [] for group in GROUPS}
    spare: list[Clip] = []
    for clip in moving:
        words = re.sub(r"[^a-z]", " ", clip.name.lower())
        group = next((g for g in GROUPS if any(word in words for word in WORDS[g])), None)
        (spare if group is None else named[group]).append(clip)
    if not named["idle"]:
        named["idle"] = spare
    made = humanoid_clips(avatar, groups=[group for group in GROUPS if not named[group]], thin=True)
    groups = {group: tuple(named[group]) or made.get(group, ()) for group in GROUPS}
    if not groups["idle"]:
        groups["idle"] = tuple(moving[:1]) or (_stillness(avatar),)
    if not groups["speak"]:
        groups["speak"] = groups["idle"]
    return groups


def gradient_png(
    top: tuple[int, int, int], bottom: tuple[int, int, int], size: tuple[int, int], *, seed: int = 1
) -> bytes:
    """A soft vertical gradient; noise of less than one step keeps it free of bands."""
    width, height = size
    share = np.linspace(0.0, 1.0, height)[:, None, None] ** 1.2
    ramp = np.array(top) * (1 - share) + np.array(bottom) * share
    noise = np.random.default_rng(seed).uniform(-0.5, 0.5, (height, 64, 1))  # a narrow tile, repeated: it compresses
    tiled = np.tile(ramp + noise, (1, -(-width // 64), 1))[:, :width]
    out = io.BytesIO()
    Image.fromarray(np.rint(tiled).astype(np.uint8)).save(out, "PNG", compress_level=6)
    return out.getvalue()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        reason = error.strerror or "cannot be read"
        raise AssetError(
            f"the avatar file cannot be read: {reason}", code="source.unreadable", where=str(path)
        ) from error


def _json(value: Json) -> bytes:
    return json.dumps(value, indent=1, ensure_ascii=False).encode() + b"\n"


def _character_config(avatar: Avatar, clips: tuple[Clip, ...], name: str, params: Json) -> Json:
    width, height = PORTRAIT
    view = frame_avatar(avatar, _worlds(avatar, clips), aspect=width / height)
    ahead = np.subtract(view.target, view.eye)
    pitch = math.degrees(math.atan2(ahead[1], math.hypot(ahead[0], ahead[2])))
    fov = math.degrees(getattr(view.projection, "yfov", math.radians(30)))
    return {
        "name": name,
        "position": _xyz(0, 0, 0),
        "rotation": _xyz(0, 0, 0),
        "scale": _xyz(1, 1, 1),
        "projectionType": "perspective",
        "persFov": round(fov, 3),
        "camPos": _xyz(*view.eye),
        "camRot": _xyz(pitch, 0, 0),
        "isUnlit": False,
        "useLive2dBS": False,
        "enableShadow": False,
        "physicalMaterialParams": params,
        "enviromentMap": {"intensity": 1, "rotationX": 0, "rotationY": -60, "rotationZ": 0},
        "directionalLight": {"intensity": 2.2, "color": 0xFFF6EC, "distance": 10, "rotation": [0.45, 0.6]},
    }


def _worlds(avatar: Avatar, clips: tuple[Clip, ...]) -> list[NDArray[np.float32]]:
    """World matrices ``(nodes, 4, 4)`` of poses soon after the start of each clip: a resting T-pose is wider than what
    will be seen, and a dance may go anywhere later.
    """
    found = []
    for clip in clips:
        sampler = ClipSampler(clip)
        for time in np.arange(POSES) / POSES * min(clip.duration, SOON):
            pose = Pose.rest(avatar)
            sampler.apply(pose, float(time))
            found.append(pose.world(avatar).copy())
    return found


def _xyz(x: float, y: float, z: float) -> Json:
    return {axis: round(float(value), 5) + 0.0 for axis, value in zip("xyz", (x, y, z), strict=True)}


def _moves(clip: Clip) -> bool:
    return clip.duration > 0.1 and any(
        np.ptp(channel.values, axis=0).max(initial=0) > 1e-5 for channel in clip.channels
    )


def _stillness(avatar: Avatar) -> Clip:
    """A clip that holds the resting pose: a package must have at least one."""
    root = avatar.roots[0]
    node = avatar.nodes[root]
    rest = np.repeat(node.rotation[None], 2, axis=0).astype(np.float32)
    times = np.array([0.0, 1.0], np.float32)
    channel = Channel(
        node=root,
        node_name=node.name,
        path="rotation",
        interpolation=Interpolation.LINEAR,
        times=times,
        values=rest,
    )
    return Clip(name="idle", duration=1.0, channels=(channel,))


def _bones_only(avatar: Avatar, name: str) -> Avatar:
    """The node hierarchy. Nodes with morph weights keep a single point with as many targets: glTF lets weights be
    animated only where there is a mesh to have them.
    """
    meshes: list[Mesh] = []
    places: dict[int, int] = {}
    nodes: list[Node] = []
    for node in avatar.nodes:
        mesh = -1
        if node.mesh >= 0 and len(avatar.meshes[node.mesh].weights):
            if node.mesh not in places:
                places[node.mesh] = len(meshes)
                meshes.append(_point(avatar.meshes[node.mesh]))
            mesh = places[node.mesh]
        bare = Node(
            name=node.name,
            parent=node.parent,
            children=node.children,
            translation=node.translation,
            rotation=node.rotation,
            scale=node.scale,
            matrix=node.matrix,
            mesh=mesh,
        )
        nodes.append(bare)
    return Avatar(name=name, nodes=tuple(nodes), roots=avatar.roots, order=avatar.order, meshes=tuple(meshes))


def _point(mesh: Mesh) -> Mesh:
    origin: NDArray[np.float32] = np.zeros((1, 3), np.float32)
    targets = tuple(MorphTarget(positions=origin) for _ in mesh.weights)
    point = Primitive(positions=origin, mode=Mode.POINTS, targets=targets)
    return Mesh(name=mesh.name, primitives=(point,), weights=mesh.weights, target_names=mesh.target_names)
