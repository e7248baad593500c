"""Small glTF files made to order."""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np

COMPONENTS = {"int8": 5120, "uint8": 5121, "int16": 5122, "uint16": 5123, "uint32": 5125, "float32": 5126}
TYPES = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4", 16: "MAT4"}


class GltfFile:
    """A document under construction; ``add`` appends an array and returns its accessor."""

    def __init__(self) -> None:
        self.json: dict[str, Any] = {"asset": {"version": "2.0"}, "accessors": [], "bufferViews": []}
        self.binary = b""

    def view(self, data: bytes, **extra: Any) -> int:
        self.binary += b"\0" * (-len(self.binary) % 4)
        self.json["bufferViews"].append({"buffer": 0, "byteOffset": len(self.binary), "byteLength": len(data), **extra})
        self.binary += data
        return len(self.json["bufferViews"]) - 1

    def add(self, array: Any, **extra: Any) -> int:
        rows = np.asarray(array)
        rows = rows.reshape(len(rows), -1)
        self.json["accessors"].append(
            {
                "bufferView": self.view(rows.tobytes()),
                "componentType": COMPONENTS[str(rows.dtype)],
                "count": len(rows),
                "type": TYPES[rows.shape[1]],
                **extra,
            }
        )
        return len(self.json["accessors"]) - 1

    def triangle(self, **attributes: int) -> dict[str, Any]:
        """A primitive of one triangle in the xy plane."""
        positions = self.add(np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], np.float32))
        return {"attributes": {"POSITION": positions, **attributes}}

    def show(self, *primitives: dict[str, Any], **mesh: Any) -> None:
        """One node with one mesh of these primitives."""
        self.json["meshes"] = [{"primitives": list(primitives), **mesh}]
        self.json["nodes"] = [{"mesh": 0}]
        self.json["scenes"] = [{"nodes": [0]}]
        self.json["scene"] = 0

    def glb(self) -> bytes:
        if self.binary:
            self.json["buffers"] = [{"byteLength": len(self.binary)}]
        return pack(json.dumps(self.json).encode(), self.binary)


def pack(text: bytes, binary: bytes) -> bytes:
    text += b" " * (-len(text) % 4)
    binary += b"\0" * (-len(binary) % 4)
    chunks = struct.pack("<II", len(text), 0x4E4F534A) + text
    if binary:
        chunks += struct.pack("<II", len(binary), 0x004E4942) + binary
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


PLACE: dict[str, Any] = {
    "position": {"x": 0, "y": 1, "z": 0},
    "rotation": {"x": 0, "y": 90, "z": 0},
    "scale": {"x": 2, "y": 2, "z": 2},
}


def animation(count: int) -> dict[str, Any]:
    sizes = {"idle": count - 1, "speak": 1}
    return {
        name: {"isGroup": False, "size": sizes.get(name, 0)} for name in ("hello", "idle", "listen", "speak", "think")
    }


def package_files() -> dict[str, bytes]:
    """A package whose two clips move ``arm.L`` and a node that the character lacks."""
    gltf = GltfFile()
    gltf.show(gltf.triangle(), extras={"targetNames": []})
    gltf.json["nodes"] = [{"mesh": 0, "name": "arm L", "translation": [1, 0, 0]}]
    gltf.json["materials"] = [
        {"name": "skin", "pbrMetallicRoughness": {"metallicFactor": 0.25}, "emissiveFactor": [1, 1, 1]}
    ]
    character = gltf.glb()
    motions = GltfFile()
    times = motions.add(np.array([0, 1], np.float32))
    values = motions.add(np.array([[0, 0, 0], [0, 4, 0]], np.float32))
    motions.json["nodes"] = [{"name": "arm: L"}, {"name": "tail"}]

    def clip(name: str) -> dict[str, Any]:
        targets = [{"node": 0, "path": "translation"}, {"node": 1, "path": "translation"}]
        return {
            "name": name,
            "samplers": [{"input": times, "output": values}],
            "channels": [{"sampler": 0, "target": target} for target in targets],
        }

    motions.json["animations"] = [clip("a"), clip("b")]
    return {
        "character.glb": character,
        "animation.glb": motions.glb(),
        "character.config.json": json.dumps({**PLACE, "name": "made"}).encode(),
        "animation.config.json": json.dumps(animation(2)).encode(),
        "motion.config.json": b'{"offset":{},"scale":{}}',
        "metaInfo.json": b'{"web":{"encrypt_list":["character.glb"]}}',
    }
