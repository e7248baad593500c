"""The platform's cameras: whoever is in front of them fits the picture."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from renderer.animation.pose import Pose
from renderer.assets import Asset, load
from renderer.maths import look_at, perspective
from renderer.sample import sample_avatar
from renderer.scene import Perspective, View
from renderer.scene.extent import extent
from renderer.scene.framing import frame_avatar
from tests.renderer.skinning import world_positions

ASPECT = 9 / 16


@pytest.fixture(scope="module")
def person() -> Asset:
    return load(sample_avatar())


def posed(asset: Asset, scale: float = 1.0) -> np.ndarray:
    """World matrices of the first clip's beginning (arms down), the whole avatar scaled."""
    pose = asset.player().pose(0.0) if asset.clips else Pose.rest(asset.avatar)
    world = pose.world(asset.avatar).copy()
    world[:, :3] *= scale
    return world


def seen(view: View, points: np.ndarray, aspect: float = ASPECT) -> np.ndarray:
    """Points ``(n, 3)`` in the picture: x and y from -1 to 1."""
    projection = view.projection
    assert isinstance(projection, Perspective)
    matrix = perspective(yfov=projection.yfov, aspect=aspect, znear=projection.znear, zfar=projection.zfar) @ look_at(
        view.eye, view.target, view.up
    )
    clip = np.c_[points, np.ones(len(points))] @ matrix.T
    assert (clip[:, 2] > -clip[:, 3]).all(), "nothing is cut off in front"
    assert (clip[:, 2] < clip[:, 3]).all(), "nor behind"
    return clip[:, :2] / clip[:, 3:]


def corners(asset: Asset, world: np.ndarray) -> np.ndarray:
    box = extent(asset.avatar, world)
    assert box is not None
    return np.array(
        [[x[0], y[1], z[2]] for x in (box.low, box.high) for y in (box.low, box.high) for z in (box.low, box.high)]
    )


@pytest.mark.parametrize("scale", [0.3, 1.0, 20.0])
@pytest.mark.parametrize("locate", [0, 2])
def test_full_body_is_in_the_picture_head_to_toe(person: Asset, scale: float, locate: int) -> None:
    """A child, a grown-up and a giant."""
    world = posed(person, scale)
    at = seen(frame_avatar(person.avatar, [world], locate=locate, aspect=ASPECT), corners(person, world))
    assert np.abs(at).max() <= 1.0
    assert at[:, 1].max() - at[:, 1].min() > (1.5 if locate == 0 else 1.0)
    assert abs(at[:, 1].max() + at[:, 1].min()) < 0.2


def test_near_is_nearer_than_far(person: Asset) -> None:
    world = posed(person)
    distances = [
        math.dist(view.eye, view.target)
        for view in (frame_avatar(person.avatar, [world], locate=locate, aspect=ASPECT) for locate in range(5))
    ]
    near, head, far, half_near, half_far = distances
    assert head < half_near < near < far
    assert half_near < half_far < far


@pytest.mark.parametrize("scale", [0.3, 1.0, 20.0])
def test_close_up_holds_the_head_and_not_the_hips(person: Asset, scale: float) -> None:
    world = posed(person, scale)
    view = frame_avatar(person.avatar, [world], locate=1, aspect=ASPECT)
    humanoid = person.avatar.humanoid
    skull = extent(person.avatar, world, below=humanoid["head"])
    assert skull is not None
    top = np.array([[view.target[0], skull.high[1], view.target[2]]])
    assert 0.3 < seen(view, top)[0, 1] < 1.0
    assert abs(seen(view, world[[humanoid["head"]], :3, 3])[0]).max() < 0.7
    assert seen(view, world[[humanoid["hips"]], :3, 3])[0, 1] < -1.0


def test_half_body_is_from_the_hips_up(person: Asset) -> None:
    world = posed(person)
    view = frame_avatar(person.avatar, [world], locate=3, aspect=ASPECT)
    humanoid = person.avatar.humanoid
    hips, foot = seen(view, world[[humanoid["hips"], humanoid["leftFoot"]], :3, 3])
    assert -1.0 < hips[1] < -0.6
    assert foot[1] < -1.0


def test_left_and_right_are_those_of_the_picture(person: Asset) -> None:
    world = posed(person)
    chest = world[[person.avatar.humanoid["chest"]], :3, 3]
    left, middle, right = (
        seen(frame_avatar(person.avatar, [world], locate=locate, aspect=1.6), chest, 1.6)[0, 0] for locate in (5, 3, 6)
    )
    assert left < -0.3
    assert middle == pytest.approx(0.0, abs=0.05)
    assert right > 0.3


@pytest.mark.parametrize(("angle", "side"), [(1, -1.0), (2, 1.0)])
def test_angles_go_round_by_thirty_degrees(person: Asset, angle: int, side: float) -> None:
    world = posed(person)
    view = frame_avatar(person.avatar, [world], angle=angle, aspect=ASPECT)
    across, along = view.eye[0] - view.target[0], view.eye[2] - view.target[2]
    assert math.degrees(math.atan2(across, along)) == pytest.approx(30.0 * side)
    assert np.abs(seen(view, corners(person, world))[:, 1]).max() <= 1.05


def test_all_poses_of_a_clip_fit(person: Asset) -> None:
    first, second = posed(person), posed(person)
    second[:, 0, 3] += 1.5
    view = frame_avatar(person.avatar, [first, second], aspect=ASPECT)
    for world in (first, second):
        assert np.abs(seen(view, corners(person, world))).max() <= 1.0


@pytest.mark.parametrize("wrong", [{"locate": 7}, {"locate": -1}, {"angle": 3}])
def test_there_are_seven_cameras_and_three_angles(person: Asset, wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="no camera"):
        frame_avatar(person.avatar, [posed(person)], **wrong)


@pytest.mark.shared
@pytest.mark.parametrize("name", ["catbot.vrm", "greenman.glb", "RobotExpressive.glb", "facecap.glb", "brunette-t.glb"])
@pytest.mark.parametrize("locate", range(7))
def test_cats_robots_and_heads_have_something_in_every_picture(shared: Path, name: str, locate: int) -> None:
    asset = load(shared / "models" / "avatars" / name)
    world = Pose.rest(asset.avatar).world(asset.avatar)
    view = frame_avatar(asset.avatar, [world], locate=locate, aspect=ASPECT)
    box = extent(asset.avatar, world)
    assert box is not None
    at = seen(view, corners(asset, world))
    if locate in (0, 2):
        assert np.abs(at).max() <= 1.0
    low, high = at.min(axis=0), at.max(axis=0)
    assert (low < 0.9).all()
    assert (high > -0.9).all()


@pytest.mark.shared
@pytest.mark.parametrize("name", ["avatars/greenman.glb", "avatars/facecap.glb", "khronos/Duck.glb"])
@pytest.mark.parametrize("locate", range(7))
def test_what_has_no_parts_is_shown_whole_by_every_camera(shared: Path, name: str, locate: int) -> None:
    asset = load(shared / "models" / name)
    world = posed(asset)
    at = seen(frame_avatar(asset.avatar, [world], locate=locate, aspect=ASPECT), corners(asset, world))
    assert np.abs(at).max() <= 1.05
    shift = (at[:, 0].max() + at[:, 0].min()) / 2
    assert np.sign(round(shift, 1)) == {5: -1.0, 6: 1.0}.get(locate, 0.0)


WIDE = (
    "avatars/RobotExpressive.glb",
    "avatars/catbot.vrm",
    "avatars/Michelle.glb",
    "avatars/brunette-t.glb",
)


@pytest.mark.shared
@pytest.mark.parametrize("name", WIDE)
@pytest.mark.parametrize("locate", range(7))
def test_a_head_is_not_cut_however_wide_or_deep(shared: Path, name: str, locate: int) -> None:
    asset = load(shared / "models" / name)
    world = posed(asset)
    skull = extent(asset.avatar, world, below=asset.avatar.humanoid["head"])
    assert skull is not None
    low, high = skull.low, skull.high
    ends = np.array([[x, y, skull.center[2]] for x in (low[0], high[0]) for y in (low[1], high[1])])
    at = seen(frame_avatar(asset.avatar, [world], locate=locate, aspect=ASPECT), ends)
    assert np.abs(at).max() < 1.0


@pytest.mark.shared
@pytest.mark.parametrize("locate", range(7))
def test_the_head_of_one_without_a_head_bone_is_not_cut_either(shared: Path, locate: int) -> None:
    asset = load(shared / "models/khronos/CesiumMan.glb")
    assert "head" not in asset.avatar.humanoid
    pose = asset.player().pose(0.0)
    points = np.concatenate([found for _, _, found in world_positions(asset.avatar, pose)])
    head = points[points[:, 1] > points[:, 1].min() + 0.87 * np.ptp(points[:, 1])]
    view = frame_avatar(asset.avatar, [pose.world(asset.avatar)], locate=locate, aspect=ASPECT)
    assert np.abs(seen(view, head)).max() < 1.0


@pytest.mark.shared
@pytest.mark.parametrize("name", [*WIDE, "khronos/CesiumMan.glb", "avatars/greenman.glb"])
def test_a_part_is_never_shown_smaller_than_the_whole(shared: Path, name: str) -> None:
    asset = load(shared / "models" / name)
    world = posed(asset)

    for aspect in (ASPECT, 1.0, 1.6):
        views = [frame_avatar(asset.avatar, [world], locate=locate, aspect=aspect) for locate in (1, 0, 3, 2)]
        head, whole, half, far = (float(np.ptp(seen(view, corners(asset, world), aspect)[:, 1])) for view in views)
        assert head >= 0.995 * whole
        assert half >= 0.995 * whole
        assert far < 0.8 * whole
