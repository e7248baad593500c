"""Binding the clips of one file to the nodes of another, by name, as the vendor's client does."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from renderer.animation.clip import Channel, Clip
from renderer.scene.avatar import Avatar
from renderer.scene.mesh import Mesh

_REMOVED = re.compile(r"[\[\].:/]")
_SPACE = re.compile(r"\s")


def sanitised(name: str) -> str:
    """A node's name as clips are bound by it: white space becomes ``_``, the characters ``[ ] . : /`` vanish."""
    return _REMOVED.sub("", _SPACE.sub("_", name))


@dataclass(slots=True, kw_only=True, frozen=True)
class Retargeted:
    """Clips bound to another avatar, and the names of the nodes it does not have."""

    clips: tuple[Clip, ...]
    unbound: tuple[str, ...]


def retarget(clips: Sequence[Clip], *, source: Avatar, target: Avatar) -> Retargeted:
    """Clips of ``source`` bound to the nodes of ``target`` that have the same sanitised name.

    Channels without a match are left out. Morph weights are matched by target name where both files name them, else
    they are taken over when their number is the same.
    """
    nodes: dict[str, int] = {}
    for index in (*target.order, *range(len(target.nodes))):
        nodes.setdefault(sanitised(target.nodes[index].name), index)
    unbound: dict[str, None] = {}
    bound = []
    for clip in clips:
        channels: dict[tuple[int, str], Channel] = {}
        for channel in clip.channels:
            node = nodes.get(sanitised(channel.node_name)) if channel.node_name else None
            fitted = None if node is None else _fit(channel, node, source, target)
            if fitted is None:
                unbound[channel.node_name] = None
            else:
                channels.setdefault((fitted.node, fitted.path), fitted)
        # The clip keeps its length even when the channel that ends last is left out.
        bound.append(replace(clip, channels=tuple(channels.values())))
    return Retargeted(clips=tuple(bound), unbound=tuple(unbound))


def _fit(channel: Channel, node: int, source: Avatar, target: Avatar) -> Channel | None:
    if channel.path != "weights":
        return None if target.nodes[node].matrix is not None else replace(channel, node=node)
    ours, theirs = _mesh(target, node), _mesh(source, channel.node)
    if ours is None or theirs is None:
        return None
    if any(ours.target_names) and any(theirs.target_names):
        columns = [theirs.target_names.index(name) if name in theirs.target_names else -1 for name in ours.target_names]
        values = np.concatenate((channel.values, np.zeros((*channel.values.shape[:-1], 1), np.float32)), axis=-1)
        return replace(channel, node=node, values=values[..., columns])
    return replace(channel, node=node) if len(ours.weights) == len(theirs.weights) else None


def _mesh(avatar: Avatar, node: int) -> Mesh | None:
    index = avatar.nodes[node].mesh
    return avatar.meshes[index] if index >= 0 else None
