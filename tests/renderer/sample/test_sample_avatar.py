"""The committed sample avatar: complete, clean, and its face does what the names say."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from renderer.animation.pose import Pose
from renderer.assets import Asset, load
from renderer.sample import SAMPLE, sample_avatar
from renderer.sample.face import NAMES
from renderer.scene import Mesh, Primitive
from tests.renderer.skinning import skin_matrices

REQUIRED_BONES = (
    *("hips", "spine", "chest", "neck", "head"),
    *(side + bone for side in ("left", "right") for bone in ("UpperArm", "LowerArm", "Hand")),
    *(side + bone for side in ("left", "right") for bone in ("UpperLeg", "LowerLeg", "Foot")),
)
FINGERS = tuple(
    side + finger + joint
    for side in ("left", "right")
    for finger, joints in (
        ("Thumb", ("Metacarpal", "Proximal", "Distal")),
        *((name, ("Proximal", "Intermediate", "Distal")) for name in ("Index", "Middle", "Ring", "Little")),
    )
    for joint in joints
)


@cache
def asset() -> Asset:
    return load(sample_avatar(), name="sample.glb")


def mesh(name: str) -> Mesh:
    return next(mesh for mesh in asset().avatar.meshes if mesh.name == name)


def moved(name: str, shape: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Resting positions and displacements of one mesh's shape."""
    found = mesh(name)
    primitive = found.primitives[0]
    move = primitive.targets[found.target_names.index(shape)].positions
    assert move is not None
    return primitive.positions, move


def primitives() -> list[Primitive]:
    return [primitive for mesh in asset().avatar.meshes for primitive in mesh.primitives]


def at(points: NDArray[np.float32], x: float, y: float, z: float) -> int:
    """The vertex nearest to a place."""
    return int(np.argmin(np.linalg.norm(points - np.array([x, y, z]), axis=1)))


def corner(side: float) -> int:
    """The vertex at a corner of the mouth; left is +1."""
    return at(mesh("Face").primitives[0].positions, side * 0.0232, 1.4635, 0.085)


def chin() -> int:
    points = mesh("Face").primitives[0].positions
    front = np.abs(points[:, 0]) < 0.01
    return int(np.flatnonzero(front)[np.argmin(np.linalg.norm(points[front] - [0, 1.425, 0.085], axis=1))])


def test_loads_clean_and_small() -> None:
    assert asset().issues == ()
    assert SAMPLE.stat().st_size < 3_000_000
    triangles = sum(len(p.indices) // 3 for p in primitives() if p.indices is not None)
    assert 20_000 <= triangles <= 40_000


def test_stands_on_the_ground_like_a_person() -> None:
    points = np.concatenate([primitive.positions for primitive in primitives()])
    assert points[:, 1].min() == pytest.approx(0.0, abs=0.004)
    assert 1.62 < points[:, 1].max() < 1.72
    at_rest = asset().avatar.humanoid
    world = Pose.rest(asset().avatar).world(asset().avatar)
    assert world[at_rest["leftHand"]][0, 3] > 0.2 > -0.2 > world[at_rest["rightHand"]][0, 3]
    nose = points[np.argmax(np.where(np.abs(points[:, 1] - 1.497) < 0.02, points[:, 2], -9))]
    assert nose[2] > 0.09  # faces +Z


def test_bones() -> None:
    bones = asset().avatar.humanoid
    missing = {*REQUIRED_BONES, *FINGERS, "leftEye", "rightEye", "upperChest", "leftToes", "leftShoulder"} - set(bones)
    assert not missing
    assert len(asset().avatar.skins[0].joints) == len(set(bones.values()))


def test_skin_weights() -> None:
    joints = len(asset().avatar.skins[0].joints)
    for primitive in primitives():
        assert primitive.joints is not None
        assert primitive.weights is not None
        assert primitive.joints.shape[1] == 4
        assert primitive.joints.max() < joints
        np.testing.assert_allclose(primitive.weights.sum(axis=1), 1.0, atol=1e-6)


def test_resting_skin_is_the_identity() -> None:
    avatar = asset().avatar
    for matrices in skin_matrices(avatar, Pose.rest(avatar).world(avatar)):
        np.testing.assert_allclose(matrices, np.broadcast_to(np.eye(4), matrices.shape), atol=2e-6)


def test_face_has_exactly_the_52_names() -> None:
    assert mesh("Face").target_names == NAMES
    assert len(NAMES) == 52
    for other in asset().avatar.meshes:
        assert set(other.target_names) <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_shape_moves_the_face_measurably(name: str) -> None:
    _, move = moved("Face", name)
    assert 0.0004 < np.linalg.norm(move, axis=1).max() < 0.06


@pytest.mark.parametrize("name", [name for name in NAMES if name.endswith(("Left", "Right")) and name[0] in "bec"])
def test_upper_face_shapes_stay_on_their_side(name: str) -> None:
    points, move = moved("Face", name)
    other = points[:, 0] < -0.012 if name.endswith("Left") else points[:, 0] > 0.012
    mine = np.linalg.norm(move[~other], axis=1).max()
    assert np.linalg.norm(move[other], axis=1).max() < 0.12 * mine


@pytest.mark.parametrize(
    "name", [name[:-4] for name in NAMES if name.endswith("Left") and name not in ("jawLeft", "mouthLeft")]
)
def test_left_and_right_are_mirror_images(name: str) -> None:
    points, left = moved("Face", name + "Left")
    _, right = moved("Face", name + "Right")
    flip = np.array([-1, 1, 1], np.float32)
    for index in np.argsort(-np.linalg.norm(left, axis=1))[:25]:
        # several vertices can share a place (the lips' line): one of them must be the twin
        twins = np.flatnonzero(np.linalg.norm(points - points[index] * flip, axis=1) < 1e-5)
        assert min(np.linalg.norm(right[twin] - left[index] * flip) for twin in twins) < 2e-5


EYE_CENTRE = np.array([0.0342, 1.530, 0.0675])


def lid_rims() -> list[tuple[int, int]]:
    """Pairs of vertices across the left eye's opening: the upper lid's lowest, the lower lid's highest."""
    points = mesh("Face").primitives[0].positions
    away = np.linalg.norm(points - EYE_CENTRE, axis=1)
    lids = np.flatnonzero((np.abs(away - 0.0208) < 3e-5) & (points[:, 2] > EYE_CENTRE[2]) & (points[:, 0] > 0))
    middle = 1.5305
    pairs = []
    for x in np.arange(-0.010, 0.0101, 0.002) + EYE_CENTRE[0]:
        column = lids[np.abs(points[lids, 0] - x) < 0.0011]
        above, below = column[points[column, 1] > middle], column[points[column, 1] < middle]
        if len(above) and len(below):
            pairs.append((above[np.argmin(points[above, 1])], below[np.argmax(points[below, 1])]))
    return pairs


def test_blink_closes_the_lids_over_the_eyeball() -> None:
    points, move = moved("Face", "eyeBlinkLeft")
    closed = points + move
    pairs = lid_rims()
    assert len(pairs) >= 8
    for upper, lower in pairs:
        assert points[upper, 1] - points[lower, 1] > 0.009
        assert abs(closed[upper, 1] - closed[lower, 1]) < 0.0012
    # at every stage the lids stay outside the eyeball
    eye = mesh("Eyes").primitives[0].positions
    centre = EYE_CENTRE
    near = (eye[:, 0] > 0) & (eye[:, 2] > centre[2])
    radius = np.median(np.linalg.norm(eye[near] - centre, axis=1))
    for weight in (0.25, 0.5, 0.75, 1.0):
        rim = [upper for upper, _ in pairs]
        stage = points[rim] + weight * move[rim]
        assert np.linalg.norm(stage - centre, axis=1).min() > radius - 0.0002


def test_lashes_go_with_the_lids() -> None:
    points, move = moved("Lashes", "eyeBlinkLeft")
    left = points[:, 0] > 0
    assert move[left, 1].min() < -0.008
    assert np.abs(move[~left]).max() == 0


def test_lashes_are_turned_by_the_lid_they_grow_on() -> None:
    points, move = moved("Lashes", "eyeBlinkLeft")
    left = points[:, 0] > 0
    points, closed = points[left], (points + move)[left]
    tips = np.linalg.norm(points - EYE_CENTRE, axis=1) > 0.0225
    roots = np.flatnonzero(~tips)
    nearest = roots[np.argmin(np.abs(points[tips, None, 0] - points[None, roots, 0]), axis=1)]

    def above(stage: NDArray[np.float32]) -> float:
        return float(np.median(stage[tips, 1] - stage[nearest, 1]))

    assert above(points) > 0.002
    assert above(closed) < 0.5 * above(points)


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_the_eye_s_inner_corner_is_not_torn_by_a_blink(side: float) -> None:
    points, move = moved("Face", "eyeBlinkLeft" if side > 0 else "eyeBlinkRight")
    near = np.linalg.norm(points - (EYE_CENTRE + np.array([-0.0145, 0.0034, 0.0149])) * [side, 1, 1], axis=1) < 0.005
    triangles = mesh("Face").primitives[0].indices.reshape(-1, 3)
    ends = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    first, second = ends[near[ends].all(axis=1)].T
    assert len(first) > 100

    def longest(stage: NDArray[np.float32]) -> float:
        return float(np.linalg.norm(stage[first] - stage[second], axis=1).max())

    assert longest(points + move) < 1.3 * longest(points)


def test_the_lower_teeth_are_seen_over_the_lip_of_an_open_mouth() -> None:
    points, jaw = moved("TeethLower", "jawOpen")
    colors = mesh("TeethLower").primitives[0].colors
    assert colors is not None
    white = (np.abs(points[:, 0]) < 0.004) & (colors[:, 0] < 1.3 * colors[:, 1])
    face, open_face = moved("Face", "jawOpen")
    lip = (np.abs(face[:, 0]) < 0.004) & (face[:, 1] > 1.45) & (face[:, 2] > 0.08) & (open_face[:, 1] < -0.012)
    for weight in (0.3, 0.6, 1.0):
        over = (points + weight * jaw)[white, 1].max() - (face + weight * open_face)[lip, 1].max()
        assert 0.0005 < over < 0.006
    # closed, they hide behind the upper ones, which lie before them
    upper = mesh("TeethUpper").primitives[0].positions
    assert points[white, 1].max() > upper[:, 1].min() + 0.002
    middle = np.abs(upper[:, 0]) < 0.004
    assert points[white, 2].max() < upper[middle & (upper[:, 1] < 1.47), 2].max()


def test_jaw_opens_downward_with_teeth_and_tongue() -> None:
    points, move = moved("Face", "jawOpen")
    assert move[chin(), 1] < -0.015
    forehead = points[:, 1] > 1.55
    assert np.abs(move[forehead]).max() == 0
    teeth, jaw = moved("TeethLower", "jawOpen")
    front = teeth[:, 2] > 0.07
    assert jaw[front, 1].max() < -0.010
    assert "jawOpen" not in mesh("TeethUpper").target_names
    # and the lips part
    lips = (np.abs(points[:, 0]) < 0.006) & (np.abs(points[:, 1] - 1.4615) < 0.004) & (points[:, 2] > 0.085)
    assert move[lips, 1].max() - move[lips, 1].min() > 0.015


DIRECTIONS = [
    ("mouthSmileLeft", +1, (0.004, 0.005, None)),
    ("mouthSmileRight", -1, (-0.004, 0.005, None)),
    ("mouthFrownLeft", +1, (None, -0.005, None)),
    ("mouthStretchLeft", +1, (0.005, None, None)),
    ("mouthDimpleLeft", +1, (0.002, None, -0.002)),
    ("mouthPucker", +1, (-0.005, None, 0.002)),
    ("mouthFunnel", +1, (-0.004, None, 0.002)),
    ("mouthLeft", +1, (0.005, None, None)),
    ("mouthRight", +1, (-0.005, None, None)),
]


@pytest.mark.parametrize(("name", "side", "least"), DIRECTIONS, ids=[row[0] for row in DIRECTIONS])
def test_corner_of_the_mouth_goes_the_right_way(name: str, side: int, least: tuple[float | None, ...]) -> None:
    _, move = moved("Face", name)
    step = move[corner(side)]
    for value, bound in zip(step, least, strict=True):
        if bound is not None:
            assert value * np.sign(bound) >= abs(bound), step


def peak(mesh_name: str, shape: str, axis: int) -> float:
    """The strongest displacement along an axis, with its sign."""
    _, move = moved(mesh_name, shape)
    return float(move[np.argmax(np.abs(move[:, axis])), axis])


@pytest.mark.parametrize(
    ("mesh_name", "shape", "axis", "sign"),
    [
        ("Brows", "browInnerUp", 1, +1),
        ("Brows", "browOuterUpLeft", 1, +1),
        ("Brows", "browDownLeft", 1, -1),
        ("Face", "cheekPuff", 2, +1),
        ("Face", "cheekSquintLeft", 1, +1),
        ("Face", "eyeWideLeft", 1, +1),
        ("Face", "jawForward", 2, +1),
        ("Face", "jawLeft", 0, +1),
        ("Face", "jawRight", 0, -1),
        ("Face", "mouthLowerDownLeft", 1, -1),
        ("Face", "mouthUpperUpLeft", 1, +1),
        ("Face", "mouthRollLower", 2, -1),
        ("Face", "mouthRollUpper", 2, -1),
        ("Face", "mouthShrugLower", 1, +1),
        ("Face", "mouthShrugUpper", 1, +1),
        ("Face", "noseSneerLeft", 1, +1),
        ("TeethLower", "tongueOut", 2, +1),
        ("TeethLower", "jawLeft", 0, +1),
    ],
)
def test_direction(mesh_name: str, shape: str, axis: int, sign: int) -> None:
    assert peak(mesh_name, shape, axis) * sign > 0.001


@pytest.mark.parametrize(
    ("shape", "side", "direction"),
    [
        ("eyeLookUpLeft", +1, (0, 1)),
        ("eyeLookDownLeft", +1, (0, -1)),
        ("eyeLookOutLeft", +1, (1, 0)),
        ("eyeLookInLeft", +1, (-1, 0)),
        ("eyeLookUpRight", -1, (0, 1)),
        ("eyeLookOutRight", -1, (-1, 0)),
        ("eyeLookInRight", -1, (1, 0)),
    ],
)
def test_gaze_turns_the_pupil(shape: str, side: int, direction: tuple[int, int]) -> None:
    points, move = moved("Eyes", shape)
    mine = np.sign(points[:, 0]) == side
    pupil = np.flatnonzero(mine)[np.argmax(points[mine, 2])]
    assert np.dot(move[pupil, :2], direction) > 0.005
    assert np.abs(move[~mine]).max() == 0


def test_mouth_close_takes_back_what_the_jaw_opened() -> None:
    points, opened = moved("Face", "jawOpen")
    _, closed = moved("Face", "mouthClose")
    lips = (np.abs(points[:, 0]) < 0.006) & (np.abs(points[:, 1] - 1.4615) < 0.0008) & (points[:, 2] > 0.085)
    both = (points + opened + closed)[lips, 1]
    assert np.ptp((points + opened)[lips, 1]) > 0.015
    assert np.ptp(both) < 0.004


def test_a_mouth_closed_over_an_open_jaw_is_shaded_by_the_surface_it_makes() -> None:
    found = mesh("Face")
    primitive = found.primitives[0]
    both = [primitive.targets[found.target_names.index(name)] for name in ("jawOpen", "mouthClose")]
    points = primitive.positions + sum(target.positions for target in both)
    faces = primitive.indices.reshape(-1, 3)
    a, b, c = (points[faces[:, i]] for i in range(3))
    sums = np.zeros_like(points)
    for corner_of in range(3):
        np.add.at(sums, faces[:, corner_of], np.cross(b - a, c - a))
    shaded = primitive.normals + sum(target.normals for target in both)
    moves = np.linalg.norm(both[1].positions, axis=1) > 0.004
    cosine = (unit(shaded) * unit(sums)).sum(axis=1)[moves]
    assert moves.sum() > 300
    assert np.degrees(np.arccos(np.clip(np.percentile(cosine, 5), -1, 1))) < 25


def unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def test_clips_are_those_of_the_five_groups() -> None:
    names = [clip.name for clip in asset().clips]
    assert names == ["hello", "idle_1", "idle_2", "listen", "speak_1", "speak_2", "speak_3", "think"]


def test_materials_are_for_people() -> None:
    avatar = asset().avatar
    assert all(material.metallic_factor == 0 for material in avatar.materials)
    names = {material.name for material in avatar.materials}
    assert {"Skin", "Eyes", "Brows", "Lashes", "Mouth", "Hair", "Knit", "Twill", "Shoes"} <= names
    pixels = 0
    for image in avatar.images:
        with Image.open(io.BytesIO(image.data)) as picture:
            pixels += picture.width * picture.height
    assert pixels < 1_200_000  # decoding is part of the first picture's time
    assert sum(len(image.data) for image in avatar.images) < 200_000


def test_mesh_has_no_holes_where_it_is_seen() -> None:
    """The face's open edges are its end in the collar, and what hides behind lids and lips."""
    face = mesh("Face").primitives[0]
    assert face.indices is not None
    _, place = np.unique(np.round(face.positions, 6), axis=0, return_inverse=True)
    triangles = place.reshape(-1)[face.indices.reshape(-1, 3)]
    edges = np.sort(np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]]), axis=1)
    edges = edges[edges[:, 0] != edges[:, 1]]
    unique, count = np.unique(edges, axis=0, return_counts=True)
    spots = np.zeros((place.max() + 1, 3), np.float32)
    spots[place.reshape(-1)] = face.positions
    border = spots[unique[count == 1].reshape(-1)]
    centre = np.array([0.0342, 1.530, 0.0675])
    folded = border * [1, 1, 1]
    folded[:, 0] = np.abs(folded[:, 0])
    in_collar = border[:, 1] < 1.35
    behind_lids = np.linalg.norm(folded - centre, axis=1) < 0.0189
    behind_lips = (np.abs(border[:, 1] - 1.46) < 0.02) & (np.abs(border[:, 0]) < 0.028) & (border[:, 2] < 0.093)
    crown = (border[:, 1] > 1.62) & (np.abs(border[:, 0]) < 0.01)
    assert (in_collar | behind_lids | behind_lips | crown).all()


def test_official_validator_finds_no_error() -> None:
    """gltf-validator, where npm has it at hand: ``npm i gltf-validator`` in a folder named by GLTF_VALIDATOR."""
    import os

    folder = os.environ.get("GLTF_VALIDATOR", "")
    node = shutil.which("node")
    if not folder or node is None:
        pytest.skip("gltf-validator is not installed (set GLTF_VALIDATOR to the folder of its node_modules)")
    script = (
        "const v=require(process.argv[1]+'/node_modules/gltf-validator');"
        "v.validateBytes(new Uint8Array(require('fs').readFileSync(process.argv[2])))"
        ".then(r=>console.log(JSON.stringify(r.issues)))"
    )
    done = subprocess.run([node, "-e", script, folder, str(SAMPLE)], capture_output=True, text=True, check=True)
    issues = json.loads(done.stdout)
    assert (issues["numErrors"], issues["numWarnings"]) == (0, 0), issues["messages"][:5]
