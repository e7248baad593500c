"""Faces: whatever a file calls its shapes, the right ones move."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from renderer.animation.arkit import ARKIT, arkit_channel
from renderer.animation.expression import Face
from renderer.animation.pose import Pose
from renderer.assets import load
from renderer.errors import AssetError
from renderer.scene import Expression, MorphBind


def spellings(name: str) -> list[str]:
    """How exporters write a channel's name."""
    sided = name.removesuffix("Left").removesuffix("Right")
    side = name[len(sided) :]
    words = "".join(f"_{c.lower()}" if c.isupper() else c for c in name)
    found = [name, name[0].upper() + name[1:], words, words.upper(), f"head_blendShape.{name}", f"Wolf3D_Head_{name}"]
    if side and sided not in ("mouth", "jaw"):
        found += [f"{sided}_{side[0]}", f"{sided}{side[0]}", f"blendShape1.{sided}_{side[0]}", f"{sided}.{side}"]
    return found


@pytest.mark.parametrize("name", ARKIT)
def test_any_spelling(name: str) -> None:
    assert {spelling: arkit_channel(spelling) for spelling in spellings(name)} == dict.fromkeys(spellings(name), name)


def test_other_names_are_none_of_them() -> None:
    names = ["viseme_aa", "mouthSmile", "mouthOpen", "eyesClosed", "blink", "Basis", "", "jaw", "leftEye", "eyeBlink"]
    assert [name for name in names if arkit_channel(name)] == []
    assert arkit_channel("mouthCheekPuff") == "cheekPuff"


def test_the_list_is_the_platforms() -> None:
    assert len(ARKIT) == 52
    assert list(ARKIT) == sorted(ARKIT)
    assert (ARKIT[8], ARKIT[24], ARKIT[51]) == ("eyeBlinkLeft", "jawOpen", "tongueOut")


@pytest.mark.shared
@pytest.mark.parametrize(("name", "meshes"), [("brunette-t.glb", 4), ("facecap.glb", 1)])
def test_files_with_all_52(shared: Path, name: str, meshes: int) -> None:
    face = Face(load(shared / "models/avatars" / name).avatar)
    assert face.arkit == ARKIT
    assert len(face.binds("jawOpen")) == meshes
    assert face.binds("JAW_OPEN") == face.binds("jawOpen")


def test_one_value_drives_every_mesh_that_has_the_shape(make: Any) -> None:
    avatar = make.avatar(
        make.node(mesh=0), make.node(mesh=1), meshes=[make.face("x", "jawOpen"), make.face("JawOpen", "eyeBlink_L")]
    )
    pose = Pose.rest(avatar)
    driver = Face(avatar).driver(("jaw_open", "eyeBlinkLeft"))
    driver.apply(pose, np.array([0.5, 2.0], np.float32))
    assert [pose.weights[0].tolist(), pose.weights[1].tolist()] == [[0, 0.5], [0.5, 1]]
    driver.apply(pose, np.array([0.0, -1.0], np.float32))
    assert not pose.weights[0].any()
    assert not pose.weights[1].any()


def test_an_exact_name_wins_over_a_meaning(make: Any) -> None:
    avatar = make.avatar(make.node(mesh=0), meshes=[make.face("aa", "jawOpen")])
    face = Face(avatar)
    assert face.binds("aa") == (MorphBind(node=0, target=0),)
    assert face.binds("jawOpen") == (MorphBind(node=0, target=1),)


def test_presets_made_of_arkit_and_arkit_made_of_presets(make: Any) -> None:
    face = Face(make.avatar(make.node(mesh=0), meshes=[make.face("eyeBlink_L", "eyeBlink_R")]))
    assert {bind.target for bind in face.binds("blink")} == {0, 1}
    vrm = make.avatar(make.node(mesh=0), meshes=[make.face("Fcl_A", "Fcl_Close")])
    vrm.expressions = {
        "aa": Expression(name="aa", binds=(MorphBind(node=0, target=0, weight=0.5),)),
        "blink": Expression(name="blink", binds=(MorphBind(node=0, target=1),)),
    }
    face = Face(vrm)
    assert face.binds("jawOpen") == (MorphBind(node=0, target=0, weight=0.5),)
    assert face.binds("eyeBlinkRight") == (MorphBind(node=0, target=1),)
    assert face.binds("tongueOut") == ()
    pose = Pose.rest(vrm)
    face.driver(("jawOpen",)).apply(pose, np.ones(1, np.float32))
    assert pose.weights[0].tolist() == [0.5, 0]


def test_an_unknown_name_is_refused_with_what_comes_near(make: Any) -> None:
    with pytest.raises(AssetError) as caught:
        Face(make.avatar(make.node(mesh=0), meshes=[make.face("Smile")])).binds("Smiel")
    assert caught.value.code == "expression.unknown"
    assert "Smile" in caught.value.hint


@pytest.mark.shared
def test_vrm_expressions_of_both_versions(shared: Path) -> None:
    old = load(shared / "models/avatars/catbot.vrm").avatar
    assert {"aa", "ih", "ou", "ee", "oh", "blink", "blinkLeft", "happy", "sad", "relaxed"} <= set(old.expressions)
    assert old.expressions["aa"].binds
    assert all(0 < bind.weight <= 1 for bind in old.expressions["aa"].binds)
    new = load(shared / "models/avatars/vrm1-expression_migration.vrm").avatar
    assert {"custom_a", "happy"} <= set(new.expressions)
    assert not new.expressions["custom_a"].preset
    overriding = load(shared / "models/avatars/VRMC_vrm_expressions_isBinary_Overrides.vrm").avatar
    assert any(expression.binary for expression in overriding.expressions.values())


@pytest.mark.parametrize(
    ("name", "channel"),
    [
        ("h_expressions.LeyeClose_h", "eyeBlinkLeft"),
        ("h_expressions.ReyeClose_h", "eyeBlinkRight"),
        ("h_expressions.MouthOpen_h", "jawOpen"),
        ("t_MouthOpen_h", "jawOpen"),
        ("h_teeth.t_Ljaw_h", "jawLeft"),
        ("h_expressions.RlipSide_h", "mouthRight"),
        ("h_teeth.OutMiddle_tg_h", "tongueOut"),
        ("h_expressions.LLbrowUp_h", "browOuterUpLeft"),
        ("h_expressions.Shout_h", None),
        ("MouthOpen", None),
    ],
)
def test_names_of_the_valid_library(name: str, channel: str | None) -> None:
    assert arkit_channel(name) == channel


@pytest.mark.shared
def test_a_face_of_the_valid_library_blinks_opens_its_mouth_and_smiles(shared: Path) -> None:
    """Seen on the mesh itself: left is +X, lids go down, the chin goes down with the teeth, corners go out."""
    avatar = load(shared / "models/avatars/valid-Black_M_2_Util.glb").avatar
    face = Face(avatar)
    assert len(face.arkit) >= 35
    assert len({bind.node for bind in face.binds("jawOpen")}) == 2
    sides = {}
    for name in ("eyeBlinkLeft", "eyeBlinkRight", "mouthSmileLeft", "mouthLeft"):
        (bind,) = face.binds(name)
        found = [
            (p.positions[rows], p.targets[bind.target].positions[rows])
            for p in avatar.meshes[avatar.nodes[bind.node].mesh].primitives
            if (deltas := p.targets[bind.target].positions) is not None
            for rows in [np.linalg.norm(deltas, axis=1) > 0.5 * np.linalg.norm(deltas, axis=1).max()]
        ]
        sides[name] = np.concatenate([at for at, _ in found]).mean(axis=0)
    assert sides["eyeBlinkLeft"][0] > 0 > sides["eyeBlinkRight"][0]
    assert sides["mouthSmileLeft"][0] > 0
