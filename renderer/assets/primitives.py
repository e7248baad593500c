"""One primitive: its vertex arrays, checked and brought into the form the scene promises."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from renderer.assets.accessors import Accessors, dequantise
from renderer.assets.document import PrimitiveObject
from renderer.assets.issues import IssueLog, refusal
from renderer.assets.variants import read_mappings
from renderer.scene.later import Delayed
from renderer.scene.mesh import Mode, MorphTarget, Primitive

Rows = NDArray[np.float32]

_DIRECTION = np.array((1.0, 1.0, 1.0, 0.0), np.float32)
_MORPHED = ("POSITION", "NORMAL", "TANGENT")
_MODES = {int(mode): mode for mode in Mode}
# By mode, in tuples: enumerations are slow keys.
_DIVISOR = (1, 2, 1, 1, 3, 1, 1)
_LEAST = (1, 1, 2, 2, 1, 3, 3)
_ONES = np.ones(4, np.float32)
_WEIGHT_SLACK = 1e-3
_QUANTISED_WEIGHT_SLACK = 0.02
_NORMAL_SLACK = 0.05
_UNIT_SLACK = 1e-3


class PrimitiveReader:
    """Reads primitives; arrays that several primitives share are checked and converted once."""

    def __init__(self, accessors: Accessors, *, materials: int, log: IssueLog) -> None:
        self._accessors = accessors
        self._materials = materials
        self._log = log
        self._rows: dict[tuple[int, str], Rows] = {}
        self._pairs: dict[tuple[tuple[str, int], ...], tuple[NDArray[np.uint16] | None, Rows | None]] = {}
        self._targets: dict[int, tuple[Rows, bool]] = {}
        self._indices: dict[tuple[int, int, int], NDArray[np.uint32] | None] = {}

    def read(self, source: PrimitiveObject, where: str) -> Primitive | None:
        """The primitive, or None when there is nothing of it to draw.

        Raises AssetError ``mesh.mode``, ``mesh.count``, ``accessor.*``, ``view.*``, ``reference.range``.
        """
        mode = _MODES.get(source.mode)
        if mode is None:
            raise refusal("mesh.mode", f"mode {source.mode}", where=f"{where}/mode")
        positions = self._attribute(source.attributes, "POSITION", (3,), where)
        if positions is None or not len(positions):
            self._log.add("mesh.no-positions", "no vertices", where=where)
            return None
        count = len(positions)
        indices = None
        if source.indices is not None:
            indices = self._read_indices(source.indices, count, mode, f"{where}/indices")
            if indices is None:
                return None
        elif count < _LEAST[mode] or count < _DIVISOR[mode]:
            self._log.add("mesh.index-count", f"{count} vertices", where=where)
            return None
        material = -1
        if source.material is not None:
            if source.material < self._materials:
                material = source.material
            else:
                self._log.add("material.reference", f"material {source.material} does not exist", where=where)
        normals = self._attribute(source.attributes, "NORMAL", (3,), where)
        tangents = self._attribute(source.attributes, "TANGENT", (4,), where)
        joints, weights = self._shared_influences(source.attributes, where)
        primitive = Primitive(
            positions=positions,
            normals=normals,
            tangents=tangents if normals is not None else None,
            uvs=self._uvs(source.attributes, where),
            colors=self._colors(source.attributes, where),
            joints=joints,
            weights=weights,
            indices=indices,
            mode=mode,
            material=material,
            variants=(
                read_mappings(source, materials=self._materials, log=self._log, where=where)
                if source.extensions
                else {}
            ),
            targets=self._targets_later(source.targets, count, where),
        )
        names = ("NORMAL", "TANGENT", "COLOR_0", "JOINTS_n", "TEXCOORD_0", "TEXCOORD_1")
        for name, rows in zip(names, (normals, tangents, primitive.colors, joints, *primitive.uvs), strict=False):
            if rows is not None and len(rows) != count:
                raise refusal("mesh.count", f"{name} has {len(rows)} vertices, POSITION {count}", where=where)
        return primitive

    def _attribute(self, attributes: dict[str, int], name: str, widths: tuple[int, ...], where: str) -> Rows | None:
        """A float attribute with NaN and infinity removed; None when absent or of a wrong type."""
        index = attributes.get(name)
        if index is None:
            return None
        here = f"{where}/attributes/{name}"
        if (index, name) not in self._rows:
            rows = self._accessors.floats(index, where=here)
            if rows.shape[1] not in widths:
                self._log.add("mesh.attribute", f"{name} has {rows.shape[1]} components", where=here)
                return None
            if name == "NORMAL":
                rows = self._unit(rows, here)
            else:
                if rows is self._accessors.read(index, where=here):  # integers are finite
                    rows = self._finite(rows, here)
                if name == "TANGENT":
                    rows = self._unit(rows, here)
            self._rows[index, name] = rows
        return self._rows[index, name]

    def _finite(self, rows: Rows, where: str) -> Rows:
        if math.isfinite(_energy(rows)):
            return rows
        bad = ~np.isfinite(rows)
        if not bad.any():
            return rows
        self._log.add("mesh.non-finite", f"{int(bad.sum())} numbers are not finite", where=where)
        return np.where(bad, np.float32(0.0), rows)

    def _unit(self, rows: Rows, where: str) -> Rows:
        """Directions of unit length; a zero one becomes +Y so that shading stays finite."""
        lengths = (rows * rows) @ _DIRECTION[: rows.shape[1]]
        off = _furthest_from_one(lengths)
        if off <= _UNIT_SLACK:
            return rows
        if not math.isfinite(off) and (finite := self._finite(rows, where)) is not rows:
            return self._unit(finite, where)
        if off > 2.0 * _NORMAL_SLACK:
            bad = int((np.abs(lengths - 1.0) > 2.0 * _NORMAL_SLACK).sum())
            self._log.add("mesh.normals", f"{bad} vectors are not of unit length", where=where)
        result = rows.copy()
        roots = np.sqrt(lengths)
        empty = None if roots.all() else lengths == 0.0
        if empty is not None:
            roots[empty] = 1.0
        for column in range(3):  # numpy is slow along rows as short as these
            result[:, column] /= roots
        if empty is not None:
            result[empty, :3] = (0.0, 1.0, 0.0)
        return result

    def _uvs(self, attributes: dict[str, int], where: str) -> tuple[Rows, ...]:
        sets = []
        for name in ("TEXCOORD_0", "TEXCOORD_1"):
            rows = self._attribute(attributes, name, (2,), where)
            if rows is None:
                break
            sets.append(rows)
        if "TEXCOORD_2" in attributes:
            self._log.add("mesh.more-uv-sets", "sets beyond the second", where=f"{where}/attributes")
        return tuple(sets)

    def _colors(self, attributes: dict[str, int], where: str) -> Rows | None:
        rows = self._attribute(attributes, "COLOR_0", (3, 4), where)
        if rows is None or rows.shape[1] == 4:
            return rows
        key = (attributes["COLOR_0"], "COLOR_0/4")
        if key not in self._rows:
            self._rows[key] = np.concatenate((rows, np.ones((len(rows), 1), np.float32)), axis=1)
        return self._rows[key]

    def _shared_influences(
        self, attributes: dict[str, int], where: str
    ) -> tuple[NDArray[np.uint16] | None, Rows | None]:
        if "JOINTS_0" not in attributes:
            return None, None
        key = tuple([pair for pair in attributes.items() if pair[0][:1] in ("J", "W")])
        found = self._pairs.get(key)
        if found is None:
            found = self._pairs[key] = self._influences(attributes, where)
        return found

    def _influences(self, attributes: dict[str, int], where: str) -> tuple[NDArray[np.uint16] | None, Rows | None]:
        """Joints and weights of every set, side by side; weights sum to 1."""
        joints: list[NDArray[np.uint16]] = []
        weights: list[Rows] = []
        slack = _WEIGHT_SLACK
        while f"JOINTS_{len(joints)}" in attributes and f"WEIGHTS_{len(joints)}" in attributes:
            which = len(joints)
            here = f"{where}/attributes/JOINTS_{which}"
            bones = self._accessors.read(attributes[f"JOINTS_{which}"], where=here)
            amounts = self._accessors.read(attributes[f"WEIGHTS_{which}"], where=f"{where}/attributes/WEIGHTS_{which}")
            if (
                bones.dtype.kind != "u"
                or bones.dtype.itemsize > 2
                or bones.shape[1] != 4
                or amounts.shape != bones.shape
            ):
                self._log.add("mesh.attribute", f"JOINTS_{which} and WEIGHTS_{which} do not fit together", where=here)
                break
            if amounts.dtype.kind != "f":
                slack = _QUANTISED_WEIGHT_SLACK
                amounts = dequantise(amounts)
            joints.append(bones.astype(np.uint16, copy=False))
            weights.append(self._finite(amounts, here))
        if not joints:
            return None, None
        if len({len(rows) for rows in joints}) > 1:
            raise refusal("mesh.count", "sets of joints differ in their number of vertices", where=where)
        indices = joints[0] if len(joints) == 1 else np.concatenate(joints, axis=1)
        values = weights[0] if len(weights) == 1 else np.concatenate(weights, axis=1)
        return indices, self._normalised(values, slack, where)

    def _normalised(self, weights: Rows, slack: float, where: str) -> Rows:
        if np.minimum.reduce(weights.reshape(-1), initial=0.0) < 0.0:
            self._log.add("skin.weights", "negative weights", where=where)
            weights = np.maximum(weights, np.float32(0.0))
        width = weights.shape[1]
        sums = (weights @ (_ONES if width == 4 else np.ones(width, np.float32)))[:, None]
        if _furthest_from_one(sums[:, 0]) <= 1e-6:
            return weights
        bad = int((np.abs(sums - 1.0) > slack).sum())
        if bad:
            self._log.add("skin.weights", f"the weights of {bad} vertices do not sum to 1", where=where)
        result: Rows = np.divide(weights, np.where(sums > 0.0, sums, np.float32(1.0)), dtype=np.float32)
        # A vertex that no joint moves follows the first one, as it does in other renderers.
        result[sums[:, 0] <= 0.0, 0] = 1.0
        return result

    def _read_indices(self, index: int, count: int, mode: Mode, where: str) -> NDArray[np.uint32] | None:
        """Checked indices; None when there are none, or some lie beyond the last vertex."""
        key = (index, count, mode.value)
        if key not in self._indices:
            stored = self._accessors.read(index, where=where)
            if stored.dtype.kind != "u" or stored.shape[1] != 1:
                raise refusal("accessor.type", "indices must be unsigned scalars", where=where)
            flat = stored[:, 0].astype(np.uint32, copy=False)
            self._indices[key] = self._usable(flat, count, mode, where)
        return self._indices[key]

    def _usable(self, flat: NDArray[np.uint32], count: int, mode: Mode, where: str) -> NDArray[np.uint32] | None:
        whole = len(flat) // _DIVISOR[mode] * _DIVISOR[mode]
        if whole != len(flat) or whole < _LEAST[mode]:
            self._log.add("mesh.index-count", f"{len(flat)} indices for {mode.name}", where=where)
            flat = flat[:whole]
        if len(flat) < _LEAST[mode]:
            return None
        if int(np.maximum.reduce(flat)) < count:
            return flat
        size = _DIVISOR[mode] if mode in (Mode.POINTS, Mode.LINES, Mode.TRIANGLES) else len(flat)
        groups = flat.reshape(-1, size)
        sound = groups[(groups < count).all(axis=1)].reshape(-1)
        self._log.add("mesh.index-range", f"indices reach {int(flat.max())}, there are {count} vertices", where=where)
        return sound if len(sound) else None

    def _targets_later(
        self, sources: list[dict[str, int]], count: int, where: str
    ) -> tuple[MorphTarget, ...] | Delayed[tuple[MorphTarget, ...]]:
        """Morph targets that are seen to lie in the file, and are read when they are first asked for."""
        if not sources:
            return ()
        used = [index for source in sources for name, index in source.items() if name in _MORPHED]
        self._accessors.check(used, where=f"{where}/targets")

        def read() -> tuple[MorphTarget, ...]:
            with np.errstate(all="ignore"):
                return self._all_targets(sources, count, where)

        return Delayed(read)

    def _all_targets(self, sources: list[dict[str, int]], count: int, where: str) -> tuple[MorphTarget, ...]:
        for name in _MORPHED:
            self._read_together([source[name] for source in sources if name in source])
        return tuple(self._target(source, count, f"{where}/targets/{i}") for i, source in enumerate(sources))

    def _read_together(self, indices: list[int]) -> None:
        """Read targets at once where they are stored alike; the others are left to be read one by one."""
        fresh = [index for index in dict.fromkeys(indices) if index not in self._targets]
        for found, stack in self._accessors.stacks(fresh):
            if stack.shape[2] != 3:
                continue
            energies = np.einsum("tnc,tnc->t", stack, stack).tolist()
            for index, rows, energy in zip(found, stack, energies, strict=True):
                if math.isfinite(energy):
                    self._targets[index] = rows, energy != 0.0

    def _target(self, source: dict[str, int], count: int, where: str) -> MorphTarget:
        positions, normals, tangents = (
            self._deltas(source[name], count, where, name) if name in source else None for name in _MORPHED
        )
        return MorphTarget(positions=positions, normals=normals, tangents=tangents)

    def _deltas(self, index: int, count: int, where: str, name: str) -> Rows | None:
        """A target's differences; None where all are zero."""
        if index not in self._targets:
            rows = self._accessors.floats(index, where=where)
            energy = _energy(rows)
            if not math.isfinite(energy) and rows.shape[1] == 3:
                rows = self._finite(rows, f"{where}/{name}")
                energy = _energy(rows)
            self._targets[index] = rows, energy != 0.0
        rows, moves = self._targets[index]
        if rows.shape != (count, 3):
            self._log.add("mesh.target-count", f"{len(rows)} vertices of {count}", where=f"{where}/{name}")
            return None
        return rows if moves else None


def _furthest_from_one(values: NDArray[np.floating[Any]]) -> float:
    """How far any of ``(n,)`` is from 1; 0 where there are none."""
    # The reductions themselves: numpy's methods around them cost more than they do for a few hundred numbers.
    return max(float(np.maximum.reduce(values, initial=1.0)) - 1.0, 1.0 - float(np.minimum.reduce(values, initial=1.0)))


def _energy(rows: Rows) -> float:
    """The sum of squares: the fastest way to learn whether all numbers are finite, or all are zero.

    What merely overflows has to be looked at again; what underflows to zero is too small to be seen.
    """
    flat = rows.reshape(-1)
    return float(np.dot(flat, flat))
