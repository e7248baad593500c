"""What is laid over the clips on a face: held expressions, an avatar's own scale of its channels, and blinks."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

import numpy as np

from renderer.animation.arkit import ARKIT, arkit_channel
from renderer.animation.blink import eyelids
from renderer.animation.clip import Clip
from renderer.animation.expression import Face
from renderer.animation.gaze import ARKIT_GAZE, VRM_GAZE, Gaze
from renderer.animation.live2d import live2d_values
from renderer.animation.pose import Pose
from renderer.errors import AssetError
from renderer.scene.avatar import Avatar

BLINKING = ("eyeBlinkLeft", "eyeBlinkRight")


class FaceOverlay:
    """Sets the morph weights that no clip is to decide."""

    def __init__(
        self,
        avatar: Avatar,
        *,
        moved: Collection[int] = (),
        expressions: Mapping[str, float] | None = None,
        adjust: Callable[[str, float], float] | None = None,
        blink: bool = True,
        look_at: Sequence[float] | None = None,
        seed: int = 0,
        live2d: bool = False,
    ) -> None:
        """Choose what is held.

        Args:
            moved: nodes whose morph weights the clips move; eyelids there do not blink on their own.
            expressions: name to value 0..1, held all the time; names as ``Face.binds`` understands them.
            adjust: an avatar's own scale and offset of ARKit channels (motion.config.json).
            blink: blink now and then, unless the eyelids are moved by a clip or held by an expression.
            look_at: a point of the world, metres, that the eyes follow.
            seed: of the blinks.
            live2d: ARKit channels, adjusted and blinking, reach the shapes of a Live2D face instead of their own.

        Raises:
            AssetError: ``expression.unknown``.
        """
        face = Face(avatar)
        self._live2d = None
        if live2d:
            self._live2d = _Live2d(face, expressions or {}, adjust=adjust, blink=blink, seed=seed)
            expressions = {name: value for name, value in (expressions or {}).items() if arkit_channel(name) is None}
            adjust, blink = None, False
        self._gaze = None
        if look_at is not None:
            channels = [name for name in (*ARKIT_GAZE, *VRM_GAZE) if face.has(name)]
            self._gaze = Gaze(avatar, target=look_at, channels=channels)
        held = dict(expressions or {})
        for name in held:
            if not face.binds(name) and arkit_channel(name) is not None:
                raise unknown("expression", name, face.names)
        lids = {bind.node for name in BLINKING for bind in face.binds(name)}
        free = bool(lids) and not lids & set(moved)
        blinks = blink and free and not any(_is_blink(face, name) for name in held)
        # A channel that rests at 0 is the clips' to move: the vendor's client writes no zeros over them.
        shifted = [name for name in ARKIT if adjust is not None and adjust(name, 0.0) != 0.0]
        rest = [name for name in shifted if face.binds(name) and name not in held]
        gazing = self._gaze.names if self._gaze is not None else ()
        names = dict.fromkeys((*rest, *held, *(BLINKING if blinks else ()), *gazing))
        self._seed = seed
        self._driver = face.driver(names)
        self._values = np.zeros(len(names), np.float32)
        for i, name in enumerate(names):
            value = held.get(name, 0.0)
            self._values[i] = adjust(name, value) if adjust is not None else value
        self._looks = [list(names).index(name) for name in gazing]
        self._lids = [i for i, name in enumerate(names) if name in BLINKING] if blinks else []

    def apply(self, pose: Pose, time: float) -> None:
        """Set the weights as they are at ``time`` seconds, and turn the eyes; all else stays as it is."""
        left, up = self._gaze.angles(pose) if self._gaze is not None else (0.0, 0.0)
        if len(self._values):
            if self._lids:
                self._values[self._lids] = eyelids(time, seed=self._seed)
            if self._gaze is not None and self._looks:
                self._values[self._looks] = self._gaze.values(left, up)
            self._driver.apply(pose, self._values)
        if self._live2d is not None:
            self._live2d.apply(pose, time)
        if self._gaze is not None:
            self._gaze.turn(pose, left, up)


class _Live2d:
    """ARKit channels as the shapes of a Live2D face (``useLive2dBS``)."""

    def __init__(
        self,
        face: Face,
        held: Mapping[str, float],
        *,
        adjust: Callable[[str, float], float] | None,
        blink: bool,
        seed: int,
    ) -> None:
        channels = {channel: value for name, value in held.items() if (channel := arkit_channel(name)) is not None}
        self._channels = {name: channels.get(name, 0.0) for name in ARKIT}
        if adjust is not None:
            self._channels = {name: adjust(name, value) for name, value in self._channels.items()}
        self._blinks = blink and not any(name in channels for name in BLINKING)
        self._seed = seed
        self._names = [name for name in live2d_values({}) if face.has(name)]
        self._driver = face.driver(self._names)

    def apply(self, pose: Pose, time: float) -> None:
        """Set the weights as they are at a time."""
        if self._blinks:
            self._channels.update(dict.fromkeys(BLINKING, eyelids(time, seed=self._seed)))
        values = live2d_values(self._channels)
        self._driver.apply(pose, np.array([values[name] for name in self._names], np.float32))


def moved_faces(clips: Iterable[Clip]) -> frozenset[int]:
    """Nodes whose morph weights one of the clips moves."""
    return frozenset(channel.node for clip in clips for channel in clip.channels if channel.path == "weights")


def unknown(kind: str, name: str, names: tuple[str, ...]) -> AssetError:
    """The error for a clip, group or expression that an avatar does not have."""
    near = difflib.get_close_matches(name, names, n=3) or names[:8]
    code = "expression.unknown" if kind == "expression" else "clip.unknown"
    return AssetError(
        f"the avatar has no {kind} {name!r}", code=code, hint=f"it has {', '.join(near)}" if near else "it has none"
    )


def _is_blink(face: Face, name: str) -> bool:
    """Whether a held expression already moves the eyelids."""
    lids = {(bind.node, bind.target) for lid in BLINKING for bind in face.binds(lid)}
    return any((bind.node, bind.target) in lids for bind in face.binds(name))
