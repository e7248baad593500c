"""The platform's seven camera positions and three angles, placed from the avatar's own bones or bounds.

Everything is measured on the avatar, so that a child, a giant and a cat fit the picture alike. ``Locate``: 0 full
body near, 1 head close-up, 2 full body far, 3 half body near, 4 half body far, 5 half body in the left half of the
picture, 6 in the right half. ``Angle``: 0 from the front, 1 from 30 degrees to the viewer's left, 2 to the right.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from renderer.scene.avatar import Avatar
from renderer.scene.camera import Perspective, View
from renderer.scene.extent import Extent, extent, union

LOCATES = range(7)
ANGLES = {0: 0.0, 1: math.radians(-30.0), 2: math.radians(30.0)}
"""Turn of the camera about the avatar, radians; negative to the viewer's left."""

FIELD_OF_VIEW = math.radians(28.0)
"""A short telephoto: faces keep their proportions close up."""

# Where there are no bones: a person's proportions, as shares of the height from the ground.
_HEAD_JOINT, _HIPS = 0.87, 0.53
_DEEPEST = 0.6
"""Depth to height of a person at most; what has no bones and is deeper, such as a duck, is shown whole."""

_LARGEST_HEAD = 0.7
"""Height of a head to that of everything; where it is more, there is nothing else, and it is shown whole."""

_WIDEST_HEAD = 1.75
"""Width of a head that a close-up makes room for, in heights of the face: more is hair or a hat."""

_WIDEST_HALF = 1.2
"""The same for a half body, in heights from the hips to the top: a cat's ears are seen."""


@dataclass(slots=True, kw_only=True, frozen=True)
class _Frame:
    """What has to be in the picture: its middle, and the height and width that must be seen; metres."""

    middle: NDArray[np.float64]
    height: float
    width: float
    near: Extent  # what of it may stand out towards the camera and still has to be seen whole
    shift: float = 0.0  # of the subject, in half picture widths; positive to the right

    def tall(self, aspect: float) -> float:
        """Height of a picture that holds it; metres."""
        return max(self.height, self.width / aspect, 1e-3)


@dataclass(slots=True, kw_only=True, frozen=True)
class _Body:
    """Measures of an avatar in a pose."""

    box: Extent
    axis: tuple[float, float]  # x and z of the vertical that the body stands about: what a full picture is centred on
    head: NDArray[np.float64]  # the joint at the base of the skull
    skull: Extent  # everything that the head carries, hair and hat too
    hips: float  # height above the origin
    shoulders: float  # distance from one upper arm to the other
    whole: bool  # there is no telling where its parts are


def frame_avatar(
    avatar: Avatar,
    worlds: Sequence[NDArray[np.float32]],
    *,
    locate: int = 0,
    angle: int = 0,
    aspect: float = 9 / 16,
    yfov: float = FIELD_OF_VIEW,
) -> View:
    """The view of one of the platform's cameras on a posed avatar.

    Args:
        worlds: ``(nodes, 4, 4)`` world matrices of each pose to fit; bones are looked up in the first.
        locate, angle: as above; ``ValueError`` for others.
        aspect: width / height of the picture.
        yfov: vertical field of view, radians.
    """
    if locate not in LOCATES or angle not in ANGLES:
        raise ValueError(f"there is no camera {locate} with angle {angle}")
    # A file may hold places so far away that sums with them overflow; such a box is left out.
    with np.errstate(all="ignore"):
        return _framed(avatar, worlds, locate=locate, angle=ANGLES[angle], aspect=aspect, yfov=yfov)


def _framed(
    avatar: Avatar, worlds: Sequence[NDArray[np.float32]], *, locate: int, angle: float, aspect: float, yfov: float
) -> View:
    box = union(found for world in worlds if (found := extent(avatar, world)) is not None)
    if box is None:  # nothing to see: look at where it would stand
        box = Extent(low=np.array((-0.3, 0.0, -0.2)), high=np.array((0.3, 1.7, 0.2)))
    body = _measure(avatar, worlds[0], box)
    frame = _frame(body, locate)
    if locate in (1, 3):  # of what is nearly all head, a part is no smaller than the whole
        least = frame.tall(aspect) / _frame(body, 0).tall(aspect)
        if least > 1.0:
            frame = replace(frame, height=frame.height / least, width=frame.width / least)
    return _look(frame, box, direction=(math.sin(angle), 0.0, math.cos(angle)), aspect=aspect, yfov=yfov)


def _measure(avatar: Avatar, world: NDArray[np.float32], box: Extent) -> _Body:
    def bone(name: str) -> NDArray[np.float64] | None:
        node = avatar.humanoid.get(name)
        return None if node is None else world[node, :3, 3].astype(np.float64)

    height = float(box.size[1])
    head = bone("head")
    skull = extent(avatar, world, below=avatar.humanoid["head"]) if head is not None else None
    if head is None or skull is None or skull.high[1] <= head[1]:
        head = box.center.copy()
        head[1] = box.low[1] + _HEAD_JOINT * height
        skull = Extent(low=np.array((box.low[0], head[1], box.low[2])), high=box.high)
    hips, left, right = bone("hips"), bone("leftUpperArm"), bone("rightUpperArm")
    return _Body(
        box=box,
        # A raised hand widens the picture to both sides instead of pushing the person out of its middle.
        axis=(float(hips[0]), float(hips[2])) if hips is not None else (float(box.center[0]), float(box.center[2])),
        head=head,
        skull=skull,
        hips=float(hips[1]) if hips is not None else float(box.low[1]) + _HIPS * height,
        shoulders=float(np.linalg.norm(left - right)) if left is not None and right is not None else 0.2 * height,
        whole=(not avatar.humanoid.keys() & {"head", "neck", "hips"} and float(box.size[2]) > _DEEPEST * height)
        or (bone("head") is not None and float(skull.size[1]) > _LARGEST_HEAD * height),
    )


def _frame(body: _Body, locate: int) -> _Frame:
    box, skull = body.box, body.skull
    side = {5: -0.45, 6: 0.45}.get(locate, 0.0)
    if locate in (0, 2) or body.whole:
        room = {1: 1.03, 2: 1.7, 4: 1.4}.get(locate, 1.1)
        x, z = body.axis
        reach = max(float(box.high[0]) - x, x - float(box.low[0]))
        middle = np.array((x, float(box.center[1]), z))
        width = room * 2.0 * reach / (1.0 - abs(side))
        return _Frame(middle=middle, height=room * float(box.size[1]), width=width, near=skull, shift=side)
    top = float(skull.high[1])
    middle = np.array((float(body.head[0]), 0.0, float(body.head[2])))
    if locate == 1:
        face = top - float(body.head[1])
        middle[1] = float(body.head[1]) + 0.38 * face
        wide = min(1.1 * _across(skull, middle), _WIDEST_HEAD * face)
        return _Frame(middle=middle, height=1.9 * face, width=max(1.25 * face, wide), near=skull)
    torso = top - body.hips
    room = 1.55 if locate == 4 else 1.1
    # From a little below the hips to a little above the head.
    middle[1] = body.hips + 0.5 * torso
    width = room * max(1.5 * body.shoulders, min(_across(skull, middle), _WIDEST_HALF * torso))
    return _Frame(middle=middle, height=room * torso, width=width / (1.0 - abs(side)), near=skull, shift=side)


def _across(skull: Extent, middle: NDArray[np.float64]) -> float:
    """How wide a head is about the middle."""
    return 2.0 * max(float(skull.high[0] - middle[0]), float(middle[0] - skull.low[0]))


def _look(frame: _Frame, box: Extent, *, direction: tuple[float, float, float], aspect: float, yfov: float) -> View:
    height = frame.tall(aspect)
    towards = np.array(direction)
    # What stands out towards the camera is nearer than the middle and so looks larger: all of it counts of the part
    # that is shown, some of it of an arm that reaches out.
    out = max(
        min(_reach(box, frame.middle, towards), 0.25 * height), min(_reach(frame.near, frame.middle, towards), height)
    )
    radius = float(np.linalg.norm(box.size)) / 2
    distance = height / (2.0 * math.tan(yfov / 2)) + max(out, 0.0)
    right = np.array((towards[2], 0.0, -towards[0]))
    target = frame.middle - right * (frame.shift * height * aspect / 2)
    eye = target + towards * distance
    far = distance + 4.0 * radius + float(np.linalg.norm(box.center - frame.middle))
    return View(
        eye=_triple(eye),
        target=_triple(target),
        projection=Perspective(yfov=yfov, znear=max(distance * 0.02, 1e-4), zfar=max(far, distance * 4.0)),
    )


def _reach(box: Extent, middle: NDArray[np.float64], towards: NDArray[np.float64]) -> float:
    """How far a box stands out from a place in a direction, both seen from above."""
    corners = np.array([[x, z] for x in (box.low[0], box.high[0]) for z in (box.low[2], box.high[2])])
    return float(max((corners - middle[[0, 2]]) @ towards[[0, 2]]))


def _triple(vector: NDArray[np.float64]) -> tuple[float, float, float]:
    x, y, z = (float(part) for part in vector)
    return (x, y, z)
