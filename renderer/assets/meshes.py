"""Meshes of a document: primitives, morph weights and target names."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from renderer.assets.accessors import Accessors
from renderer.assets.document import Document, MeshObject, TargetNames
from renderer.assets.issues import IssueLog, refusal
from renderer.assets.primitives import PrimitiveReader
from renderer.assets.shading import tangents_of, with_flat_normals
from renderer.scene.later import Delayed
from renderer.scene.material import Material
from renderer.scene.mesh import Mesh, Mode, Primitive


def read_meshes(
    document: Document, accessors: Accessors, materials: tuple[Material, ...], *, log: IssueLog
) -> tuple[Mesh, ...]:
    """One mesh per object, with flat normals and tangents added where they are missing and needed.

    Raises AssetError ``mesh.*``, ``accessor.*``, ``view.*``, ``buffer.*``, ``resource.*``.
    """
    reader = PrimitiveReader(accessors, materials=len(materials), log=log)
    shader = _Shader(materials, log)
    return tuple(_mesh(mesh, f"/meshes/{i}", reader, shader, log) for i, mesh in enumerate(document.meshes))


def _mesh(source: MeshObject, where: str, reader: PrimitiveReader, shader: _Shader, log: IssueLog) -> Mesh:
    if not source.primitives:
        raise refusal("mesh.no-primitives", "a mesh without primitives", where=where)
    counts = {len(primitive.targets) for primitive in source.primitives}
    if len(counts) > 1:
        raise refusal("mesh.targets", f"primitives have {sorted(counts)} morph targets", where=where)
    count = counts.pop()
    primitives = []
    for i, primitive in enumerate(source.primitives):
        here = f"{where}/primitives/{i}"
        read = reader.read(primitive, here)
        if read is not None:
            primitives.append(shader.complete(read, here))
    return Mesh(
        name=source.name,
        primitives=tuple(primitives),
        weights=fit_weights(source.weights, count, log=log, where=f"{where}/weights"),
        target_names=_target_names(source, count, where, log),
    )


def fit_weights(weights: list[float], count: int, *, log: IssueLog, where: str) -> NDArray[np.float32]:
    """``(count,)`` morph weights; missing ones are 0, those in excess are cut off."""
    result = np.zeros(count, np.float32)
    if weights and len(weights) != count:
        log.add("mesh.weights-count", f"{len(weights)} weights for {count} targets", where=where)
    if not any(weights):
        return result
    given = np.asarray(weights[:count], np.float64)
    result[: len(given)] = np.where(np.isfinite(given) & (np.abs(given) < 1e30), given, 0.0)
    return result


def _target_names(source: MeshObject, count: int, where: str, log: IssueLog) -> tuple[str, ...]:
    """Names from the mesh's extras or, as older exporters do it, from the first primitive's."""
    if not count:
        return ()
    for extras in (source.extras, *(primitive.extras for primitive in source.primitives)):
        if not bytes(extras):
            continue
        try:
            names = msgspec.json.decode(extras, type=TargetNames).target_names
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
        if names is not None:
            if len(names) != count:
                log.add("mesh.target-names", f"{len(names)} names for {count} targets", where=where)
            return (*names[:count], *("" for _ in range(count - len(names))))
    return ("",) * count


class _Shader:
    """Adds what shading needs, once per array even where many primitives share it."""

    def __init__(self, materials: tuple[Material, ...], log: IssueLog) -> None:
        self._materials = materials
        self._log = log
        self._tangents: dict[tuple[int, ...], Delayed[NDArray[np.float32] | None]] = {}
        self._kept: list[Primitive] = []

    def complete(self, primitive: Primitive, where: str) -> Primitive:
        material = self._materials[primitive.material] if primitive.material >= 0 else Material()
        if material.unlit or primitive.mode < Mode.TRIANGLES:
            return primitive
        if primitive.normals is None:
            self._log.add("mesh.flat-normals", "no normals", where=where)
            primitive = with_flat_normals(primitive)
        reference = material.normal_texture
        if reference is None or primitive.tangents is not None:
            return primitive
        arrays = (primitive.positions, primitive.normals, primitive.indices, *primitive.uvs)
        key = (primitive.mode, reference.uv_set, *(id(array) for array in arrays))
        if key not in self._tangents:
            self._log.add("mesh.tangents", "a normal map without tangents", where=where)
            self._tangents[key] = _tangents_later(primitive, uv_set=reference.uv_set)
            # Keeps the arrays alive, so that their identities stay theirs.
            self._kept.append(primitive)
        primitive.tangents = self._tangents[key]
        return primitive


def _tangents_later(primitive: Primitive, *, uv_set: int) -> Delayed[NDArray[np.float32] | None]:
    def make() -> NDArray[np.float32] | None:
        with np.errstate(all="ignore"):
            return tangents_of(primitive, uv_set=uv_set)

    return Delayed(make)
