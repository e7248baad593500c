"""A GLB as a package's ``character.glb``: no animations, and materials that both kinds of readers see alike.

Works on the file's JSON and bytes without decoding geometry, so extensions and extras go through untouched.
"""

from __future__ import annotations

import io
import json
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from PIL import Image

from renderer.assets.glb import split
from renderer.assets.glb_writer import pack_glb
from renderer.assets.issues import IssueLog
from renderer.errors import AssetError

Json = dict[str, Any]


def split_glb(data: bytes, *, where: str) -> tuple[Json, bytes]:
    """The JSON document and the binary chunk (empty without one).

    Raises:
        AssetError: ``glb.*``.
    """
    text, binary = split(data, log=IssueLog(), where=where)
    try:
        document = json.loads(bytes(text))
    except ValueError as error:
        raise AssetError("the JSON chunk cannot be read", code="json.syntax", where=where) from error
    if not isinstance(document, dict):
        raise AssetError("the JSON chunk is not an object", code="json.type", where=where)
    return document, b"" if binary is None else bytes(binary)


def character_glb(data: bytes, *, where: str = "") -> tuple[bytes, Json]:
    """The file without its animations, and the ``physicalMaterialParams`` that go with it.

    A package's document replaces the metalness and roughness factors of *every* material (absent means 1, which would
    make all of it metal), while maps still multiply. So factors that differ between materials move into maps, one
    pixel large where there was none, and the document names the factors that are left: nothing changes for a reader
    that honours the file nor for one that overrides it.

    Raises:
        AssetError: ``glb.*`` when the data is no GLB.
    """
    document, binary = split_glb(data, where=where)
    had_animations = bool(document.pop("animations", None))
    editor = _Editor(document, bytearray(binary))
    params = _neutral_factors(editor)
    if had_animations:
        editor.compact()
    document["buffers"] = [{"byteLength": len(editor.binary)}, *document.get("buffers", [])[1:]]
    if not editor.binary:
        del document["buffers"]
    return pack_glb(document, bytes(editor.binary)), params


class _Editor:
    """Adds pictures to a document, and drops what nothing refers to any more."""

    def __init__(self, document: Json, binary: bytearray) -> None:
        self.document = document
        self.binary = binary

    def append(self, data: bytes) -> int:
        self.binary += b"\0" * (-len(self.binary) % 4)
        views = self.document.setdefault("bufferViews", [])
        views.append({"buffer": 0, "byteOffset": len(self.binary), "byteLength": len(data)})
        self.binary += data
        if not self.document.get("buffers"):
            self.document["buffers"] = [{"byteLength": len(self.binary)}]
        return len(views) - 1

    def add_picture(self, png: bytes, *, sampler: int | None = None) -> int:
        images = self.document.setdefault("images", [])
        images.append({"mimeType": "image/png", "bufferView": self.append(png)})
        textures = self.document.setdefault("textures", [])
        textures.append({"source": len(images) - 1} | ({} if sampler is None else {"sampler": sampler}))
        return len(textures) - 1

    def picture(self, texture: int) -> bytes | None:
        """The encoded picture of a texture, None where it is not inside the file."""
        try:
            image = self.document["images"][self.document["textures"][texture]["source"]]
            view = self.document["bufferViews"][image["bufferView"]]
        except (KeyError, IndexError, TypeError):
            return None
        start = view.get("byteOffset", 0)
        return bytes(self.binary[start : start + view["byteLength"]]) if view.get("buffer") == 0 else None

    def compact(self) -> None:
        """Drop accessors and buffer views that only the animations used, and close the gaps in the buffer."""
        document = self.document
        used = sorted({index for holder, key in _accessor_uses(document) for index in [holder[key]]})
        place = {old: new for new, old in enumerate(used)}
        for holder, key in _accessor_uses(document):
            holder[key] = place[holder[key]]
        accessors = document.get("accessors", [])
        document["accessors"] = [accessors[index] for index in used]
        views = document.get("bufferViews", [])
        kept = sorted({holder["bufferView"] for holder in _objects(document, lambda o: _is_index(o, "bufferView"))})
        spot = {old: new for new, old in enumerate(kept)}
        for holder in _objects(document, lambda o: _is_index(o, "bufferView")):
            holder["bufferView"] = spot[holder["bufferView"]]
        packed = bytearray()
        for index in kept:
            for region in _objects(views[index], lambda o: o.get("buffer") == 0 and "byteLength" in o):
                packed += b"\0" * (-len(packed) % 16)
                start, length = region.get("byteOffset", 0), region["byteLength"]
                region["byteOffset"] = len(packed)
                packed += self.binary[start : start + length]
        document["bufferViews"] = [views[index] for index in kept]
        for key in ("accessors", "bufferViews"):
            if not document[key]:
                del document[key]
        self.binary = packed


def _neutral_factors(editor: _Editor) -> Json:
    materials = editor.document.get("materials", [])
    lit = [m for m in materials if "KHR_materials_unlit" not in m.get("extensions", {})]
    bodies = [m.setdefault("pbrMetallicRoughness", {}) for m in lit]
    factors = [(float(b.get("metallicFactor", 1)), float(b.get("roughnessFactor", 1))) for b in bodies]
    if not bodies:
        return {"metalness": 0, "roughness": 1}
    metals, roughs = {m for m, _ in factors}, {r for _, r in factors}
    metalness = metals.pop() if len(metals) == 1 else 1.0
    roughness = roughs.pop() if len(roughs) == 1 else 1.0
    made: dict[tuple[object, ...], int] = {}
    for body, (metal, rough) in zip(bodies, factors, strict=True):
        # the map's share, so that map * common factor is what the file meant
        share = (metal if metalness == 1.0 else 1.0, rough if roughness == 1.0 else 1.0)
        if share == (1.0, 1.0):
            continue
        old = body.get("metallicRoughnessTexture")
        key = (share, None if old is None else old.get("index"))
        if key not in made:
            made[key] = _share_map(editor, share, old)
        if made[key] < 0:
            continue  # a picture that is not in the file: the reader sees the map alone
        body["metallicRoughnessTexture"] = ({} if old is None else old) | {"index": made[key]}
        body["metallicFactor"], body["roughnessFactor"] = metalness, roughness
    return {"metalness": metalness, "roughness": roughness}


def _share_map(editor: _Editor, share: tuple[float, float], old: Json | None) -> int:
    metal, rough = share
    if old is None:
        return editor.add_picture(_pixel_png(255, round(rough * 255), round(metal * 255)))
    encoded = editor.picture(old["index"])
    if encoded is None:
        return -1
    try:
        with Image.open(io.BytesIO(encoded)) as picture:
            pixels = np.asarray(picture.convert("RGB")).astype(np.float32)
    except (OSError, ValueError):  # an unreadable picture is the loader's to report
        return -1
    pixels *= np.array([1, rough, metal], np.float32)
    out = io.BytesIO()
    Image.fromarray(np.rint(pixels).astype(np.uint8)).save(out, "PNG", compress_level=3)
    return editor.add_picture(out.getvalue(), sampler=editor.document["textures"][old["index"]].get("sampler"))


def _pixel_png(red: int, green: int, blue: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    pixel = zlib.compress(bytes((0, red, green, blue)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixel) + chunk(b"IEND", b"")


def _is_index(holder: Json, key: str) -> bool:
    return isinstance(holder.get(key), int)


def _objects(value: Any, wanted: Callable[[Json], bool]) -> Iterator[Json]:
    """Every JSON object inside that is wanted, in document order."""
    if isinstance(value, dict):
        if wanted(value):
            yield value
        for part in value.values():
            yield from _objects(part, wanted)
    elif isinstance(value, list):
        for part in value:
            yield from _objects(part, wanted)


def _accessor_uses(document: Json) -> Iterator[tuple[Json, str]]:
    """Every place outside animations that names an accessor, as the object and its key."""
    for mesh in document.get("meshes", []):
        for primitive in mesh.get("primitives", []):
            for table in (primitive.get("attributes", {}), *primitive.get("targets", [])):
                yield from ((table, key) for key in table)
            if "indices" in primitive:
                yield primitive, "indices"
    for skin in document.get("skins", []):
        if "inverseBindMatrices" in skin:
            yield skin, "inverseBindMatrices"
    for node in document.get("nodes", []):
        instancing = node.get("extensions", {}).get("EXT_mesh_gpu_instancing", {}).get("attributes", {})
        yield from ((instancing, key) for key in instancing)
