"""Springs, constraints and look-at of both VRM versions."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from renderer.animation.pose import Pose
from renderer.assets import Asset, load
from renderer.scene.rig import Collider, Constraint, LookAt, Range, Rig, Spring, SpringJoint

NODES: list[dict[str, Any]] = [
    {"name": "hips", "children": [1]},
    {"name": "hair", "children": [2, 3], "translation": [0, 1, 1]},
    {"name": "left"},
    {"name": "right"},
]


def made(extensions: dict[str, Any], nodes: list[dict[str, Any]] | None = None) -> Asset:
    return load(json.dumps({"asset": {"version": "2.0"}, "nodes": nodes or NODES, "extensions": extensions}).encode())


def test_version_0() -> None:
    group = {
        "comment": "hair",
        "stiffiness": 2,
        "gravityPower": 0.5,
        "gravityDir": {"x": 0, "y": -1, "z": 0},
        "dragForce": 0.25,
        "hitRadius": 0.125,
        "bones": [1, 99],
        "colliderGroups": [0, 7],
        "center": -1,
    }
    colliders = {"node": 0, "colliders": [{"offset": {"x": 1, "y": 2, "z": 3}, "radius": 0.5}]}
    first_person = {"lookAtTypeName": "BlendShape", "lookAtHorizontalInner": {"xRange": 90, "yRange": 0.5}}
    secondary = {"boneGroups": [group], "colliderGroups": [colliders]}
    asset = made({"VRM": {"secondaryAnimation": secondary, "firstPerson": first_person}})
    same = {"stiffness": 2, "drag": 0.25, "gravity": (0, -0.5, 0), "radius": 0.125}
    joints = (SpringJoint(node=1, tail=2, **same), SpringJoint(node=2, **same), SpringJoint(node=3, **same))
    rig = asset.avatar.rig
    assert rig.springs == (Spring(name="hair", joints=joints, colliders=(0,)),)
    assert rig.colliders == (Collider(node=0, offset=(1, 2, -3), radius=0.5),)
    assert rig.look_at is not None
    assert (rig.look_at.kind, rig.look_at.inner) == ("expression", Range(limit=math.pi / 2, scale=0.5))
    assert "vrm.bind" in {issue.code for issue in asset.issues}


def test_version_1() -> None:
    joint = {"hitRadius": 0.1, "stiffness": 3, "gravityPower": 2, "gravityDir": [0, -1, 0], "dragForce": 0.75}
    roll = {"roll": {"source": 2, "rollAxis": "Y", "weight": 2}}
    asset = made(
        {
            "VRMC_vrm": {"lookAt": {"type": "bone", "rangeMapVerticalUp": {"inputMaxValue": 45, "outputScale": 90}}},
            "VRMC_springBone": {
                "colliders": [
                    {"node": 50, "shape": {"sphere": {"radius": 1}}},
                    {"node": 1, "shape": {"capsule": {"offset": [0, 1, 0], "radius": 0.5, "tail": [0, 2, 0]}}},
                ],
                "colliderGroups": [{"colliders": [0, 1]}],
                "springs": [
                    {"name": "s", "joints": [{**joint, "node": 1}, {"node": 2}], "colliderGroups": [0], "center": 0}
                ],
            },
        },
        [
            *NODES[:3],
            {"extensions": {"VRMC_node_constraint": {"constraint": roll}}},
        ],
    )
    rig = asset.avatar.rig
    swinging = SpringJoint(node=1, tail=2, stiffness=3, drag=0.75, gravity=(0, -2, 0), radius=0.1)
    assert rig.springs == (Spring(name="s", joints=(swinging,), colliders=(0,), center=0),)
    assert rig.colliders == (Collider(node=1, offset=(0, 1, 0), radius=0.5, tail=(0, 2, 0)),)
    assert rig.constraints == (Constraint(kind="roll", node=3, source=2, axis="Y", weight=1),)
    plain = Range(limit=math.pi / 2, scale=math.radians(10))
    up = Range(limit=math.pi / 4, scale=math.pi / 2)
    assert rig.look_at == LookAt(kind="bone", offset=(0, 0.06, 0), inner=plain, outer=plain, down=plain, up=up)


def test_a_file_that_is_no_vrm_has_none() -> None:
    assert made({}).avatar.rig == Rig()


def test_version_0_faces_the_viewer_once_loaded() -> None:
    for extensions, z in (({"VRM": {}}, -1), ({"VRMC_vrm": {}}, 1), ({}, 1)):
        avatar = made(extensions).avatar
        assert Pose.rest(avatar).world(avatar)[1, :3, 3].tolist() == pytest.approx([0, 1, z])


def test_groups_that_repeat_one_bone_are_bounded() -> None:
    nodes = [{"children": [i + 1]} for i in range(4000)] + [{}]
    groups = [{"bones": [0] * 100}] * 2000
    rig = made({"VRM": {"secondaryAnimation": {"boneGroups": groups}}}, nodes).avatar.rig
    assert sum(len(spring.joints) for spring in rig.springs) == 10_000
