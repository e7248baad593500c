"""Bone names of the usual tools."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest

from renderer.assets import load
from renderer.scene.humanoid import CORE_BONES, humanoid_bones

MIXAMO = ("Hips", "Spine", "Spine1", "Spine2", "Neck", "Head", "HeadTop_End", "LeftShoulder", "LeftArm", "LeftForeArm",
          "LeftHand", "LeftHandThumb1", "LeftHandThumb2", "LeftHandThumb3", "LeftHandThumb4", "LeftHandIndex1",
          "LeftUpLeg", "LeftLeg", "LeftFoot", "LeftToeBase", "LeftToe_End", "RightUpLeg", "RightLeg",
          "LeftEye")  # fmt: skip
EXPECTED = {
    "hips": "Hips",
    "spine": "Spine",
    "chest": "Spine1",
    "upperChest": "Spine2",
    "neck": "Neck",
    "head": "Head",
    "leftShoulder": "LeftShoulder",
    "leftUpperArm": "LeftArm",
    "leftLowerArm": "LeftForeArm",
    "leftHand": "LeftHand",
    "leftThumbMetacarpal": "LeftHandThumb1",
    "leftThumbProximal": "LeftHandThumb2",
    "leftThumbDistal": "LeftHandThumb3",
    "leftIndexProximal": "LeftHandIndex1",
    "leftUpperLeg": "LeftUpLeg",
    "leftLowerLeg": "LeftLeg",
    "leftFoot": "LeftFoot",
    "leftToes": "LeftToeBase",
    "rightUpperLeg": "RightUpLeg",
    "rightLowerLeg": "RightLeg",
    "leftEye": "LeftEye",
}


@pytest.mark.parametrize("prefix", ["", "mixamorig:", "mixamorig1:", "mixamorig_"])
def test_mixamo_and_ready_player_me(prefix: str) -> None:
    found = humanoid_bones([prefix + name for name in MIXAMO])
    assert {bone: MIXAMO[index] for bone, index in found.items()} == EXPECTED


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("J_Bip_C_Hips", "J_Bip_L_UpperArm", "J_Bip_R_Index2", "J_Bip_C_UpperChest", "J_Sec_L_Hair1"),
         {"hips": 0, "leftUpperArm": 1, "rightIndexIntermediate": 2, "upperChest": 3}),
        (("hips", "leftUpperLeg", "rightLittleDistal", "leftThumbMetacarpal", "leftThumbProximal"),
         {"hips": 0, "leftUpperLeg": 1, "rightLittleDistal": 2, "leftThumbMetacarpal": 3, "leftThumbProximal": 4}),
        (("pelvis", "spine.001", "spine.002", "upper_arm.L", "forearm.R", "thumb.01.L", "f_pinky.02.R", "thigh.L",
          "shin.L"),
         {"hips": 0, "spine": 1, "chest": 2, "leftUpperArm": 3, "rightLowerArm": 4, "leftThumbMetacarpal": 5,
          "rightLittleIntermediate": 6, "leftUpperLeg": 7, "leftLowerLeg": 8}),
        (("Bip01", "Bip01 Pelvis", "Bip01 L Thigh", "Bip01 L Calf", "Bip01 R UpperArm", "Bip01 R Clavicle"),
         {"hips": 1, "leftUpperLeg": 2, "leftLowerLeg": 3, "rightUpperArm": 4, "rightShoulder": 5}),
        (("Left leg", "Left knee", "Left ankle", "Left arm", "Left elbow", "Left wrist"),
         {"leftUpperLeg": 0, "leftLowerLeg": 1, "leftFoot": 2, "leftUpperArm": 3, "leftLowerArm": 4, "leftHand": 5}),
        (("index proximal_L", "Thumb Proximal_L", "Thumb Intermediate_L", "Thumb Distal_L"),
         {"leftIndexProximal": 0, "leftThumbMetacarpal": 1, "leftThumbProximal": 2, "leftThumbDistal": 3}),
        (("table", "lamp_left", "Cube.001", ""), {}),
    ],
)  # fmt: skip
def test_other_tools(names: tuple[str, ...], expected: dict[str, int]) -> None:
    assert humanoid_bones(names) == expected


def test_a_joint_wins_over_a_mesh_of_the_same_name() -> None:
    assert humanoid_bones(["EyeLeft", "LeftEye"]) == {"leftEye": 0}
    assert humanoid_bones(["EyeLeft", "LeftEye"], joints={1}) == {"leftEye": 1}


@pytest.mark.shared
@pytest.mark.parametrize("name", ["brunette-t.glb", "Michelle.glb", "RobotExpressive.glb"])
def test_real_skeletons_without_vrm_data(shared: Path, name: str) -> None:
    found = load(shared / "models/avatars" / name).avatar.humanoid
    assert [bone for bone in CORE_BONES if bone not in found] == []


@pytest.mark.shared
@pytest.mark.parametrize("name", ["catbot.vrm", "vrm1-Example.vrm", "vrm1-expression_migration.vrm", "nop.vrma"])
def test_names_alone_find_what_vrm_data_says(shared: Path, name: str) -> None:
    """The VRM extension is the truth; guessing from the same file's node names must not contradict it."""
    avatar = load(shared / "models/avatars" / name).avatar
    guessed = humanoid_bones([node.name for node in avatar.nodes])
    data = (shared / "models/avatars" / name).read_bytes()
    document = json.loads(data[20 : 20 + struct.unpack_from("<I", data, 12)[0]])
    extension = next(iter({"VRM", "VRMC_vrm", "VRMC_vrm_animation"} & set(document["extensions"])))
    bones = document["extensions"][extension]["humanoid"]["humanBones"]
    truth = (
        {b["bone"]: b["node"] for b in bones} if isinstance(bones, list) else {b: v["node"] for b, v in bones.items()}
    )
    checked = [bone for bone in CORE_BONES if bone in guessed]
    assert len(checked) >= 12
    assert {bone: guessed[bone] for bone in checked} == {bone: truth[bone] for bone in checked}
