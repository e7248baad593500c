"""Which edges of a mesh make its outline."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

from renderer.gl.projection import view_projection
from renderer.gl.silhouettes import Piece, Silhouettes
from renderer.scene import Mode, Orthographic, Primitive, View

STILL = np.eye(4, dtype=np.float32)[None, :3]

CUBE = np.array([[x, y, z] for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)], np.float32)
FACES = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]


def cube(*, split: bool) -> Primitive:
    """A cube with eight vertices or, as normals want it, with twenty-four."""
    if not split:
        triangles = [t for a, b, c, d in FACES for t in (a, b, c, a, c, d)]
        return Primitive(positions=CUBE, indices=np.array(triangles, np.uint32))
    corners = [i for face in FACES for i in face]
    starts = range(0, 24, 4)
    triangles = [t for s in starts for t in (s, s + 1, s + 2, s, s + 2, s + 3)]
    return Primitive(positions=CUBE[corners], indices=np.array(triangles, np.uint32))


def seen_from(*eye: float) -> np.ndarray:
    return view_projection(
        View(eye=eye, target=(0.0, 0.0, 0.0), projection=Orthographic(height=4.0)), 1.0, flipped=False
    )


def silhouettes(primitive: Primitive, *, skinned: bool) -> Silhouettes:
    return Silhouettes([Piece(primitive=primitive, first=0, skinned=skinned)])


@pytest.mark.parametrize("split", [False, True])
@pytest.mark.parametrize(("eye", "edges"), [((0.0, 0.0, 5.0), 4), ((0.1, 0.1, 5.0), 6), ((3.0, 4.0, 5.0), 6)])
def test_a_cube_has_the_outline_of_a_square_or_a_hexagon(split: bool, eye: tuple[float, ...], edges: int) -> None:
    found = silhouettes(cube(split=split), skinned=False)
    outline = found.outline(found.clip(STILL, seen_from(*eye)))
    if edges == 4:  # faces seen edge on may belong to either side: four edges in the picture, each perhaps twice
        flat = {tuple(sorted(map(tuple, np.round(edge[:, :2], 3).tolist()))) for edge in outline}
        assert len({edge for edge in flat if edge[0] != edge[1]}) == 4
    else:
        assert len(outline) == 6


def test_an_open_edge_is_always_outline(shapes: ModuleType) -> None:
    found = silhouettes(shapes.quad(0.5), skinned=False)
    assert len(found.outline(found.clip(STILL, seen_from(0.2, 0.1, 5.0)))) == 4  # not the diagonal


def test_a_ball_has_a_closed_outline_at_its_radius(shapes: ModuleType) -> None:
    found = silhouettes(shapes.sphere(0.5), skinned=False)
    outline = found.outline(found.clip(STILL, seen_from(0.0, 0.0, 5.0)))[..., :2]
    radius = np.linalg.norm(outline, axis=2)
    assert radius.max() == pytest.approx(0.25, abs=1e-3)  # 4 m high: half a metre is a quarter of clip space
    assert radius.min() > 0.24
    ends = [tuple(np.round(end, 5).tolist()) for edge in outline for end in edge]
    assert all(ends.count(end) == 2 for end in set(ends))


def test_skinned_and_morphed_vertices_are_where_the_pose_has_them(shapes: ModuleType) -> None:
    rng = np.random.default_rng(1)
    ball = shapes.sphere(0.5, rows=6)
    count = len(ball.positions)
    weights = rng.random((count, 4)).astype(np.float32)
    weights /= weights.sum(axis=1, keepdims=True)
    joints = rng.integers(0, 5, (count, 4))
    primitive = shapes.skinned(ball, joints, weights)
    matrices = rng.normal(size=(6, 3, 4)).astype(np.float32)
    quad = shapes.quad(0.5)
    found = Silhouettes(
        [Piece(primitive=quad, first=5, skinned=False), Piece(primitive=primitive, first=0, skinned=True)]
    )
    moved = primitive.positions + rng.normal(size=(count, 3)).astype(np.float32)
    found.morph(1, moved)
    matrix = seen_from(0.0, 0.0, 5.0)

    def homogeneous(places: np.ndarray) -> np.ndarray:
        return np.concatenate((places, np.ones((len(places), 1), np.float32)), axis=1)

    world = np.einsum("vk,vkij,vj->vi", weights, matrices[joints], homogeneous(moved))
    rigid = homogeneous(quad.positions) @ matrices[5].T
    got = found.clip(matrices, matrix)
    # Random weights make every vertex its own: the order is that of the welding.
    for (used, part), expected in zip(found._vertices, (rigid, world), strict=True):
        np.testing.assert_allclose(got[part], (homogeneous(expected) @ matrix.T)[used], atol=1e-4)
    edges = found.outline(got)
    corners = (homogeneous(rigid) @ matrix.T)[[0, 1, 1, 2, 2, 3, 3, 0]].reshape(4, 2, 4)
    ends = {tuple(np.round(np.sort(edge[:, 0]), 3).tolist()) for edge in edges[:4]}
    assert ends == {tuple(np.round(np.sort(edge[:, 0]), 3).tolist()) for edge in corners}


@pytest.mark.parametrize("mode", [Mode.TRIANGLE_STRIP, Mode.TRIANGLE_FAN])
def test_strips_and_fans_have_the_edges_of_their_triangles(mode: Mode) -> None:
    strip = np.array([[-0.5, -0.5, 0], [0.5, -0.5, 0], [-0.5, 0.5, 0], [0.5, 0.5, 0]], np.float32)
    if mode is Mode.TRIANGLE_FAN:
        strip = strip[[0, 1, 3, 2]]
    found = silhouettes(Primitive(positions=strip, mode=mode), skinned=False)
    assert len(found.outline(found.clip(STILL, seen_from(0.0, 0.0, 5.0)))) == 4


def test_what_is_outside_the_picture_or_behind_the_viewer_is_left_out(shapes: ModuleType) -> None:
    found = silhouettes(shapes.quad(0.5), skinned=False)
    aside = STILL.copy()
    aside[0, 0, 3] = 10.0
    assert len(found.outline(found.clip(aside, seen_from(0.0, 0.0, 5.0)))) == 0
    behind = view_projection(View(eye=(0.0, 0.0, -1.0), target=(0.0, 0.0, -2.0)), 1.0, flipped=False)
    assert len(found.outline(found.clip(STILL, behind))) == 0


def test_a_mesh_without_triangles_has_no_edges() -> None:
    points = Primitive(positions=np.zeros((5, 3), np.float32), mode=Mode.POINTS)
    found = silhouettes(points, skinned=False)
    assert found.outline(found.clip(STILL, seen_from(0.0, 0.0, 5.0))).shape == (0, 2, 4)
