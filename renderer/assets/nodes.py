"""The node hierarchy and the scene that is drawn (glTF 2.0, section 3.5)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import chain
from operator import lt

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
_ONES = np.ones(4)
_ORIGIN, _NATURAL, _UNTURNED = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0, 1.0)

Row = NDArray[np.float32]


def read_nodes(document: Document, meshes: tuple[Mesh, ...], *, lights: int, log: IssueLog) -> tuple[Node, ...]:
    """Every node of the file. Raises AssetError ``reference.range``, ``node.two-parents``, ``node.cycle``."""
    parents = _parents(document.nodes)
    _refuse_cycles(document.nodes, parents)
    transforms = _Transforms(document.nodes, log)
    nodes: list[Node] = []
    for source, parent, translation, rotation, scale in zip(document.nodes, parents, *transforms.rows(), strict=True):
        node = Node(
            name=source.name,
            parent=parent,
            children=source.children,
            translation=translation,
            rotation=rotation,
            scale=scale,
        )
        # Most nodes are bones.
        if source.mesh is not None or source.skin is not None or source.camera is not None or source.extensions:
            _refer(node, source, f"/nodes/{len(nodes)}", document, meshes, lights, log)
        nodes.append(node)
    for index, (translation, rotation, scale, matrix) in transforms.matrices.items():
        nodes[index].translation, nodes[index].rotation, nodes[index].scale = translation, rotation, scale
        nodes[index].matrix = matrix
    return tuple(nodes)


def drawn_scene(
    document: Document, nodes: tuple[Node, ...], *, log: IssueLog
) -> tuple[str, tuple[int, ...], tuple[int, ...]]:
    """Name, roots and nodes (parents first) of the scene that is drawn.

    That is the default scene; without one the first; in a file without scenes, every node that has no parent.
    Raises AssetError ``reference.range``.
    """
    name = ""
    listed: list[int] = []
    if document.scenes:
        chosen = document.scene or 0
        if chosen >= len(document.scenes):
            log.add("scene.reference", f"scene {chosen} does not exist", where="/scene")
            chosen = 0
        name, where = document.scenes[chosen].name, f"/scenes/{chosen}/nodes"
        for index in document.scenes[chosen].nodes:
            if index >= len(nodes):
                raise refusal("reference.range", f"node {index} does not exist", where=where)
            if index in listed or nodes[index].parent >= 0:
                log.add("scene.root", f"node {index} is listed twice or has a parent", where=where)
            listed.append(index)
    else:
        listed = [i for i, node in enumerate(nodes) if node.parent < 0]
    roots = tuple(dict.fromkeys(listed))
    order: dict[int, None] = {}
    stack = list(reversed(roots))
    while stack:
        index = stack.pop()
        if index not in order:
            order[index] = None
            if children := nodes[index].children:
                stack += children[::-1]
    return name, roots, tuple(order)


def _parents(nodes: list[NodeObject]) -> list[int]:
    count = len(nodes)
    parents = [-1] * count
    for i, node in enumerate(nodes):
        for child in node.children:
            if child >= count:
                raise refusal("reference.range", f"node {child} does not exist", where=f"/nodes/{i}/children")
            if parents[child] >= 0:
                message = f"node {child} has more than one parent"
                raise refusal("node.two-parents", message, where=f"/nodes/{i}/children")
            parents[child] = i
    return parents


def _refuse_cycles(nodes: list[NodeObject], parents: list[int]) -> None:
    """With at most one parent each, the nodes that no root leads to are those on or below a cycle."""
    if all(map(lt, parents, range(len(parents)))):
        return  # Each comes after its parent, as most exporters write them: that leaves no way back.
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


def _refer(
    node: Node,
    source: NodeObject,
    where: str,
    document: Document,
    meshes: tuple[Mesh, ...],
    lights: int,
    log: IssueLog,
) -> None:
    """Give a node what it carries."""
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
    if mesh >= 0 and source.weights is not None:
        node.weights = fit_weights(source.weights, len(meshes[mesh].weights), log=log, where=f"{where}/weights")
    node.mesh, node.skin, node.camera, node.light = mesh, skin, camera, light


def _identity() -> tuple[Row, Row, Row]:
    return np.zeros(3, np.float32), np.array((0, 0, 0, 1), np.float32), np.ones(3, np.float32)


class _Transforms:
    """The local transforms of all nodes: rows of common arrays where they are in TRS form, else one by one.

    ``matrices``: by node, TRS and, where TRS cannot express it, the matrix itself.
    """

    def __init__(self, nodes: list[NodeObject], log: IssueLog) -> None:
        self.matrices: dict[int, tuple[Row, Row, Row, Row | None]] = {
            i: _from_matrix(node, f"/nodes/{i}", log) for i, node in enumerate(nodes) if node.matrix is not None
        }
        plain = nodes
        if self.matrices:
            plain = [node if node.matrix is None else _NO_TRANSFORM for node in nodes]
        translations = _rows([node.translation for node in plain], _ORIGIN)
        scales = _rows([node.scale for node in plain], _NATURAL)
        turns = _rows([node.rotation for node in plain], _UNTURNED)
        lengths = np.sqrt((turns * turns) @ _ONES)
        longest, shortest = np.maximum.reduce(lengths, initial=1.0), np.minimum.reduce(lengths, initial=1.0)
        if not (longest <= 1.001 and shortest >= 0.999):
            for i in np.flatnonzero(~(np.abs(lengths - 1.0) <= 1e-3)):
                log.add("node.rotation", f"the rotation's length is {lengths[i]:g}", where=f"/nodes/{i}")
            usable = (lengths > 0.0) & (lengths < np.inf)
            turns = np.where(usable[:, None], turns, _UNTURNED)
            lengths = np.where(usable, lengths, 1.0)
        self._translations, self._scales = translations.astype(np.float32), scales.astype(np.float32)
        self._rotations = (turns / lengths[:, None]).astype(np.float32)
        places, sizes = self._translations.reshape(-1), self._scales.reshape(-1)
        if not math.isfinite(np.dot(places, places) + np.dot(sizes, sizes)):
            self._mend(log)

    def _mend(self, log: IssueLog) -> None:
        """Leave out what is not finite; that a sum of squares is not does not yet say so."""
        finite = np.isfinite(self._translations).all(axis=1) & np.isfinite(self._scales).all(axis=1)
        for i in np.flatnonzero(~finite):
            log.add("node.transform", "the transform is not finite", where=f"/nodes/{i}")
        self._translations[~finite], self._scales[~finite] = 0.0, 1.0
        self._rotations[~finite] = _UNTURNED

    def rows(self) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        """Translations, rotations and scales, one row a node; those of ``matrices`` have an identity."""
        return self._translations, self._rotations, self._scales


def _rows(values: Sequence[tuple[float, ...] | None], default: tuple[float, ...]) -> NDArray[np.float64]:
    width = len(default)
    if not any(values):
        return np.full((len(values), width), default)
    numbers = chain.from_iterable([value or default for value in values])
    return np.fromiter(numbers, np.float64, width * len(values)).reshape(-1, width)


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
