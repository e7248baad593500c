"""Every problem an asset can have: stable codes, how bad each is, and what is done about it.

``docs/asset-issues.md`` is this table as a page (``issue_page``). A code never changes its meaning once released.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from renderer.errors import AssetError, UnsupportedAsset, on_one_line


class Severity(Enum):
    """How bad a problem is."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(slots=True, kw_only=True, frozen=True)
class Issue:
    """One problem found in an asset that is usable all the same.

    Attributes:
        code: key of ``TABLE``.
        where: JSON pointer or file name of the first place; may be empty.
        count: how often it was found.
    """

    code: str
    severity: Severity
    message: str
    where: str
    count: int


@dataclass(slots=True, kw_only=True, frozen=True)
class Entry:
    """A line of the table: what a code means, and what the loader then does."""

    code: str
    severity: Severity
    meaning: str
    outcome: str


def _rows() -> Iterator[Entry]:
    refused = "The asset is refused."
    for code, meaning in _ERRORS:
        yield Entry(code=code, severity=Severity.ERROR, meaning=meaning, outcome=refused)
    for code, meaning, outcome in _WARNINGS:
        yield Entry(code=code, severity=Severity.WARNING, meaning=meaning, outcome=outcome)
    for code, meaning, outcome in _INFOS:
        yield Entry(code=code, severity=Severity.INFO, meaning=meaning, outcome=outcome)


_ERRORS = (
    ("source.unreadable", "The file or folder cannot be read."),
    ("source.unknown", "The bytes are neither GLB, nor glTF JSON, nor a zip archive."),
    ("source.too-large", "The source is larger than the limit allows."),
    ("archive.malformed", "The zip archive is damaged or not a zip archive."),
    ("archive.name", "An entry's name is absolute or leaves the archive's own folder."),
    ("archive.too-large", "The archive's entries, their number or their ratio exceed the limits."),
    ("archive.encrypted", "An entry is sealed (.lm) or password protected; it must be opened first."),
    ("package.missing", "The package lacks a file that every avatar package must have."),
    ("package.ambiguous", "More than one folder of the archive looks like the package's root."),
    ("package.background-animations", "background.glb holds animations, which no 3D background may have."),
    ("config.malformed", "A configuration file is not JSON of the expected form."),
    ("glb.magic", "The file does not start with the GLB magic."),
    ("glb.version", "The GLB container has a version other than 2."),
    ("glb.truncated", "The file ends before the length its header or a chunk declares."),
    ("glb.length", "The length in the GLB header is smaller than the header and its first chunk."),
    ("glb.chunk-order", "The first chunk is not JSON, or a JSON or BIN chunk appears twice."),
    ("glb.chunk-length", "A chunk is longer than the file that holds it."),
    ("json.syntax", "The glTF JSON cannot be parsed or is not UTF-8."),
    ("json.depth", "The glTF JSON is nested too deeply."),
    ("json.type", "A property of the glTF JSON has the wrong type or is out of range."),
    ("asset.version", "The glTF version is not 2.x, or a newer minor version is required."),
    ("limit.exceeded", "The asset asks for more memory, nodes or elements than the limits allow."),
    ("extension.required", "The asset requires an extension that this renderer does not have."),
    ("resource.outside", "A URI leads out of the asset's own folder, or to another host."),
    ("resource.missing", "A file that the asset refers to does not exist or cannot be read."),
    ("resource.data-uri", "A data: URI cannot be decoded."),
    ("buffer.short", "A buffer holds fewer bytes than it declares."),
    ("buffer.missing", "A buffer has no URI, and there is no binary chunk for it."),
    ("view.range", "A buffer view reaches beyond its buffer."),
    ("view.stride", "A buffer view's stride is not between 4 and 252 or shorter than an element."),
    ("accessor.range", "An accessor reaches beyond its buffer view."),
    ("accessor.type", "An accessor has an unknown type or component type, or the wrong one for its use."),
    ("accessor.sparse", "A sparse accessor's indices are not rising or out of range."),
    ("reference.range", "An index refers to an object that does not exist."),
    ("mesh.no-primitives", "A mesh has no primitives."),
    ("mesh.count", "The attributes of a primitive differ in their number of vertices."),
    ("mesh.mode", "A primitive's mode is not one of glTF's seven."),
    ("mesh.targets", "The primitives of a mesh differ in their number of morph targets."),
    ("node.cycle", "The node hierarchy has a cycle."),
    ("node.two-parents", "A node is the child of more than one parent, or twice of the same."),
    ("skin.inverse-bind", "A skin has fewer inverse bind matrices than joints, or of the wrong type."),
    ("skin.no-joints", "A skin has no joints."),
    ("variant.unknown", "A variant was asked for that the asset does not have."),
    ("clip.unknown", "A clip or group was asked for that the asset does not have."),
    ("expression.unknown", "An expression was asked for that the asset does not have."),
    ("hdr.header", "An environment picture is not Radiance RGBE with rows from top to bottom."),
    ("hdr.size", "An environment picture is empty or larger than the limit allows."),
    ("hdr.pixels", "An environment picture's pixel data is cut off or damaged."),
    ("compression.meshopt", "Meshopt-compressed data cannot be decoded."),
    ("compression.draco", "Draco-compressed data cannot be decoded."),
)

_WARNINGS = (
    ("json.coerced", 'A property has the wrong type but a usable value, e.g. 2.0 or "2" for 2.', "Read as meant."),
    ("json.bom", "The JSON starts with a byte order mark.", "Skipped."),
    ("glb.trailing", "The file goes on after the length in its header.", "The rest is ignored."),
    ("glb.chunk-alignment", "A chunk's length is not a multiple of 4.", "Read as it stands."),
    ("glb.unknown-chunk", "A chunk of unknown type.", "Ignored."),
    ("extension.unknown", "The asset uses, but does not require, an extension we do not know.", "Drawn without it."),
    ("extension.malformed", "An extension's object cannot be read.", "Drawn without it."),
    ("extension.undeclared", "An extension is used but not listed in extensionsUsed.", "Honoured all the same."),
    ("buffer.alignment", "Data is not aligned as glTF asks for.", "Read all the same, by a copy."),
    ("accessor.count", "An accessor has no elements.", "What needs it is left out."),
    ("image.missing", "A picture does not exist or cannot be read.", "Its textures count as absent."),
    ("image.format", "A picture's bytes are of a kind that is not supported.", "Its textures count as absent."),
    ("image.mime-type", "A picture's declared type differs from its bytes.", "The bytes are believed."),
    ("image.too-large", "A picture has more pixels than the limit allows.", "Its textures count as absent."),
    ("texture.reference", "A material, texture or sampler refers to something that does not exist.", "Left out."),
    ("texture.uv-set", "A texture wants texture coordinates the renderer or mesh does not have.", "Set 0 is used."),
    ("material.value", "A factor is not a finite number or out of range.", "Clamped, or the default taken."),
    ("material.textures", "A material has more than 10 textures.", "Those beyond 10 are left out."),
    ("light.many", "The scene has more than 8 lights.", "Those beyond 8 do not shine."),
    ("material.reference", "A primitive's material does not exist.", "The default material is used."),
    ("mesh.no-positions", "A primitive has no POSITION attribute or no vertices.", "The primitive is left out."),
    ("mesh.index-range", "Indices refer to vertices that do not exist.", "Primitives with such indices are left out."),
    ("mesh.index-count", "The number of indices or vertices does not fit the mode.", "The incomplete rest is cut off."),
    ("mesh.non-finite", "Vertex data holds NaN or infinity.", "Zero is taken."),
    ("mesh.normals", "Normals are not of unit length.", "Normalised."),
    ("mesh.attribute", "An attribute has a type that glTF does not allow for it.", "The attribute is left out."),
    ("mesh.target-count", "A morph target differs from its mesh in the number of vertices.", "Left out."),
    ("mesh.target-names", "There are more or fewer morph target names than targets.", "Cut off, or filled up."),
    ("mesh.weights-count", "The number of morph weights differs from the number of targets.", "Cut off, or filled up."),
    ("skin.weights", "Skin weights of a vertex do not sum to 1.", "Normalised."),
    ("skin.joint-range", "A vertex refers to a joint its skin does not have.", "The influence is dropped."),
    ("skin.attributes", "A mesh is used with a skin but has no complete joints and weights.", "Drawn unskinned."),
    (
        "skin.inverse-bind-value",
        "Inverse bind matrices are not finite, or their last row is not 0 0 0 1.",
        "Mended.",
    ),
    ("node.transform", "A node's transform is not finite.", "The identity is taken."),
    ("node.rotation", "A node's rotation is not of unit length.", "Normalised."),
    ("node.matrix-and-trs", "A node has both a matrix and TRS properties.", "The matrix is used."),
    ("node.reference", "A node's camera or light does not exist.", "Left out."),
    ("scene.reference", "The default scene does not exist.", "The first scene is drawn."),
    ("scene.root", "A scene lists a node twice, or one that has a parent.", "Drawn once, where its parent puts it."),
    ("scene.empty", "There is nothing to draw: no scene holds a mesh.", "An empty picture."),
    ("camera.value", "A camera's numbers make no projection.", "The camera is replaced by a default one."),
    ("light.value", "A light's numbers are out of range or its type is unknown.", "Clamped, or left out."),
    ("animation.target", "A channel's target does not exist or has no such property.", "The channel is left out."),
    ("animation.times", "Key times are empty, negative, not finite or not rising.", "The channel is left out."),
    ("animation.values", "The number or type of key values does not fit the times.", "The channel is left out."),
    ("animation.rotation", "A key's rotation is not of unit length.", "Normalised."),
    ("animation.duplicate", "Two channels of a clip drive the same property.", "The first one is used."),
    ("animation.unbound", "A clip's channels name nodes that the character does not have.", "They are left out."),
    ("vrm.malformed", "The VRM data of the file cannot be read.", "Read as a plain glTF file."),
    ("vrm.bone", "A humanoid bone refers to a node that does not exist.", "The bone counts as absent."),
    ("vrm.bind", "A VRM expression, spring or constraint refers to something that does not exist.", "Left out."),
    ("package.character-animations", "character.glb holds animations, which the vendor's client refuses.", "Ignored."),
    ("package.no-animations", "animation.glb holds no animations.", "The character stands still."),
    ("package.groups", "The clip groups of animation.config.json count more clips than animation.glb holds.", "Cut."),
    ("package.metainfo", "metaInfo.json cannot be read.", "Taken as empty, as the vendor's client does."),
    ("package.color-table", "lut.png is not a picture of 256 x 16 pixels.", "Drawn without it."),
    ("package.background", "The background cannot be used.", "Drawn without it."),
    ("config.unknown-key", "A configuration file has a key of unknown meaning.", "Ignored."),
)

_INFOS = (
    ("mesh.flat-normals", "A mesh has no normals.", "Flat normals are computed, as glTF asks for."),
    ("mesh.tangents", "A normal-mapped mesh has no tangents.", "Tangents are computed from its UVs."),
    ("resource.trailing", "A buffer holds more bytes than it declares.", "The rest is ignored."),
    ("extension.not-drawn", "An extension is known, but what it asks for is not drawn yet.", "Its data is kept."),
    ("mesh.more-uv-sets", "A mesh has more than two sets of texture coordinates.", "The first two are kept."),
)

TABLE: MappingProxyType[str, Entry] = MappingProxyType({row.code: row for row in _rows()})
"""Code to its line, errors first."""


class IssueLog:
    """Collects the problems of one asset; many of one code become a single issue with a count."""

    def __init__(self) -> None:
        self._found: dict[str, Issue] = {}

    def add(self, code: str, message: str, *, where: str = "", count: int = 1) -> None:
        """Note a problem; severity comes from the table. The first place of each code is the one that is kept."""
        first = self._found.get(code)
        self._found[code] = Issue(
            code=code,
            severity=TABLE[code].severity,
            message=first.message if first else on_one_line(message),
            where=first.where if first else on_one_line(where),
            count=count + (first.count if first else 0),
        )

    def issues(self) -> tuple[Issue, ...]:
        """What was found, warnings first, then in the order of finding."""
        return tuple(sorted(self._found.values(), key=lambda issue: issue.severity is Severity.INFO))


HINTS: Mapping[str, str] = MappingProxyType(
    {
        "source": "give the path of a .glb, .gltf or .vrm file, or of an open avatar package, that this user can read",
        "archive": "pack the package's files into a new zip, with plain names inside one folder",
        "package": "an avatar package needs character.glb, animation.glb and three config files; see docs/formats",
        "config": "correct the file; docs/formats/avatar-package.md says what it holds",
        "resource": "put the files that the .gltf names beside it, or export one .glb",
        "limit": "simplify the asset, or raise the limit if you trust where it comes from",
        "clip": "avatar-agent inspect FILE lists the clips",
        "expression": "avatar-agent inspect FILE lists the expressions",
        "extension": "export the asset again without this extension",
    }
)
"""What to do about a refusal, by the first part of its code; for the rest the data itself is damaged."""

DAMAGED = "the data is damaged or was cut off: copy or export it again"


def _hint(code: str, given: str) -> str:
    return given or HINTS.get(code.partition(".")[0], DAMAGED)


def refusal(code: str, message: str, *, where: str = "", hint: str = "") -> AssetError:
    """The error to raise for an unusable asset; its code must be in the table."""
    if TABLE[code].severity is not Severity.ERROR:
        raise KeyError(code)
    return AssetError(message, code=code, where=where, hint=_hint(code, hint))


def unsupported(code: str, message: str, *, where: str = "", hint: str = "") -> UnsupportedAsset:
    """The error to raise for a sound asset that needs what we do not have; its code must be in the table."""
    if TABLE[code].severity is not Severity.ERROR:
        raise KeyError(code)
    return UnsupportedAsset(message, code=code, where=where, hint=_hint(code, hint))
