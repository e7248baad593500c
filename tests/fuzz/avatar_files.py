"""Small avatars, and parts of them, that a fuzzer begins with: made here, and what the shared assets have."""

from __future__ import annotations

import base64
import functools
import io
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.fuzz.target import shared_files
from tests.gltf_file import GltfFile, package_files

LONGEST = 16 * 1024
PACKED = Path(__file__).resolve().parents[1] / "renderer" / "assets" / "meshopt_vectors.json"


def character() -> GltfFile:
    """A triangle with a skin of two bones, a morph target, a clip, a texture."""
    file = GltfFile()
    weights = file.add(np.array([[1, 0, 0, 0]] * 3, np.float32))
    joints = file.add(np.array([[0, 1, 0, 0]] * 3, np.uint8))
    lifted = file.add(np.array([[0, 0, 1]] * 3, np.float32))
    file.show(file.triangle(WEIGHTS_0=weights, JOINTS_0=joints) | {"targets": [{"POSITION": lifted}], "material": 0},
              extras={"targetNames": ["A"]}, weights=[0.0])  # fmt: skip
    binds = file.add(np.tile(np.eye(4, dtype=np.float32), (2, 1, 1)).transpose(0, 2, 1))
    times, values = file.add(np.array([0, 1], np.float32)), file.add(np.array([[0, 0, 0], [0, 4, 0]], np.float32))
    file.json |= {
        "nodes": [{"mesh": 0, "skin": 0},
                  {"name": "hips", "children": [2]}, {"name": "head", "translation": [0, 1, 0]}],
        "scenes": [{"nodes": [0, 1]}],
        "skins": [{"joints": [1, 2], "inverseBindMatrices": binds}],
        "materials": [{"pbrMetallicRoughness": {"baseColorTexture": {"index": 0}}}],
        "textures": [{"source": 0, "sampler": 0}], "samplers": [{"wrapS": 33071}],
        "images": [{"bufferView": file.view(picture()), "mimeType": "image/png"}],
        "animations": [{"name": "idle", "samplers": [{"input": times, "output": values}],
                        "channels": [{"sampler": 0, "target": {"node": 2, "path": "translation"}}]}],
    }  # fmt: skip
    return file


def picture() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (2, 2), (255, 0, 0)).save(out, "PNG")
    return out.getvalue()


def embedded() -> bytes:
    """As glTF JSON, with its bytes in the document."""
    file = character()
    file.glb()
    file.json["buffers"][0]["uri"] = f"data:application/octet-stream;base64,{base64.b64encode(file.binary).decode()}"
    return json.dumps(file.json).encode()


def compressed() -> bytes:
    vector = next(one for one in vectors() if one["mode"] == "ATTRIBUTES" and one["stride"] == 12)
    file = GltfFile()
    packed = base64.b64decode(vector["encoded"])
    view = file.view(packed)
    file.json["bufferViews"][view]["extensions"] = {
        "EXT_meshopt_compression": {"buffer": 0, "byteLength": len(packed), "byteStride": 12, "count": vector["count"],
                                    "mode": "ATTRIBUTES", "filter": vector["filter"]}
    }  # fmt: skip
    file.json["accessors"] = [{"bufferView": view, "componentType": 5126, "count": vector["count"], "type": "VEC3"}]
    file.json["extensionsUsed"] = ["EXT_meshopt_compression"]
    file.show({"attributes": {"POSITION": 0}})
    return file.glb()


@functools.cache
def vectors() -> Sequence[dict[str, Any]]:
    """Streams of the reference encoder."""
    return json.loads(PACKED.read_text(encoding="utf-8"))["vectors"]  # type: ignore[no-any-return]


def streams() -> Sequence[bytes]:
    modes, filters = ("ATTRIBUTES", "TRIANGLES", "INDICES"), ("NONE", "OCTAHEDRAL", "QUATERNION", "EXPONENTIAL")
    return [
        bytes([modes.index(one["mode"]), filters.index(one["filter"]), one["stride"], *one["count"].to_bytes(2, "big")])
        + base64.b64decode(one["encoded"])
        for one in vectors()
        if one["count"] < 1 << 16 and one["stride"] < 256 and len(one["encoded"]) < 4000
    ]


def avatars() -> Sequence[bytes]:
    made = [character().glb(), embedded(), compressed()]
    shared = [*shared_files("models/**/*.gl[bt]*", longest=LONGEST), *shared_files("corpus/*.tar.gz", longest=4096)]
    return made + [data for data in shared if data.lstrip()[:1] in (b"{", b"g")]


BONES = {"hips": {"node": 1}, "head": {"node": 2}}


def vrms() -> Sequence[bytes]:
    one: dict[str, Any] = {
        "specVersion": "1.0", "humanoid": {"humanBones": BONES},
        "expressions": {"preset": {"aa": {"morphTargetBinds": [{"node": 0, "index": 0, "weight": 1}],
                                          "materialColorBinds": [{"material": 0, "type": "color",
                                                                  "targetValue": [1, 0, 0, 1]}],
                                          "overrideBlink": "block", "isBinary": True}}},
        "lookAt": {"type": "bone", "offsetFromHeadBone": [0, 0, 0],
                   "rangeMapHorizontalInner": {"inputMaxValue": 90, "outputScale": 10}},
        "meta": {"name": "n", "licenseUrl": "https://a"},
    }  # fmt: skip
    springs = {"specVersion": "1.0", "colliders": [{"node": 1, "shape": {"sphere": {"radius": 0.1}}}],
               "colliderGroups": [{"colliders": [0]}],
               "springs": [{"joints": [{"node": 1, "stiffness": 1, "gravityPower": 0.1}, {"node": 2}],
                            "colliderGroups": [0]}]}  # fmt: skip
    mtoon = {"specVersion": "1.0", "shadeColorFactor": [1, 0, 0], "outlineWidthMode": "worldCoordinates",
             "outlineWidthFactor": 0.01, "renderQueueOffsetNumber": 1}  # fmt: skip
    old = {
        "meta": {"title": "t"}, "humanoid": {"humanBones": [{"bone": "hips", "node": 1}, {"bone": "head", "node": 2}]},
        "blendShapeMaster": {"blendShapeGroups": [{"presetName": "a", "binds": [{"mesh": 0, "index": 0, "weight": 100}],
                                                   "materialValues": [{"materialName": "m", "propertyName": "_Color",
                                                                       "targetValue": [1, 1, 1, 1]}]}]},
        "firstPerson": {"lookAtTypeName": "Bone", "lookAtHorizontalInner": {"xRange": 90, "yRange": 10}},
        "secondaryAnimation": {"boneGroups": [{"bones": [1], "stiffiness": 1, "colliderGroups": [0]}],
                               "colliderGroups": [{"node": 2, "colliders": [{"offset": {"x": 0}, "radius": 0.1}]}]},
        "materialProperties": [{"shader": "VRM/MToon", "floatProperties": {"_ShadeShift": 0.1, "_BlendMode": 2},
                                "vectorProperties": {"_ShadeColor": [1, 0, 0, 1]}, "textureProperties": {"_MainTex": 0},
                                "keywordMap": {}, "tagMap": {}}],
    }  # fmt: skip
    used = ["VRMC_vrm", "VRMC_springBone", "VRMC_materials_mtoon"]
    return [json.dumps(document).encode() for document in (
        {"extensionsUsed": used, "extensions": {"VRMC_vrm": one, "VRMC_springBone": springs},
         "materials": [{"name": "m", "extensions": {"VRMC_materials_mtoon": mtoon}}]},
        {"extensionsUsed": ["VRM"], "extensions": {"VRM": old}, "materials": [{"name": "m"}]},
        {"nodes": [{"mesh": 0}, {"name": "hips", "children": [2], "extensions": {"VRMC_node_constraint": {
            "specVersion": "1.0", "constraint": {"aim": {"source": 2, "aimAxis": "PositiveX", "weight": 0.5}}}}},
            {"name": "head"}], "extensionsUsed": ["VRMC_node_constraint"]},
    )]  # fmt: skip


def packages() -> Sequence[bytes]:
    return [bytes([number]) + data for number, (_name, data) in enumerate(sorted(package_files().items()))]


def configs() -> Sequence[bytes]:
    files = package_files()
    more = {"camPos": {"x": 1}, "projectionType": "perspective", "persFov": 30, "isUnlit": True, "enableShadow": True,
            "physicalMaterialParams": {"roughness": 0.5, "emissive": [1, 1]}, "enviromentMap": {"rotationX": 3},
            "directionalLight": {"rotation": [1, 2], "color": 255}, "shadowMap": {"bias": 0.1}}  # fmt: skip
    whole = json.loads(files["character.config.json"]) | more
    kinds = ("character.config.json", "animation.config.json", "motion.config.json", "metaInfo.json")
    return [b"\0" + json.dumps(whole).encode(), *(bytes([number]) + files[name] for number, name in enumerate(kinds))]


def zips() -> Sequence[bytes]:
    """An open package, packed in both ways."""
    found = []
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", method) as archive:
            for name, data in package_files().items():
                archive.writestr(zipfile.ZipInfo(f"avatar/{name}"), data, method)
        found.append(out.getvalue())
    return found
