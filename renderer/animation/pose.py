"""A pose: every node's transform and the morph weights at one moment, and the matrices that follow from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from renderer.maths import compose
from renderer.scene.avatar import Avatar
from renderer.scene.hierarchy import Hierarchy

Floats = NDArray[np.float32]


@dataclass(slots=True, kw_only=True)
class Pose:
    """Local transforms of all nodes of an avatar.

    Attributes:
        translations: ``(n, 3)`` metres.
        rotations: ``(n, 4)`` unit quaternions xyzw.
        scales: ``(n, 3)``.
        weights: node index to morph weights ``(targets,)``, for every node whose mesh has targets.
    """

    translations: Floats
    rotations: Floats
    scales: Floats
    weights: dict[int, Floats]

    @classmethod
    def rest(cls, avatar: Avatar) -> Pose:
        """The pose the file stores; a node's own morph weights win over its mesh's."""
        nodes = avatar.nodes
        weights: dict[int, Floats] = {}
        for index, node in enumerate(nodes):
            if node.mesh >= 0 and len(avatar.meshes[node.mesh].weights):
                given = avatar.meshes[node.mesh].weights if node.weights is None else node.weights
                weights[index] = given.copy()
        return cls(
            translations=np.array([node.translation for node in nodes], np.float32).reshape(-1, 3),
            rotations=np.array([node.rotation for node in nodes], np.float32).reshape(-1, 4),
            scales=np.array([node.scale for node in nodes], np.float32).reshape(-1, 3),
            weights=weights,
        )

    def copy(self) -> Pose:
        """A pose of its own with the same values."""
        return Pose(
            translations=self.translations.copy(),
            rotations=self.rotations.copy(),
            scales=self.scales.copy(),
            weights={node: values.copy() for node, values in self.weights.items()},
        )

    def assign(self, other: Pose) -> None:
        """Take over the values of another pose of the same avatar, without new arrays."""
        self.translations[:] = other.translations
        self.rotations[:] = other.rotations
        self.scales[:] = other.scales
        for node, values in other.weights.items():
            self.weights[node][:] = values

    def world(self, avatar: Avatar) -> Floats:
        """World matrices ``(n, 4, 4)`` of all nodes, also of those outside the drawn scene."""
        return self.ordered(avatar.hierarchy).take(avatar.hierarchy.position, axis=0)

    def ordered(self, hierarchy: Hierarchy) -> Floats:
        """World matrices ``(n, 4, 4)`` of the nodes of a hierarchy, which may leave out some, in its order."""
        order = hierarchy.order
        # A file may hold transforms so large that their product is infinite; that is the file's picture.
        with np.errstate(over="ignore", invalid="ignore"):
            result = compose(
                self.translations.take(order, axis=0),
                self.rotations.take(order, axis=0),
                self.scales.take(order, axis=0),
            )
            if len(hierarchy.fixed):
                result[hierarchy.fixed] = hierarchy.fixed_matrices
            for begin, end, parents in hierarchy.levels:
                result[begin:end] = result.take(parents, axis=0) @ result[begin:end]
        return result
