"""The generator: the same each time, the same as the committed file, and its tools do what they say."""

from __future__ import annotations

import json
import struct
from functools import cache

import numpy as np
import pytest

from renderer.sample import SAMPLE, field, mesher, triangulate
from renderer.sample.__main__ import main
from renderer.sample.build import STAGES, build


@cache
def made() -> tuple[bytes, tuple[str, ...]]:
    stages: list[str] = []
    return build(stages.append), tuple(stages)


def parts(data: bytes) -> tuple[dict, bytes]:
    size = struct.unpack_from("<I", data, 12)[0]
    return json.loads(data[20 : 20 + size]), data[28 + size :]


def test_generator_makes_the_committed_file() -> None:
    """Structure to the letter; numbers to what another processor's rounding may change; pictures by their size."""
    old, old_bytes = parts(SAMPLE.read_bytes())
    new, new_bytes = parts(made()[0])
    for key in ("nodes", "skins", "materials", "textures", "samplers", "scenes"):
        assert new[key] == old[key], key
    assert [mesh["name"] for mesh in new["meshes"]] == [mesh["name"] for mesh in old["meshes"]]
    assert [mesh["extras"] for mesh in new["meshes"] if "extras" in mesh] == [
        mesh["extras"] for mesh in old["meshes"] if "extras" in mesh
    ]
    for one, other in zip(old["meshes"], new["meshes"], strict=True):
        for p, q in zip(one["primitives"], other["primitives"], strict=True):
            a, b = (floats(d, b, i["attributes"]["POSITION"]) for d, b, i in ((old, old_bytes, p), (new, new_bytes, q)))
            np.testing.assert_allclose(b, a, atol=1e-5, err_msg=one["name"])


def floats(document: dict, binary: bytes, accessor: int) -> np.ndarray:
    entry = document["accessors"][accessor]
    view = document["bufferViews"][entry["bufferView"]]
    start = view["byteOffset"]
    return np.frombuffer(binary[start : start + entry["count"] * 12], np.float32).reshape(-1, 3)


def test_generator_tells_how_far_it_is() -> None:
    assert made()[1] == STAGES


def test_command_writes_the_file(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("renderer.sample.__main__.build", lambda progress: progress("skin") or b"glTF")
    assert main(["--out", str(tmp_path / "x.glb")]) == 0
    assert (tmp_path / "x.glb").read_bytes() == b"glTF"


def test_command_says_when_it_cannot_write(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setattr("renderer.sample.__main__.build", lambda progress: b"glTF")
    assert main(["--out", str(tmp_path / "none" / "x.glb")]) == 3
    assert "cannot write" in capsys.readouterr().err


def test_surface_nets_of_a_sphere_is_closed_and_round() -> None:
    def ball(points: field.Array) -> field.Array:
        return field.sphere(points, (0.1, 0.2, 0.3), 1.0)

    xs = np.linspace(-1.3, 1.5, 24)
    shape = mesher.surface_nets(ball, xs, np.linspace(-1.1, 1.6, 30), xs + 0.2)
    assert np.abs(ball(shape.points)).max() < 2e-3
    np.testing.assert_allclose(shape.normals, shape.points - [0.1, 0.2, 0.3], atol=5e-3)
    edges = np.sort(np.concatenate([shape.faces[:, [0, 1]], shape.faces[:, [1, 2]], shape.faces[:, [2, 0]]]), axis=1)
    assert (np.unique(edges, axis=0, return_counts=True)[1] == 2).all()
    a, b, c = (shape.points[shape.faces[:, i]] - [0.1, 0.2, 0.3] for i in range(3))
    volume = np.einsum("ij,ij->", a, np.cross(b, c)) / 6
    assert volume == pytest.approx(4 / 3 * np.pi, rel=0.02)  # positive: triangles face outward


def test_delaunay_circles_are_empty() -> None:
    points = np.random.default_rng(3).uniform(0, 1, (300, 2))
    faces = triangulate.delaunay(points)
    circles = triangulate._circles(points, faces)
    away = ((points[None] - circles[:, None, :2]) ** 2).sum(-1)
    assert (away > circles[:, None, 2] * (1 - 1e-9)).all()
    a, b, c = (points[faces[:, i]] for i in range(3))
    areas = ((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]) / 2
    assert (areas > 0).all()
    assert areas.sum() == pytest.approx(hull_area(points), rel=0.02)


def hull_area(points: np.ndarray) -> float:
    """Area of the convex hull (monotone chain)."""
    ordered = sorted(map(tuple, points))

    def half(rows: list[tuple[float, ...]]) -> list[tuple[float, ...]]:
        chain: list[tuple[float, ...]] = []
        for p in rows:
            while len(chain) > 1 and (chain[-1][0] - chain[-2][0]) * (p[1] - chain[-2][1]) <= (
                chain[-1][1] - chain[-2][1]
            ) * (p[0] - chain[-2][0]):
                chain.pop()
            chain.append(p)
        return chain[:-1]

    hull = np.array(half(ordered) + half(ordered[::-1]))
    x, y = hull.T
    return float(0.5 * np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)))


def test_scatter_keeps_its_distance() -> None:
    fixed = np.array([[0.5, 0.5]])
    kept = triangulate.scatter(
        fixed, np.random.default_rng(1).uniform(0, 1, (3000, 2)), lambda p: np.full(len(p), 0.08)
    )
    every = np.concatenate([fixed, kept])
    away = np.linalg.norm(every[:, None] - every[None], axis=2) + np.eye(len(every))
    assert away.min() >= 0.08
    assert len(kept) > 60


def test_smooth_union_keeps_both_and_rounds_the_seam() -> None:
    a, b = np.array([1.0, 0.1, -0.5]), np.array([5.0, 0.1, 2.0])
    np.testing.assert_allclose(field.union(a, b, 0.4), [1.0, 0.0, -0.5])
