"""The node hierarchy and the scene that is drawn (glTF 2.0, section 3.5)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from renderer.assets.document import Document, NodeObject
from renderer.assets.extensions import LightReference, read
from renderer.assets.issues import IssueLog, refusal
from renderer.assets.meshes import fit_weights
from renderer.maths import compose, decompose
from renderer.scene.mesh import Mesh
from renderer.scene.node import Node

_EXACT = 1e-4
_ORIGIN, _NATURAL, _UNTURNED = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0, 1.0)

Row = NDArray[np.float32]


def read_nodes(document: Document, meshes: tuple[Mesh, ...], *, lights: int, log: IssueLog) -> tuple[Node, ...]:
    """Every node of the file. Raises AssetError ``reference.range``, ``node.two-parents``, ``node.cycle``."""
    parents = _parents(document.nodes)
    _refuse_cycles(document.nodes, parents)
    transforms = _Transforms(document.nodes, log)
    return tuple(
        _node(node, parents[i], i, document, meshes, lights, log, transform)
        for i, (node, transform) in enumerate(zip(document.nodes, transforms.each(), strict=True))
    )


def drawn_scene(
    document: Document, nodes: tuple[Node, ...], *, log: IssueLog
) -> tuple[str, tuple[int, ...], tuple[int, ...]]:
    """Name, roots and nodes (parents first) of the scene that is drawn.

    That is the default scene; without one the first; in a file without scenes, every node that has no parent.
    Raises AssetError ``reference.range``.
    """
    name = ""
    listed = [i for i, node in enumerate(nodes) if node.parent < 0]
    if document.scenes:
        chosen = document.scene or 0
        if chosen >= len(document.scenes):
            log.add("scene.reference", f"scene {chosen} does not exist", where="/scene")
            chosen = 0
        name, where = document.scenes[chosen].name, f"/scenes/{chosen}/nodes"
        listed = []
        for index in document.scenes[chosen].nodes:
            if index >= len(nodes):
                raise refusal("reference.range", f"node {index} does not exist", where=where)
            if index in listed or nodes[index].parent >= 0:
                log.add("scene.root", f"node {index} is listed twice or has a parent", where=where)
            listed.append(index)
    order: dict[int, None] = {}
    roots = tuple(dict.fromkeys(listed))
    stack = list(reversed(roots))
    while stack:
        index = stack.pop()
        if index not in order:
            order[index] = None
            stack.extend(reversed(nodes[index].children))
    return name, roots, tuple(order)


def _parents(nodes: list[NodeObject]) -> list[int]:
    parents = [-1] * len(nodes)
    for i, node in enumerate(nodes):
        for child in node.children:
            where = f"/nodes/{i}/children"
            if child >= len(nodes):
                raise refusal("reference.range", f"node {child} does not exist", where=where)
            if parents[child] >= 0:
                raise refusal("node.two-parents", f"node {child} has more than one parent", where=where)
            parents[child] = i
    return parents


def _refuse_cycles(nodes: list[NodeObject], parents: list[int]) -> None:
    """With at most one parent each, the nodes that no root leads to are those on or below a cycle."""
    reached = [parent < 0 for parent in parents]
    stack = [i for i, root in enumerate(reached) if root]
    while stack:
        children = nodes[stack.pop()].children
        stack.extend(children)
        for child in children:
            reached[child] = True
    if not all(reached):
        index = reached.index(False)
        raise refusal("node.cycle", f"node {index} hangs in a cycle", where=f"/nodes/{index}")


def _node(
    source: NodeObject,
    parent: int,
    index: int,
    document: Document,
    meshes: tuple[Mesh, ...],
    lights: int,
    log: IssueLog,
    transform: tuple[Row, Row, Row, Row | None],
) -> Node:
    translation, rotation, scale, matrix = transform
    children = tuple(source.children)
    if source.mesh is None and source.skin is None and source.camera is None and not source.extensions:
        # Most nodes are bones.
        return Node(
            name=source.name,
            parent=parent,
            children=children,
            translation=translation,
            rotation=rotation,
            scale=scale,
            matrix=matrix,
        )
    where = f"/nodes/{index}"
    mesh, skin = -1 if source.mesh is None else source.mesh, -1 if source.skin is None else source.skin
    if mesh >= len(meshes):
        raise refusal("reference.range", f"mesh {mesh} does not exist", where=f"{where}/mesh")
    if skin >= len(document.skins):
        raise refusal("reference.range", f"skin {skin} does not exist", where=f"{where}/skin")
    camera = -1 if source.camera is None else source.camera
    if camera >= len(document.cameras):
        log.add("node.reference", f"camera {camera} does not exist", where=where)
        camera = -1
    light = -1
    if source.extensions:
        reference = read(source.extensions, "KHR_lights_punctual", LightReference, log=log, where=where)
        light = reference.light if reference else -1
    if light >= lights:
        log.add("node.reference", f"light {light} does not exist", where=where)
        light = -1
    weights = None
    if mesh >= 0 and source.weights is not None:
        weights = fit_weights(source.weights, len(meshes[mesh].weights), log=log, where=f"{where}/weights")
    return Node(
        name=source.name,
        parent=parent,
        children=children,
        translation=translation,
        rotation=rotation,
        scale=scale,
        matrix=matrix,
        mesh=mesh,
        skin=skin,
        camera=camera,
        light=light,
        weights=weights,
    )


def _identity() -> tuple[Row, Row, Row]:
    return np.zeros(3, np.float32), np.array((0, 0, 0, 1), np.float32), np.ones(3, np.float32)


class _Transforms:
    """The local transforms of all nodes: rows of common arrays where they are in TRS form, else one by one."""

    def __init__(self, nodes: list[NodeObject], log: IssueLog) -> None:
        self._matrices = {
            i: _from_matrix(node, f"/nodes/{i}", log) for i, node in enumerate(nodes) if node.matrix is not None
        }
        plain = [node if node.matrix is None else _NO_TRANSFORM for node in nodes]
        translations = _rows([node.translation or _ORIGIN for node in plain], 3)
        scales = _rows([node.scale or _NATURAL for node in plain], 3)
        turns = _rows([node.rotation or _UNTURNED for node in plain], 4)
        lengths = np.sqrt((turns * turns) @ np.ones(4))
        if len(nodes) and not (abs(float(lengths.max()) - 1.0) <= 1e-3 and abs(float(lengths.min()) - 1.0) <= 1e-3):
            for i in np.flatnonzero(~(np.abs(lengths - 1.0) <= 1e-3)):
                log.add("node.rotation", f"the rotation's length is {lengths[i]:g}", where=f"/nodes/{i}")
            usable = (lengths > 0.0) & (lengths < np.inf)
            turns = np.where(usable[:, None], turns, _UNTURNED)
            lengths = np.where(usable, lengths, 1.0)
        self._translations, self._scales = translations.astype(np.float32), scales.astype(np.float32)
        self._rotations = (turns / lengths[:, None]).astype(np.float32)
        if not math.isfinite(float(self._translations.sum()) + float(self._scales.sum())):
            self._mend(log)

    def _mend(self, log: IssueLog) -> None:
        """Leave out what is not finite; that a sum is not does not yet say so."""
        finite = np.isfinite(self._translations).all(axis=1) & np.isfinite(self._scales).all(axis=1)
        for i in np.flatnonzero(~finite):
            log.add("node.transform", "the transform is not finite", where=f"/nodes/{i}")
        self._translations[~finite], self._scales[~finite] = 0.0, 1.0
        self._rotations[~finite] = _UNTURNED

    def each(self) -> Iterator[tuple[Row, Row, Row, Row | None]]:
        """For each node TRS, and the matrix itself where TRS cannot express it."""
        rows = zip(self._translations, self._rotations, self._scales, strict=True)
        for index, (translation, rotation, scale) in enumerate(rows):
            given = self._matrices.get(index)
            yield given if given is not None else (translation, rotation, scale, None)


def _rows(values: Sequence[tuple[float, ...]], width: int) -> NDArray[np.float64]:
    return np.fromiter(chain.from_iterable(values), np.float64, width * len(values)).reshape(-1, width)


_NO_TRANSFORM = NodeObject()


def _from_matrix(source: NodeObject, where: str, log: IssueLog) -> tuple[Row, Row, Row, Row | None]:
    if source.translation or source.rotation or source.scale:
        log.add("node.matrix-and-trs", "both a matrix and TRS", where=where)
    # glTF stores columns; rows are what numpy prints.
    flat = np.asarray(source.matrix, np.float64)
    if flat.shape != (16,) or not np.isfinite(flat.astype(np.float32)).all():
        log.add("node.transform", "the matrix has not 16 finite numbers", where=f"{where}/matrix")
        return (*_identity(), None)
    matrix = flat.reshape(4, 4).T
    parts = decompose(matrix)
    size = max(1.0, float(np.abs(matrix).max()))
    exact = float(np.abs(compose(*parts) - matrix).max()) <= _EXACT * size
    return (*parts, None if exact else matrix.astype(np.float32))
