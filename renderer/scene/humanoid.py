"""Which node is which bone of a human: VRM's bone names, found by the names that the usual tools give their bones.

Bone names are those of VRM 1.0 (VRMC_vrm-1.0, "humanoid"). Understood are Mixamo (``mixamorig:LeftUpLeg``), Ready
Player Me (``LeftUpLeg``), VRoid (``J_Bip_L_UpperLeg``), VRM's own (``leftUpperLeg``), Blender's side suffixes
(``upper_arm.L``), 3ds Max bipeds (``Bip01 L Thigh``), and plain words (``Left leg``, ``Left knee``).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from types import MappingProxyType

_TOKEN = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_IGNORED = frozenset(
    ("j", "bip", "c", "mixamorig", "def", "armature", "bone", "rig", "biped", "skeleton", "jnt", "joint")
)
_SIDES = MappingProxyType({"left": "left", "l": "left", "right": "right", "r": "right"})

_CENTRAL = MappingProxyType(
    {
        "hips": ("hips", "hip", "pelvis"),
        "neck": ("neck", "neck1", "neck01"),
        "head": ("head",),
        "jaw": ("jaw",),
    }
)
_TRUNK = MappingProxyType(
    {"upperChest": ("upperchest",), "chest": ("chest", "torso", "ribs"), "spine": ("abdomen", "waist")}
)
_SIDED = MappingProxyType(
    {
        "Eye": ("eye", "eyeball"),
        "Shoulder": ("shoulder", "clavicle", "collar", "shldr"),
        "UpperArm": ("upperarm", "uparm", "arm"),
        "LowerArm": ("lowerarm", "forearm", "lowarm", "elbow"),
        "Hand": ("hand", "wrist"),
        "UpperLeg": ("upperleg", "upleg", "thigh"),
        "LowerLeg": ("lowerleg", "lowleg", "calf", "shin", "knee"),
        "Foot": ("foot", "ankle"),
        "Toes": ("toes", "toebase", "toe", "ball"),
    }
)
_FINGER = re.compile(
    r"(?:hand|f|finger)?(?P<finger>thumb|index|middle|mid|ring|little|pinky)(?:finger)?"
    r"(?P<part>0*[123]|metacarpal|proximal|intermediate|distal)"
)
_FINGERS = MappingProxyType({"mid": "Middle", "pinky": "Little"})
_PARTS = MappingProxyType({"1": "Proximal", "2": "Intermediate", "3": "Distal"})
_THUMB = MappingProxyType({"1": "Metacarpal", "2": "Proximal", "3": "Distal"})

CORE_BONES = (
    "hips",
    "spine",
    "head",
    *(
        side + part
        for side in ("left", "right")
        for part in ("UpperArm", "LowerArm", "Hand", "UpperLeg", "LowerLeg", "Foot")
    ),
)
"""The fifteen bones that VRM requires of every humanoid."""


def humanoid_bones(names: Sequence[str], *, joints: Collection[int] = ()) -> dict[str, int]:
    """VRM bone name to the index of the node that is it, for as many bones as the names tell.

    Where several nodes could be one bone, the name that is more telling wins, then a node in ``joints`` (indices of
    nodes that move a skin) over others, then the first.
    """
    found: dict[tuple[str, str], int] = {}
    for index, name in enumerate(names):
        side, core = _parse(name)
        known = found.get((side, core))
        if core and (known is None or (index in joints and known not in joints)):
            found[side, core] = index
    bones: dict[str, int] = {}
    for bone, cores in _CENTRAL.items():
        _take(bones, bone, (("", core) for core in cores), found)
    _spine(bones, found)
    for side in ("left", "right"):
        for bone, cores in _SIDED.items():
            _take(bones, side + bone, ((side, core) for core in cores), found)
        # "LeftLeg" is the lower leg beside a "LeftUpLeg", but the upper one beside a "Left knee".
        if (side, "leg") in found:
            bones.setdefault(side + ("LowerLeg" if side + "UpperLeg" in bones else "UpperLeg"), found[side, "leg"])
        _fingers(bones, side, found)
    return bones


def _parse(name: str) -> tuple[str, str]:
    """Side and the rest of a bone's name in lower case: ``"J_Bip_L_UpperArm"`` -> ``("left", "upperarm")``."""
    side, rest = "", []
    for token in (word.lower() for word in _TOKEN.findall(name)):
        if token in _SIDES and not side:
            side = _SIDES[token]
        elif token not in _IGNORED:
            rest.append(token)
    if len(rest) > 1 and rest[0].isdigit():
        rest = rest[1:]  # "Bip01 L Hand", "mixamorig1:Hips": the tool's own number
    return side, "".join(rest)


def _take(bones: dict[str, int], bone: str, keys: Iterator[tuple[str, str]], found: dict[tuple[str, str], int]) -> None:
    for key in keys:
        if key in found:
            bones[bone] = found[key]
            return


def _spine(bones: dict[str, int], found: dict[tuple[str, str], int]) -> None:
    """Spine, chest and upper chest, by those names or as a numbered chain of spines."""
    numbered = sorted(
        (int(core.removeprefix("spine") or 0), index)
        for (side, core), index in found.items()
        if not side and re.fullmatch(r"spine[0-9]*", core)
    )
    chain = [index for _, index in numbered]
    for bone, cores in _TRUNK.items():
        _take(bones, bone, (("", core) for core in cores), found)
    if chain:
        bones["spine"] = chain[0]
    if len(chain) > 1:
        bones.setdefault("chest", chain[1])
    if len(chain) > 2:
        bones.setdefault("upperChest", chain[-1])


def _fingers(bones: dict[str, int], side: str, found: dict[tuple[str, str], int]) -> None:
    for (where, core), index in found.items():
        match = _FINGER.fullmatch(core) if where == side else None
        if match is None:
            continue
        finger = _FINGERS.get(match["finger"], match["finger"].capitalize())
        part = match["part"].lstrip("0")
        if part.isdigit():
            part = (_THUMB if finger == "Thumb" else _PARTS)[part]
        bones.setdefault(f"{side}{finger}{part.capitalize()}", index)
    # VRM 0.x and rigs without a metacarpal call the thumb's bones proximal, intermediate, distal.
    middle = bones.pop(f"{side}ThumbIntermediate", None)
    if middle is not None:
        if f"{side}ThumbProximal" in bones:
            bones.setdefault(f"{side}ThumbMetacarpal", bones[f"{side}ThumbProximal"])
        bones[f"{side}ThumbProximal"] = middle
