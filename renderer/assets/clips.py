"""Animations of a document as clips (glTF 2.0, section 3.11); channels that make no sense are left out."""

from __future__ import annotations

import math
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from renderer.animation.clip import Channel, Clip, Interpolation, Path
from renderer.assets.accessors import Accessors
from renderer.assets.document import AnimationObject, AnimationSampler, ChannelObject, Document
from renderer.assets.issues import IssueLog
from renderer.maths import normalize
from renderer.scene.mesh import Mesh
from renderer.scene.node import Node

_WIDTHS = {"translation": 3, "rotation": 4, "scale": 3}
_PATHS: tuple[Path, ...] = get_args(Path)


def read_clips(
    document: Document, accessors: Accessors, nodes: tuple[Node, ...], meshes: tuple[Mesh, ...], *, log: IssueLog
) -> tuple[Clip, ...]:
    """One clip per animation, in the file's order; an unnamed one is called ``animation`` and its number.

    Raises AssetError ``accessor.*``, ``view.*``, ``buffer.*``, ``reference.range``.
    """
    reader = _Reader(accessors, nodes, meshes, log)
    # What overflows is looked for where it matters, not by numpy's warnings.
    with np.errstate(all="ignore"):
        return tuple(
            reader.clip(animation, animation.name or f"animation {i}", f"/animations/{i}")
            for i, animation in enumerate(document.animations)
        )


def check_clips(document: Document, accessors: Accessors) -> None:
    """See to it that all keys lie within the file, so that ``read_clips`` can be left for later and will not fail.

    Raises AssetError as ``read_clips`` does.
    """
    nodes = len(document.nodes)
    for i, animation in enumerate(document.animations):
        samplers = animation.samplers
        used = {
            key
            for channel in animation.channels
            if (node := channel.target.node) is not None
            and node < nodes
            and channel.target.path in _PATHS
            and channel.sampler < len(samplers)
            for key in (samplers[channel.sampler].input, samplers[channel.sampler].output)
        }
        where = f"/animations/{i}"
        accessors.check(tuple(used), where=where)


class _Reader:
    def __init__(self, accessors: Accessors, nodes: tuple[Node, ...], meshes: tuple[Mesh, ...], log: IssueLog) -> None:
        self._accessors = accessors
        self._nodes = nodes
        self._meshes = meshes
        self._log = log
        self._times: dict[int, NDArray[np.float32] | None] = {}
        self._rotations: dict[tuple[int, int], NDArray[np.float32]] = {}

    def clip(self, source: AnimationObject, name: str, where: str) -> Clip:
        channels: dict[tuple[int, str], Channel] = {}
        for i, channel in enumerate(source.channels):
            here = f"{where}/channels/{i}"
            if channel.target.path == "pointer":
                # KHR_animation_pointer; that it is missing is said once for the file.
                continue
            read = self._channel(channel, source.samplers, here)
            if read is None:
                continue
            if (read.node, read.path) in channels:
                self._log.add("animation.duplicate", f"{read.path} of node {read.node}", where=here)
                continue
            channels[read.node, read.path] = read
        duration = max((float(channel.times[-1]) for channel in channels.values()), default=0.0)
        return Clip(name=name, duration=duration, channels=tuple(channels.values()))

    def _channel(self, source: ChannelObject, samplers: list[AnimationSampler], where: str) -> Channel | None:
        node = source.target.node
        if node is None:
            return None
        path = next((path for path in _PATHS if path == source.target.path), None)
        if path is None or node >= len(self._nodes) or source.sampler >= len(samplers):
            self._log.add("animation.target", "the target or sampler does not exist", where=where)
            return None
        width = _WIDTHS.get(path, 0)
        if path == "weights":
            mesh = self._nodes[node].mesh
            width = len(self._meshes[mesh].weights) if mesh >= 0 else 0
        if width == 0 or (path != "weights" and self._nodes[node].matrix is not None):
            self._log.add("animation.target", f"node {node} has no {path} that could move", where=where)
            return None
        sampler = samplers[source.sampler]
        try:
            interpolation = Interpolation(sampler.interpolation)
        except ValueError:
            self._log.add("animation.values", f"unknown interpolation {sampler.interpolation!r}", where=where)
            return None
        times = self._read_times(sampler.input, where)
        if times is None:
            return None
        values = self._read_values(sampler.output, len(times), width, path, interpolation, where)
        if values is None:
            return None
        return Channel(
            node=node,
            node_name=self._nodes[node].name,
            path=path,
            interpolation=interpolation,
            times=times,
            values=values,
        )

    def _read_times(self, index: int, where: str) -> NDArray[np.float32] | None:
        if index not in self._times:
            rows = self._accessors.floats(index, where=where)
            times = rows[:, 0]
            sound = (
                rows.shape[1] == 1
                and len(times) > 0
                and bool(np.isfinite(times).all())
                and float(times[0]) >= 0.0
                and bool((times[1:] > times[:-1]).all())
            )
            self._times[index] = times if sound else None
        if self._times[index] is None:
            self._log.add("animation.times", "key times must be at least one, finite and rising", where=where)
        return self._times[index]

    def _read_values(
        self, index: int, keys: int, width: int, path: Path, interpolation: Interpolation, where: str
    ) -> NDArray[np.float32] | None:
        rows = self._accessors.floats(index, where=where)
        # Morph weights are stored as scalars, one key after the other.
        per_key = 3 if interpolation is Interpolation.CUBICSPLINE else 1
        scalar = path == "weights"
        shape = (keys * per_key * width, 1) if scalar else (keys * per_key, width)
        if rows.shape[1] != shape[1] or len(rows) < shape[0]:
            self._log.add("animation.values", f"{len(rows)} values for {keys} keys", where=where)
            return None
        if len(rows) > shape[0]:
            self._log.add("animation.values", f"{len(rows)} values for {keys} keys; the rest is ignored", where=where)
        values = rows[: shape[0]]
        flat = values.reshape(-1)
        if not math.isfinite(float(np.dot(flat, flat))) and not bool(np.isfinite(values).all()):
            self._log.add("animation.values", "values are not finite", where=where)
            return None
        if path == "rotation" and per_key == 1:
            values = self._unit(index, values, where)
        return values.reshape((keys, 3, width) if per_key == 3 else (keys, width))

    def _unit(self, index: int, values: NDArray[np.float32], where: str) -> NDArray[np.float32]:
        key = (index, len(values))
        if key not in self._rotations:
            squares = values * values
            lengths = squares[:, 0] + squares[:, 1] + squares[:, 2] + squares[:, 3]
            off = float(np.abs(lengths - 1.0).max(initial=0.0))
            if off > 0.02:
                self._log.add("animation.rotation", "rotations are not of unit length", where=where)
            self._rotations[key] = values if off <= 1e-6 else normalize(values)
        return self._rotations[key]
