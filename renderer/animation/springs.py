"""Swinging bones: hair, skirts, tails (VRMC_springBone 1.0 and VRM 0.x's secondary animation, which is the same sum).

Verlet integration of each bone's tail: inertia less drag, a pull back to the rest direction, gravity; the bone's length
is kept, and colliders push the tail out. Bones of one depth are worked out together, and joints are numbered by depth,
so that each depth is a slice of every array: there is little to calculate, and each call of numpy costs as much as it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from renderer.animation.collisions import Colliders, Placed, reaching
from renderer.animation.pose import Pose
from renderer.animation.spring_layout import all_above, depths_of, levels_of, spring_joints, tail_at_rest
from renderer.maths import compose, quaternion_multiply, quaternion_to_matrix
from renderer.scene.avatar import Avatar
from renderer.scene.hierarchy import Hierarchy

Array = NDArray[np.float64]

STEP = 1.0 / 60.0
"""Seconds of one step. The formula's stiffness and gravity are per step as much as per second: it wants a fixed one."""

_OPPOSITE = 1e-9
"""One plus the cosine of an angle up to which two directions count as opposite."""


@dataclass(slots=True, kw_only=True, frozen=True)
class _Aim:
    """Where tails are to go.

    Attributes:
        tails: ``(n, 3)`` where inertia and gravity take them, metres in the world.
        pull: ``(n,)`` metres by which stiffness pulls them back along their direction at rest; None for none.
        colliders: what they are kept out of; None for nothing.
    """

    tails: Array
    pull: Array | None = None
    colliders: Placed | None = None


@dataclass(slots=True, kw_only=True, frozen=True)
class _Sizes:
    """What follows from a pose's scales.

    Attributes:
        given: ``(a, 3)`` the scales of the joints and of all nodes above them, to see whether any has changed.
        even: no scale stretches one axis more than another, so that what is turned stays as long as it is.
        scales: ``(n, 3)`` the joints' own.
        mirrors: ``(n, 3, 3)`` the joints' rotations at rest after a mirroring along their direction and their scale.
        ends: ``(n, 4, 2)`` in the parents' frames: the arm to the tail at rest, and the head, which each pose fills in.
    """

    given: NDArray[np.float32]
    even: bool
    scales: Array
    mirrors: Array
    ends: Array


class Springs:
    """The springs of one avatar, and how they hang now."""

    def __init__(self, avatar: Avatar) -> None:
        self._avatar = avatar
        rest = Pose.rest(avatar)
        world = rest.world(avatar).astype(np.float64)
        found = {
            j.node: (s, j, tail)
            for s, j in spring_joints(avatar)
            if (tail := tail_at_rest(avatar, j, world)) is not None
        }
        depths = depths_of(avatar, found)
        moved = {node for swung, carried in depths for node in (*swung, *carried)}
        under = {avatar.nodes[node].parent for node in moved} - moved
        # What springs hang from and collide with: the only nodes whose place must be known before they swing.
        self._trunk = Hierarchy.of(avatar.nodes, only=under | {c.node for c in avatar.rig.colliders})
        self._levels = tuple(levels_of(avatar, depths, self._trunk))
        self._room = len(self._trunk.order) + 1 + len(moved)
        self.nodes = np.array([node for level in self._levels for node in level.nodes], np.intp)
        joints = [found[node] for node in self.nodes.tolist()]
        self._rest = rest.rotations[self.nodes]
        self._rest_matrices = quaternion_to_matrix(self._rest).astype(np.float64)
        self._tails = np.array([tail for _, _, tail in joints], np.float64).reshape(-1, 3)
        self._along = self._tails / np.sqrt(np.vecdot(self._tails, self._tails))[:, None]
        self._mirrors = np.eye(3) - 2.0 * self._along[:, :, None] * self._along[:, None, :]
        self._pull = np.array([joint.stiffness for _, joint, _ in joints], np.float64) * STEP
        self._kept = 1.0 - np.array([joint.drag for _, joint, _ in joints], np.float64)[:, None]
        self._gravity = np.array([joint.gravity for _, joint, _ in joints], np.float64).reshape(-1, 3) * STEP
        self._center = np.array([spring.center for spring, _, _ in joints], np.intp)
        self._centered = bool((self._center >= 0).any())
        radii = np.array([joint.radius for _, joint, _ in joints], np.float64)
        self._colliders = Colliders(
            avatar.rig.colliders, [spring.colliders for spring, _, _ in joints], radii, self._trunk.position
        )
        self._above = all_above(avatar, self.nodes)
        self._sheared = any(avatar.nodes[node].matrix is not None for node in self._above.tolist())
        self._sizes: _Sizes | None = None
        self._depth = np.repeat(np.arange(len(self._levels)), [len(level.nodes) for level in self._levels])
        self._guarded = [True] * len(self._levels)
        self._now = np.zeros_like(self._tails)
        self._before = np.zeros_like(self._tails)
        self._ways = self._along.copy()  # in the joints' own frames

    def __bool__(self) -> bool:
        return len(self.nodes) > 0

    def reset(self, pose: Pose) -> None:
        """Let everything hang at rest in this pose, without a motion."""
        self._hang(pose, None, self._world(pose), self._centers(pose))
        self._before = self._now.copy()

    def step(self, pose: Pose) -> None:
        """Let ``STEP`` seconds pass, at whose end the rest of the avatar is in this pose."""
        centers = self._centers(pose)
        world = self._world(pose)
        now, before = _moved(centers, self._now), _moved(centers, self._before)
        aim = _Aim(
            tails=now + (now - before) * self._kept + self._gravity,
            pull=self._pull,
            colliders=self._colliders.placed(world) if self._colliders else None,
        )
        self._before = self._now
        self._hang(pose, aim, world, centers)

    def apply(self, pose: Pose, share: float) -> None:
        """Turn the bones as they hang; ``share`` 0..1 from the last step but one to the last one."""
        ways = self._ways
        if share < 1.0:
            between = _moved(self._centers(pose), self._before + (self._now - self._before) * share)
            _, ways = self._sweep(pose, _Aim(tails=between), self._world(pose))
        pose.rotations[self.nodes] = quaternion_multiply(self._rest, _turns(self._along, ways))

    def _hang(self, pose: Pose, aim: _Aim | None, world: Array, centers: Array | None) -> None:
        tails, self._ways = self._sweep(pose, aim, world)
        self._now = tails if centers is None else _moved(np.linalg.inv(centers).astype(np.float64), tails)

    def _sweep(self, pose: Pose, aim: _Aim | None, world: Array) -> tuple[Array, Array]:
        """From the roots outwards: where each bone is, where its tail goes, and the turn that takes it there.

        Without an aim tails go to where they would rest. Returns them, and the ways to them in the joints' own frames.
        ``world`` is used up.
        """
        colliders = None if aim is None else aim.colliders
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            tails, ways = self._swept(pose, aim, world, careful=False)
            if colliders is not None and not all(self._guarded) and colliders.hit(tails)[self._unguarded()].any():
                self._guarded = [True] * len(self._levels)
                tails, ways = self._swept(pose, aim, self._world(pose), careful=False)
        far = np.sqrt(np.vecdot(ways, ways))
        least = np.minimum.reduce(np.vecdot(ways, self._along) + (1.0 - 2.0 * _OPPOSITE) * far, initial=1.0)
        if least > 0.0 and np.add.reduce(tails, axis=None) < np.inf:  # never so of what is not a number
            return tails, ways
        self._guarded = [True] * len(self._levels)
        return self._swept(pose, aim, self._world(pose), careful=True)

    def _unguarded(self) -> NDArray[np.bool_]:
        """Which joints are not kept out of colliders while they are swept, because none of their depth touched one."""
        return np.array([not guarded for guarded in self._guarded])[self._depth]

    def _swept(self, pose: Pose, aim: _Aim | None, world: Array, *, careful: bool) -> tuple[Array, Array]:
        """One sweep, as ``_sweep`` describes it.

        The smallest rotation from one direction to another is two mirrorings: along the first direction, and then along
        the middle of both. The first is the same in every step (``_Sizes.mirrors``), so that a bone costs the second.

        Args:
            careful: whatever is not finite or has no direction goes to where it would rest.
        """
        count = len(self.nodes)
        sizes = self._sizes_of(pose)
        even = sizes.even and not careful
        mirrors = sizes.mirrors if even else self._mirrors * sizes.scales[:, None, :]
        ends = sizes.ends
        ends[:, :3, 1] = pose.translations.take(self.nodes, axis=0)
        tails, inner, mirrored = np.empty((count, 3)), np.empty((count, 3)), np.empty((count, 3, 3))
        for depth, level in enumerate(self._levels):
            rows = level.rows
            if len(level.nodes):
                above = world.take(level.parents, axis=0, out=world[level.places], mode="clip")
                placed = above @ ends[rows]
                arms, heads = placed[:, :3, 0], placed[:, :3, 1]
                turned, ways = above[:, :3, :3], inner[rows]
                guard = self._guarded[depth]
                self._guarded[depth] = _aimed(aim, rows, heads, arms, ways, careful=careful, guarded=guard)
                np.add(heads, ways, out=tails[rows])
                if even:
                    # Arms and ways are of one length: their sum is the middle of both.
                    frames = np.matmul(turned, mirrors[rows], out=mirrored[rows])
                    middle = arms + ways
                    across = middle * (2.0 / np.vecdot(middle, middle))[:, None]
                    np.subtract(frames, across[:, :, None] * np.vecmat(middle, frames)[:, None, :], out=turned)
                else:
                    frames = turned @ self._rest_matrices[rows]
                    ways[:] = _inside(frames * sizes.scales[rows, None, :], ways)
                    along = self._along[rows]
                    middle = along * np.sqrt(np.vecdot(ways, ways))[:, None] + ways
                    if careful:
                        lost = ~(np.vecdot(middle, middle) > 2.0 * _OPPOSITE * np.vecdot(ways, ways))
                        middle[lost] = ways[lost] = along[lost]
                    across = middle * (2.0 / np.vecdot(middle, middle))[:, None]
                    frames -= np.matvec(frames, middle)[:, :, None] * across[:, None, :]
                    np.matmul(frames, mirrors[rows], out=turned)
                above[:, :3, 3] = heads
            if len(level.carried):
                local = compose(
                    pose.translations[level.carried], pose.rotations[level.carried], pose.scales[level.carried]
                )
                world[level.carried_places] = world.take(level.carriers, axis=0) @ local
        if even:
            # What was mirrored sees the ways mirrored.
            inner = np.matvec(self._mirrors, np.vecmat(inner, mirrored))
        return tails, inner

    def _sizes_of(self, pose: Pose) -> _Sizes:
        """What follows from the pose's scales, which hardly ever change."""
        given = pose.scales.take(self._above, axis=0)
        if self._sizes is None or not (given == self._sizes.given).all():
            scales = pose.scales.take(self.nodes, axis=0).astype(np.float64)
            ends = np.zeros((len(self.nodes), 4, 2))
            ends[:, :3, 0] = np.matvec(self._rest_matrices, self._tails * scales)
            ends[:, 3, 1] = 1.0
            self._sizes = _Sizes(
                given=given,
                even=not self._sheared and bool((given == given[:, :1]).all()),
                scales=scales,
                mirrors=self._rest_matrices @ (self._mirrors * scales[:, None, :]),
                ends=ends,
            )
        return self._sizes

    def _world(self, pose: Pose) -> Array:
        """World matrices of the trunk as the pose has it, of what hangs from nothing, and room for what moves."""
        count = len(self._trunk.order)
        world = np.empty((self._room, 4, 4))
        world[:count] = pose.ordered(self._trunk)
        world[count] = _IDENTITY
        return world

    def _centers(self, pose: Pose) -> Array | None:
        """For each joint the frame in which its inertia is measured; None when that is the world for all."""
        if not self._centered:
            return None
        world = pose.world(self._avatar).astype(np.float64)
        chosen = world[self._center]
        sound = (self._center >= 0) & (np.abs(np.linalg.det(chosen[:, :3, :3])) > 1e-12)
        return np.where(sound[:, None, None], chosen, np.eye(4))


_IDENTITY = np.eye(4)


def _aimed(
    aim: _Aim | None, rows: slice, heads: Array, arms: Array, ways: Array, *, careful: bool, guarded: bool
) -> bool:
    """Fill in ``ways``: from the heads to where the tails of some joints go, if ``guarded`` not into colliders.

    Returns whether they are to be guarded the next time.
    """
    if aim is None:
        ways[:] = arms
        return guarded
    lengths = np.sqrt(np.vecdot(arms, arms))
    np.subtract(aim.tails[rows], heads, out=ways)
    if aim.pull is not None:
        ways += arms * (aim.pull[rows] / (np.maximum(lengths, 1e-12) if careful else lengths))[:, None]
    if careful:
        ways[:] = reaching(ways, arms, lengths)
    else:
        ways *= (lengths / np.sqrt(np.vecdot(ways, ways)))[:, None]
    if aim.colliders is None or not guarded:
        return guarded
    return aim.colliders.push_out(rows, ways, heads, arms, lengths, careful=careful)


def _moved(frames: Array | None, points: Array) -> Array:
    """Each point by its own frame."""
    if frames is None:
        return points
    result: Array = np.einsum("nij,nj->ni", frames[:, :3, :3], points) + frames[:, :3, 3]
    return result


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


def _turns(along: Array, ways: Array) -> Array:
    """The smallest rotations ``(n, 4)`` from unit directions to directions; the identity where one is opposite."""
    far = np.sqrt(np.vecdot(ways, ways))
    quaternions = np.empty((len(along), 4))
    quaternions[:, :3] = _cross(along, ways)
    quaternions[:, 3] = np.vecdot(along, ways) + far
    quaternions[~(quaternions[:, 3] > _OPPOSITE * far)] = (0.0, 0.0, 0.0, 1.0)
    quaternions /= np.sqrt(np.vecdot(quaternions, quaternions))[:, None]
    return quaternions
