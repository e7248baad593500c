"""Swinging bones: hair, skirts, tails (VRMC_springBone 1.0 and VRM 0.x's secondary animation, which is the same sum).

Verlet integration of each bone's tail: inertia less drag, a pull back to the rest direction, gravity; the bone's length
is kept, and colliders push the tail out. Bones of one depth are worked out together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from renderer.animation.pose import Pose
from renderer.maths import compose, quaternion_multiply, quaternion_to_matrix
from renderer.scene.avatar import Avatar
from renderer.scene.rig import Collider, Spring, SpringJoint

Array = NDArray[np.float64]
Indices = NDArray[np.intp]

STEP = 1.0 / 60.0
"""Seconds of one step. The formula's stiffness and gravity are per step as much as per second: it wants a fixed one."""

_LOOSE_END = 0.07
"""Metres; the length of a bone that ends in nothing (VRM 0.x)."""


@dataclass(slots=True, kw_only=True, frozen=True)
class _Level:
    """Nodes of one depth that swing (``nodes``, the ``rows`` of the joints) or are merely carried along."""

    nodes: Indices
    parents: Indices
    rows: Indices
    carried: Indices
    carriers: Indices


class Springs:
    """The springs of one avatar, and how they hang now."""

    def __init__(self, avatar: Avatar) -> None:
        self._avatar = avatar
        rest = Pose.rest(avatar)
        world = rest.world(avatar).astype(np.float64)
        found = [(s, j, tail) for s, j in _joints(avatar) if (tail := _tail(avatar, j, world)) is not None]
        self.nodes = np.array([joint.node for _, joint, _ in found], np.intp)
        self._rest = rest.rotations[self.nodes]
        self._rest_matrices = quaternion_to_matrix(self._rest).astype(np.float64)
        self._tails = np.array([tail for _, _, tail in found], np.float64).reshape(-1, 3)
        self._stiffness = np.array([joint.stiffness for _, joint, _ in found], np.float64)
        self._drag = np.array([joint.drag for _, joint, _ in found], np.float64)
        self._gravity = np.array([joint.gravity for _, joint, _ in found], np.float64).reshape(-1, 3)
        self._radius = np.array([joint.radius for _, joint, _ in found], np.float64)
        self._center = np.array([spring.center for spring, _, _ in found], np.intp)
        self._colliders = _Colliders(avatar.rig.colliders, [spring.colliders for spring, _, _ in found])
        self._levels = tuple(_levels(avatar, self.nodes))
        self._rotations = self._rest.copy()
        self._now = np.zeros_like(self._tails)
        self._before = np.zeros_like(self._tails)

    def __bool__(self) -> bool:
        return len(self.nodes) > 0

    def reset(self, pose: Pose) -> None:
        """Let everything hang at rest in this pose, without a motion."""
        self._sweep(pose, lambda rows, heads, arms: heads + arms)
        self._before = self._now.copy()

    def step(self, pose: Pose) -> None:
        """Let ``STEP`` seconds pass, at whose end the rest of the avatar is in this pose."""
        centers = self._centers(pose)
        world = pose.world(self._avatar).astype(np.float64)
        placed = self._colliders.placed(world)
        now, before = _moved(centers, self._now), _moved(centers, self._before)

        def swing(rows: Indices, heads: Array, arms: Array) -> Array:
            lengths = np.sqrt(np.einsum("ni,ni->n", arms, arms))[:, None]
            tails = (
                now[rows]
                + (now[rows] - before[rows]) * (1.0 - self._drag[rows])[:, None]
                + arms / np.maximum(lengths, 1e-12) * (self._stiffness[rows] * STEP)[:, None]
                + self._gravity[rows] * STEP
            )
            tails = _reaching(heads, tails, arms, lengths)
            return placed.pushed_out(rows, tails, heads, arms, lengths, self._radius[rows])

        self._before = self._now
        self._sweep(pose, swing, world=world)

    def apply(self, pose: Pose, share: float) -> None:
        """Turn the bones as they hang; ``share`` 0..1 from the last step but one to the last one."""
        if share >= 1.0:
            pose.rotations[self.nodes] = self._rotations
            return
        centers = self._centers(pose)
        kept = self._now, self._rotations
        between = _moved(centers, self._before + (self._now - self._before) * share)
        self._sweep(
            pose,
            lambda rows, heads, arms: _reaching(
                heads, between[rows], arms, np.sqrt((arms * arms).sum(axis=1))[:, None]
            ),
        )
        pose.rotations[self.nodes] = self._rotations
        self._now, self._rotations = kept

    def _sweep(
        self,
        pose: Pose,
        tails_of: Callable[[Indices, Array, Array], Array],
        *,
        world: Array | None = None,
    ) -> None:
        """From the roots outwards: where each bone is, where its tail goes, and the turn that takes it there.

        ``tails_of`` gets rows of joints, where the bones begin, and from there to where their tails would rest.
        """
        world = pose.world(self._avatar).astype(np.float64) if world is None else world
        rotations = np.empty_like(self._rotations)
        tails = np.empty_like(self._now)
        for level in self._levels:
            rows, nodes = level.rows, level.nodes
            if len(rows):
                above = _above(world, level.parents)
                shift, scale = pose.translations[nodes], pose.scales[nodes]
                heads = np.einsum("nij,nj->ni", above[:, :3, :3], shift) + above[:, :3, 3]
                frames = above[:, :3, :3] @ self._rest_matrices[rows] * scale[:, None, :]
                arms = np.einsum("nij,nj->ni", frames, self._tails[rows])
                tails[rows] = tails_of(rows, heads, arms)
                rotations[rows] = quaternion_multiply(
                    self._rest[rows], _turn(self._tails[rows], _inside(frames, tails[rows] - heads))
                )
                world[nodes] = above @ compose(shift, rotations[rows], scale)
            if len(level.carried):
                local = compose(
                    pose.translations[level.carried], pose.rotations[level.carried], pose.scales[level.carried]
                )
                world[level.carried] = world[level.carriers] @ local
        self._rotations = rotations
        centers = self._centers(pose)
        self._now = tails if centers is None else _moved(np.linalg.inv(centers).astype(np.float64), tails)

    def _centers(self, pose: Pose) -> Array | None:
        """For each joint the frame in which its inertia is measured; None when that is the world for all."""
        if not (self._center >= 0).any():
            return None
        world = pose.world(self._avatar).astype(np.float64)
        chosen = world[self._center]
        sound = (self._center >= 0) & (np.abs(np.linalg.det(chosen[:, :3, :3])) > 1e-12)
        return np.where(sound[:, None, None], chosen, np.eye(4))


class _Colliders:
    """All colliders, and for each joint those that it minds, filled up with -1."""

    def __init__(self, colliders: tuple[Collider, ...], minded: list[tuple[int, ...]]) -> None:
        self._nodes = np.array([c.node for c in colliders], np.intp)
        self._ends = np.array([[c.offset, c.tail or c.offset] for c in colliders], np.float64).reshape(-1, 2, 3)
        self._radii = np.array([c.radius for c in colliders], np.float64)
        self._round = not any(c.tail for c in colliders)
        width = max((len(indices) for indices in minded), default=0)
        self._minded = np.full((len(minded), width), -1, np.intp)
        for row, indices in enumerate(minded):
            self._minded[row, : len(indices)] = indices

    def placed(self, world: Array) -> _Placed:
        """Where the colliders are."""
        matrices = world[self._nodes]
        ends = np.einsum("cij,cej->cei", matrices[:, :3, :3], self._ends) + matrices[:, None, :3, 3]
        scales = np.sqrt((matrices[:, :3, :3] ** 2).sum(axis=1)).max(axis=1) if len(matrices) else np.zeros(0)
        return _Placed(
            begins=ends[:, 0],
            spans=ends[:, 1] - ends[:, 0],
            radii=self._radii * scales,
            minded=self._minded,
            round=self._round,
        )


@dataclass(slots=True, kw_only=True, frozen=True)
class _Placed:
    """Colliders in the world: capsules of a begin, a span (zero for spheres) and a radius."""

    begins: Array
    spans: Array
    radii: Array
    minded: Indices
    round: bool  # no spans but zero

    def pushed_out(self, rows: Indices, tails: Array, heads: Array, arms: Array, lengths: Array, radii: Array) -> Array:
        """The tails moved out of the colliders, one collider after the other, each time at the bone's length again."""
        minded = self.minded[rows]
        if not minded.size or not (minded >= 0).any():
            return tails
        if not self._hits(minded, tails[:, None], radii[:, None])[0].any():
            return tails
        for column in minded.T:
            hit, near, away, reach = self._hits(column, tails, radii)
            if hit.any():
                length = np.sqrt((away * away).sum(axis=-1, keepdims=True))
                out = near + away / np.maximum(length, 1e-12) * reach[:, None]
                tails = np.where(hit[:, None], _reaching(heads, out, arms, lengths), tails)
        return tails

    def _hits(self, which: Indices, tails: Array, radii: Array) -> tuple[NDArray[np.bool_], Array, Array, Array]:
        """Which tails are inside, the nearest points of the colliders' axes, the way from there, the least distance."""
        begins, spans = self.begins[which], self.spans[which]
        if self.round:
            near = begins
        else:
            along = ((tails - begins) * spans).sum(axis=-1) / np.maximum((spans * spans).sum(axis=-1), 1e-12)
            near = begins + spans * np.minimum(np.maximum(along, 0.0), 1.0)[..., None]
        away = tails - near
        reach = self.radii[which] + radii
        return (which >= 0) & ((away * away).sum(axis=-1) < reach * reach), near, away, reach


def _joints(avatar: Avatar) -> list[tuple[Spring, SpringJoint]]:
    """Every joint that can swing, once: the first spring that names a node has it."""
    found: dict[int, tuple[Spring, SpringJoint]] = {}
    for spring in avatar.rig.springs:
        for joint in spring.joints:
            if avatar.nodes[joint.node].matrix is None:
                found.setdefault(joint.node, (spring, joint))
    return list(found.values())


def _tail(avatar: Avatar, joint: SpringJoint, world: Array) -> Array | None:
    """The joint's tail at rest, in its own frame; None where it has no direction."""
    if joint.tail >= 0:
        frame = world[joint.node]
        if abs(np.linalg.det(frame[:3, :3])) < 1e-18:
            return None
        tail = np.linalg.solve(frame[:3, :3], world[joint.tail, :3, 3] - frame[:3, 3])
    else:
        tail = avatar.nodes[joint.node].translation.astype(np.float64)
        tail = tail / max(float(np.linalg.norm(tail)), 1e-12) * _LOOSE_END
    return tail if np.isfinite(tail).all() and float(np.linalg.norm(tail)) > 1e-6 else None


def _levels(avatar: Avatar, nodes: Indices) -> list[_Level]:
    """All that swings or is carried by what swings, by depth."""
    row = {int(node): i for i, node in enumerate(nodes)}
    depth: dict[int, int] = {}
    moved: set[int] = set()
    levels: dict[int, tuple[list[int], list[int]]] = {}
    for index in avatar.hierarchy.order.tolist():
        parent = avatar.nodes[index].parent
        depth[index] = depth.get(parent, -1) + 1
        if index in row or parent in moved:
            moved.add(index)
            swinging, carried = levels.setdefault(depth[index], ([], []))
            (swinging if index in row else carried).append(index)
    return [
        _Level(
            nodes=np.array(swinging, np.intp),
            parents=np.array([avatar.nodes[i].parent for i in swinging], np.intp),
            rows=np.array([row[i] for i in swinging], np.intp),
            carried=np.array(carried, np.intp),
            carriers=np.array([avatar.nodes[i].parent for i in carried], np.intp),
        )
        for _, (swinging, carried) in sorted(levels.items())
    ]


def _above(world: Array, parents: Indices) -> Array:
    if parents.min(initial=0) >= 0:
        return world[parents]
    return np.where((parents >= 0)[:, None, None], world[parents], np.eye(4))


def _moved(frames: Array | None, points: Array) -> Array:
    """Each point by its own frame."""
    if frames is None:
        return points
    result: Array = np.einsum("nij,nj->ni", frames[:, :3, :3], points) + frames[:, :3, 3]
    return result


def _reaching(heads: Array, tails: Array, arms: Array, lengths: Array) -> Array:
    """The tails at the bones' lengths from the heads; one that falls onto its head goes to where it would rest."""
    way = tails - heads
    far = np.sqrt(np.einsum("ni,ni->n", way, way))[:, None]
    sound = (far > 1e-9) & (far < np.inf)
    if sound.all():
        way *= lengths / far
        way += heads
        return way
    return heads + np.where(sound, way / np.where(sound, far, 1.0) * lengths, arms)


def _inside(frames: Array, ways: Array) -> Array:
    """World directions as seen from the frames; one without volume sees none."""
    # Cramer's rule on columns: LAPACK takes four times as long for so few and so small ones.
    x, y, z = frames[:, :, 0], frames[:, :, 1], frames[:, :, 2]
    yz = _cross(y, z)
    volume = np.einsum("ni,ni->n", x, yz)
    sound = np.abs(volume) > 1e-18
    if not sound.all():
        volume = np.where(sound, volume, np.inf)
    result = np.empty_like(ways)
    result[:, 0] = np.einsum("ni,ni->n", yz, ways)
    result[:, 1] = np.einsum("ni,ni->n", _cross(z, x), ways)
    result[:, 2] = np.einsum("ni,ni->n", _cross(x, y), ways)
    result /= volume[:, None]
    return result


def _cross(a: Array, b: Array) -> Array:
    """By components: numpy's own cross product takes four times as long for so few rows."""
    (ax, ay, az), (bx, by, bz) = a.T, b.T
    result = np.empty((len(a), 3))
    result[:, 0] = ay * bz - az * by
    result[:, 1] = az * bx - ax * bz
    result[:, 2] = ax * by - ay * bx
    return result


def _turn(a: Array, b: Array) -> Array:
    """The smallest rotations ``(n, 4)`` from directions to directions; the identity where one is zero or opposite."""
    product = np.sqrt(np.einsum("ni,ni->n", a, a) * np.einsum("ni,ni->n", b, b))
    real = product + np.einsum("ni,ni->n", a, b)
    quaternions = np.empty((len(a), 4))
    quaternions[:, :3] = _cross(a, b)
    quaternions[:, 3] = real
    opposite = real <= 1e-9 * product
    if opposite.any():
        quaternions[opposite] = (0.0, 0.0, 0.0, 1.0)
    length = np.sqrt(np.einsum("ni,ni->n", quaternions, quaternions))
    if length.all():
        quaternions /= length[:, None]
        return quaternions
    usable = (length > 0.0)[:, None]
    result: Array = np.where(usable, quaternions / np.where(usable, length[:, None], 1.0), (0.0, 0.0, 0.0, 1.0))
    return result
