"""The face: names of expressions to morph target weights, whatever the file calls them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from renderer.animation.arkit import ARKIT, arkit_channel, key_of
from renderer.animation.expression_rules import ExpressionRules
from renderer.animation.pose import Pose
from renderer.errors import AssetError
from renderer.scene.avatar import Avatar
from renderer.scene.expression import Expression, MorphBind

Mix = Mapping[str, float]

_FROM_PRESET: Mapping[str, Sequence[tuple[str, float]]] = MappingProxyType(
    {
        "eyeBlinkLeft": (("blinkLeft", 1.0), ("blink", 1.0), ("eyesClosed", 1.0)),
        "eyeBlinkRight": (("blinkRight", 1.0), ("blink", 1.0), ("eyesClosed", 1.0)),
        "jawOpen": (("aa", 1.0), ("viseme_aa", 1.0), ("vrc_v_aa", 1.0), ("mouthOpen", 1.0)),
        "mouthFunnel": (("oh", 1.0), ("viseme_O", 1.0), ("vrc_v_oh", 1.0)),
        "mouthPucker": (("ou", 1.0), ("viseme_U", 1.0), ("vrc_v_ou", 1.0)),
        "mouthSmileLeft": (("mouthSmile", 0.5),),
        "mouthSmileRight": (("mouthSmile", 0.5),),
        "mouthStretchLeft": (("ee", 0.5), ("viseme_E", 0.5), ("vrc_v_e", 0.5)),
        "mouthStretchRight": (("ee", 0.5), ("viseme_E", 0.5), ("vrc_v_e", 0.5)),
    }
)
"""What stands in for an ARKit channel in files that do not have it: the first of these that the file has."""

_TO_ARKIT: Mapping[str, Mix] = MappingProxyType(
    {
        "blink": {"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0},
        "blinkleft": {"eyeBlinkLeft": 1.0},
        "blinkright": {"eyeBlinkRight": 1.0},
        "happy": {"mouthSmileLeft": 0.8, "mouthSmileRight": 0.8, "cheekSquintLeft": 0.4, "cheekSquintRight": 0.4},
        "sad": {"mouthFrownLeft": 0.7, "mouthFrownRight": 0.7, "browInnerUp": 0.7},
        "angry": {"browDownLeft": 0.9, "browDownRight": 0.9, "mouthPressLeft": 0.5, "mouthPressRight": 0.5},
        "relaxed": {"mouthSmileLeft": 0.35, "mouthSmileRight": 0.35, "eyeSquintLeft": 0.2, "eyeSquintRight": 0.2},
        "surprised": {"browInnerUp": 0.8, "eyeWideLeft": 0.8, "eyeWideRight": 0.8, "jawOpen": 0.3},
        "neutral": {},
        "aa": {"jawOpen": 0.6},
        "ih": {"jawOpen": 0.2, "mouthStretchLeft": 0.4, "mouthStretchRight": 0.4},
        "ou": {"mouthPucker": 0.8, "jawOpen": 0.1},
        "ee": {"jawOpen": 0.25, "mouthSmileLeft": 0.4, "mouthSmileRight": 0.4},
        "oh": {"mouthFunnel": 0.7, "jawOpen": 0.35},
        "visemesil": {},
        "visemepp": {"mouthPressLeft": 0.7, "mouthPressRight": 0.7, "mouthClose": 0.1},
        "visemeff": {"mouthRollLower": 0.5, "mouthUpperUpLeft": 0.2, "mouthUpperUpRight": 0.2},
        "visemeth": {"tongueOut": 0.4, "jawOpen": 0.15},
        "visemedd": {"jawOpen": 0.15, "mouthStretchLeft": 0.2, "mouthStretchRight": 0.2},
        "visemekk": {"jawOpen": 0.2},
        "visemech": {"mouthFunnel": 0.5, "jawOpen": 0.1},
        "visemess": {"mouthStretchLeft": 0.3, "mouthStretchRight": 0.3, "jawOpen": 0.05},
        "visemenn": {"jawOpen": 0.15},
        "visemerr": {"mouthFunnel": 0.3, "jawOpen": 0.15},
        "visemeaa": {"jawOpen": 0.6},
        "visemee": {"jawOpen": 0.25, "mouthStretchLeft": 0.4, "mouthStretchRight": 0.4},
        "visemei": {"jawOpen": 0.2, "mouthSmileLeft": 0.4, "mouthSmileRight": 0.4},
        "visemeo": {"mouthFunnel": 0.7, "jawOpen": 0.35},
        "visemeu": {"mouthPucker": 0.8, "jawOpen": 0.1},
    }
)
"""VRM presets and Oculus visemes made of ARKit channels, for files that have only those."""


class Face:
    """Finds what a name moves. Built once per avatar."""

    def __init__(self, avatar: Avatar) -> None:
        self._exact: dict[str, list[MorphBind]] = {}
        self._keys: dict[str, list[MorphBind]] = {}
        self._arkit: dict[str, list[MorphBind]] = {}
        self._expressions = {key_of(name): expression for name, expression in avatar.expressions.items()}
        for index, node in enumerate(avatar.nodes):
            if node.mesh < 0:
                continue
            for target, name in enumerate(avatar.meshes[node.mesh].target_names):
                bind = MorphBind(node=index, target=target)
                self._exact.setdefault(name, []).append(bind)
                self._keys.setdefault(key_of(name), []).append(bind)
                channel = arkit_channel(name)
                if channel is not None:
                    self._arkit.setdefault(channel, []).append(bind)
        self._exact.pop("", None)
        self._keys.pop("", None)

    @property
    def names(self) -> tuple[str, ...]:
        """The file's own names: expressions, then morph targets."""
        return (*(expression.name for expression in self._expressions.values()), *self._exact)

    @property
    def arkit(self) -> tuple[str, ...]:
        """The ARKit channels that the file has itself, in order."""
        return tuple(name for name in ARKIT if name in self._arkit)

    def binds(self, name: str) -> tuple[MorphBind, ...]:
        """The targets that ``name`` moves, on every mesh that has them.

        Tried in turn: the exact name of a morph target, an expression of the file, a morph target whose name differs
        only in spelling, an ARKit channel by any naming, a stand-in.
        Raises AssetError ``expression.unknown``.
        """
        key = key_of(name)
        if name in self._exact:
            return tuple(self._exact[name])
        if key in self._expressions:
            return self._expressions[key].binds
        if key in self._keys:
            return tuple(self._keys[key])
        channel = arkit_channel(name)
        if channel is not None:
            return self._arkit_binds(channel)
        if key in _TO_ARKIT:
            return tuple(
                MorphBind(node=bind.node, target=bind.target, weight=bind.weight * amount)
                for part, amount in _TO_ARKIT[key].items()
                for bind in self._arkit_binds(part)
            )
        near = difflib.get_close_matches(name, (*self.names, *ARKIT), n=3)
        raise AssetError(
            f"the avatar has no expression {name!r}",
            code="expression.unknown",
            hint=f"did you mean {', '.join(near)}?" if near else "avatar-agent inspect lists what it has",
        )

    def has(self, name: str) -> bool:
        """Whether the file itself, or a stand-in, can show what ``name`` means."""
        channel = arkit_channel(name)
        return name in self._exact or key_of(name) in self._expressions or bool(channel and self._arkit_binds(channel))

    def expression(self, name: str) -> Expression | None:
        """The file's own expression by which ``name`` is shown, where it is one."""
        key, channel = key_of(name), arkit_channel(name)
        if name in self._exact or (channel in self._arkit and key not in self._expressions):
            return None
        if key in self._expressions:
            return self._expressions[key]
        for stand_in, _ in _FROM_PRESET.get(channel or "", ()):
            if key_of(stand_in) in self._expressions:
                return self._expressions[key_of(stand_in)]
            if stand_in in self._exact:
                return None
        return None

    def _arkit_binds(self, channel: str) -> tuple[MorphBind, ...]:
        if channel in self._arkit:
            return tuple(self._arkit[channel])
        for name, weight in _FROM_PRESET.get(channel, ()):
            key = key_of(name)
            found = self._expressions[key].binds if key in self._expressions else tuple(self._exact.get(name, ()))
            if found:
                return tuple(MorphBind(node=b.node, target=b.target, weight=b.weight * weight) for b in found)
        return ()

    def driver(self, names: Iterable[str]) -> FaceDriver:
        """What turns values of these names, in this order, into morph weights. Raises as ``binds``."""
        wanted = tuple(names)
        rules = ExpressionRules([self.expression(name) for name in wanted])
        return FaceDriver({name: self.binds(name) for name in wanted}, rules=rules)


class FaceDriver:
    """Values of a fixed list of names as weights of the targets they move: one small product per mesh."""

    def __init__(self, binds: Mapping[str, Sequence[MorphBind]], *, rules: ExpressionRules | None = None) -> None:
        self.names = tuple(binds)
        self._rules = rules
        moved: dict[int, dict[int, dict[int, float]]] = {}
        for column, found in enumerate(binds.values()):
            for bind in found:
                row = moved.setdefault(bind.node, {}).setdefault(bind.target, {})
                row[column] = row.get(column, 0.0) + bind.weight
        self._parts = []
        for node, rows in moved.items():
            gains = np.zeros((len(rows), len(self.names)), np.float32)
            for i, row in enumerate(rows.values()):
                gains[i, list(row)] = list(row.values())
            self._parts.append((node, np.array(list(rows), np.intp), gains))

    def apply(self, pose: Pose, values: NDArray[np.float32]) -> None:
        """Set the weights of every target that one of the names moves; values are clamped to 0..1 first.

        Zeros are written too, so a face that was moved before comes to rest.
        """
        clamped = np.clip(values, 0.0, 1.0)
        if self._rules:
            clamped = self._rules.applied(clamped)
        for node, targets, gains in self._parts:
            pose.weights[node][targets] = np.clip(gains @ clamped, 0.0, 1.0)
