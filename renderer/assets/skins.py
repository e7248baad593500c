"""Skins of a document, and the influences of the meshes that are drawn with them (glTF 2.0, section 3.7.3)."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from renderer.assets.accessors import Accessors
from renderer.assets.document import Document, SkinObject
from renderer.assets.issues import IssueLog, refusal
from renderer.scene.later import changed
from renderer.scene.mesh import Mesh, Primitive
from renderer.scene.node import Node
from renderer.scene.skin import Skin

_LAST = np.array((0, 0, 0, 1), np.float32)
"""The last row of an affine matrix."""


def read_skins(document: Document, accessors: Accessors, *, log: IssueLog) -> tuple[Skin, ...]:
    """One skin per object. Raises AssetError ``skin.*``, ``reference.range``."""
    return tuple(
        _skin(skin, len(document.nodes), accessors, f"/skins/{i}", log) for i, skin in enumerate(document.skins)
    )


def fit_influences(
    meshes: tuple[Mesh, ...], nodes: Iterable[Node], skins: tuple[Skin, ...], *, log: IssueLog
) -> tuple[Mesh, ...]:
    """The meshes without influences of joints that a skin they are drawn with does not have."""
    joints: dict[int, int] = {}
    for index, node in enumerate(nodes):
        if node.mesh < 0 or node.skin < 0:
            continue
        joints[node.mesh] = min(joints.get(node.mesh, 1 << 16), len(skins[node.skin].joints))
        if any(primitive.joints is None for primitive in meshes[node.mesh].primitives):
            log.add("skin.attributes", "a primitive without joints and weights", where=f"/nodes/{index}")
    result = list(meshes)
    last: dict[int, int] = {}
    for index, count in joints.items():
        if _last_joint(meshes[index], last) >= count:
            fitted = tuple(_fit(p, count, f"/meshes/{index}", log) for p in meshes[index].primitives)
            result[index] = replace(meshes[index], primitives=fitted)
    return tuple(result)


def _skin(source: SkinObject, nodes: int, accessors: Accessors, where: str, log: IssueLog) -> Skin:
    if not source.joints:
        raise refusal("skin.no-joints", "a skin without joints", where=where)
    last = max(*source.joints, source.skeleton or 0)
    if last >= nodes:
        raise refusal("reference.range", f"node {last} does not exist", where=where)
    count = len(source.joints)
    if source.inverse_bind_matrices is None:
        inverse = np.broadcast_to(np.eye(4, dtype=np.float32), (count, 4, 4))
    else:
        inverse = _inverse_bind(source.inverse_bind_matrices, count, accessors, where, log)
    return Skin(
        name=source.name,
        joints=np.array(source.joints, np.int32),
        inverse_bind=np.ascontiguousarray(inverse),
        skeleton=-1 if source.skeleton is None else source.skeleton,
    )


def _inverse_bind(index: int, count: int, accessors: Accessors, where: str, log: IssueLog) -> NDArray[np.float32]:
    rows = accessors.read(index, where=f"{where}/inverseBindMatrices")
    if len(rows) < count or rows.shape[1] != 16 or rows.dtype.kind != "f":
        raise refusal("skin.inverse-bind", f"{len(rows)} matrices of {rows.dtype} for {count} joints", where=where)
    matrices = rows[:count].reshape(count, 4, 4).swapaxes(1, 2)
    flat = rows.reshape(-1)
    if math.isfinite(float(np.dot(flat, flat))) and flat[3::4].tobytes() == _LAST.tobytes() * len(rows):
        return matrices
    last = _LAST
    sound = np.isfinite(matrices).all(axis=(1, 2)) & (np.abs(matrices[:, 3] - last) < 1e-4).all(axis=1)
    if sound.all():
        return matrices
    log.add("skin.inverse-bind-value", f"{int((~sound).sum())} matrices are not affine", where=where)
    mended = matrices.copy()
    mended[:, 3] = last
    mended[~np.isfinite(mended).all(axis=(1, 2))] = np.eye(4)
    return mended


def _last_joint(mesh: Mesh, known: dict[int, int]) -> int:
    """The highest joint of a mesh; ``known`` by the identity of arrays, which primitives often share."""
    result = 0
    for primitive in mesh.primitives:
        joints = primitive.joints
        if joints is not None:
            if id(joints) not in known:
                known[id(joints)] = int(np.maximum.reduce(joints.reshape(-1), initial=0))
            result = max(result, known[id(joints)])
    return result


def _fit(primitive: Primitive, count: int, where: str, log: IssueLog) -> Primitive:
    joints, weights = primitive.joints, primitive.weights
    if joints is None or weights is None or int(joints.max(initial=0)) < count:
        return primitive
    beyond = joints >= count
    if bool((beyond & (weights > 0.0)).any()):
        log.add("skin.joint-range", f"joints up to {int(joints.max())} of {count}", where=where)
    kept = np.where(beyond, np.float32(0.0), weights)
    sums = kept.sum(axis=1, keepdims=True)
    kept /= np.where(sums > 0.0, sums, np.float32(1.0))
    kept[sums[:, 0] <= 0.0, 0] = 1.0
    return changed(primitive, joints=np.where(beyond, np.uint16(0), joints), weights=kept)
