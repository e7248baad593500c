"""The glTF 2.0 JSON, typed. Property names are glTF's own; extensions stay raw until someone asks for them."""

from __future__ import annotations

import re
from typing import Annotated, TypeVar, get_origin

import msgspec
from msgspec import Meta, Raw, field

from renderer.assets.issues import IssueLog, refusal
from renderer.assets.limits import Limits

Index = Annotated[int, Meta(ge=0, lt=1 << 31)]
Size = Annotated[int, Meta(ge=0, lt=1 << 48)]
Extensions = dict[str, Raw]


class Object(msgspec.Struct, rename="camel", kw_only=True, gc=False):
    """What every glTF object may have."""

    name: str = ""
    extensions: Extensions = {}


class AssetInfo(Object):
    """``asset``: who wrote the file, and for which version."""

    version: str
    min_version: str | None = None
    generator: str = ""


class Buffer(Object):
    """Bytes of a file, of a data: URI, or of the GLB's binary chunk."""

    byte_length: Size
    uri: str | None = None


class BufferView(Object):
    """A slice of a buffer."""

    buffer: Index
    byte_length: Size
    byte_offset: Size = 0
    byte_stride: Size | None = None


class SparseIndices(Object):
    """Which elements a sparse accessor replaces."""

    buffer_view: Index
    component_type: int
    byte_offset: Size = 0


class SparseValues(Object):
    """What it replaces them with."""

    buffer_view: Index
    byte_offset: Size = 0


class Sparse(Object):
    """The replaced elements of an accessor."""

    count: Size
    indices: SparseIndices
    values: SparseValues


class Accessor(Object):
    """Typed elements in a buffer view; all zero without one."""

    component_type: int
    count: Size
    type: str
    buffer_view: Index | None = None
    byte_offset: Size = 0
    normalized: bool = False
    sparse: Sparse | None = None


class ImageObject(Object):
    """A picture."""

    uri: str | None = None
    mime_type: str = ""
    buffer_view: Index | None = None


class SamplerObject(Object):
    """Filters and wrapping."""

    mag_filter: int | None = None
    min_filter: int | None = None
    wrap_s: int = 10497
    wrap_t: int = 10497


class TextureObject(Object):
    """A picture with a sampler."""

    source: Index | None = None
    sampler: Index | None = None


class TextureInfo(Object):
    """A material's use of a texture; ``scale`` of a normal map, ``strength`` of an occlusion map."""

    index: Index
    tex_coord: Index = 0
    scale: float = 1.0
    strength: float = 1.0


class MetallicRoughness(Object):
    """``pbrMetallicRoughness``."""

    base_color_factor: tuple[float, float, float, float] = (1.0, 1.0, 1.0, 1.0)
    base_color_texture: TextureInfo | None = None
    metallic_factor: float = 1.0
    roughness_factor: float = 1.0
    metallic_roughness_texture: TextureInfo | None = None


class MaterialObject(Object):
    """A material."""

    pbr_metallic_roughness: MetallicRoughness = field(default_factory=MetallicRoughness)
    normal_texture: TextureInfo | None = None
    occlusion_texture: TextureInfo | None = None
    emissive_texture: TextureInfo | None = None
    emissive_factor: tuple[float, float, float] = (0.0, 0.0, 0.0)
    alpha_mode: str = "OPAQUE"
    alpha_cutoff: float = 0.5
    double_sided: bool = False


class TargetNames(msgspec.Struct, rename="camel"):
    """The one entry of ``extras`` that glTF tools agree on: the morph targets' names."""

    target_names: list[str] | None = None


class PrimitiveObject(Object):
    """Vertex data with a material; ``attributes`` and targets map a semantic to an accessor."""

    attributes: dict[str, Index]
    indices: Index | None = None
    material: Index | None = None
    mode: int = 4
    targets: list[dict[str, Index]] = []
    extras: Raw = Raw()


class MeshObject(Object):
    """A mesh."""

    primitives: list[PrimitiveObject] = []
    weights: list[float] = []
    extras: Raw = Raw()


class NodeObject(Object):
    """A node; ``translation``, ``rotation``, ``scale`` None where the file leaves them out."""

    children: tuple[Index, ...] = ()
    mesh: Index | None = None
    skin: Index | None = None
    camera: Index | None = None
    weights: list[float] | None = None
    matrix: list[float] | None = None
    translation: tuple[float, float, float] | None = None
    rotation: tuple[float, float, float, float] | None = None
    scale: tuple[float, float, float] | None = None


class SkinObject(Object):
    """A skin."""

    joints: list[Index] = []
    inverse_bind_matrices: Index | None = None
    skeleton: Index | None = None


class ChannelTarget(Object):
    """What a channel drives."""

    path: str
    node: Index | None = None


class ChannelObject(Object):
    """A sampler applied to a target."""

    sampler: Index
    target: ChannelTarget


class AnimationSampler(Object):
    """Key times and values."""

    input: Index
    output: Index
    interpolation: str = "LINEAR"


class AnimationObject(Object):
    """A clip."""

    channels: list[ChannelObject] = []
    samplers: list[AnimationSampler] = []


class SceneObject(Object):
    """The nodes a scene starts from."""

    nodes: list[Index] = []


class PerspectiveObject(Object):
    """Perspective camera."""

    yfov: float
    znear: float
    aspect_ratio: float | None = None
    zfar: float | None = None


class OrthographicObject(Object):
    """Orthographic camera; half extents."""

    xmag: float
    ymag: float
    zfar: float
    znear: float


class CameraObject(Object):
    """A camera."""

    type: str
    perspective: PerspectiveObject | None = None
    orthographic: OrthographicObject | None = None


class Document(Object):
    """The whole file."""

    asset: AssetInfo
    scene: Index | None = None
    scenes: list[SceneObject] = []
    nodes: list[NodeObject] = []
    meshes: list[MeshObject] = []
    skins: list[SkinObject] = []
    animations: list[AnimationObject] = []
    materials: list[MaterialObject] = []
    textures: list[TextureObject] = []
    images: list[ImageObject] = []
    samplers: list[SamplerObject] = []
    cameras: list[CameraObject] = []
    accessors: list[Accessor] = []
    buffer_views: list[BufferView] = []
    buffers: list[Buffer] = []
    extensions_used: list[str] = []
    extensions_required: list[str] = []


Kind = TypeVar("Kind")

_LISTS = tuple(f.name for f in msgspec.structs.fields(Document) if get_origin(f.type) is list)
_BOM = b"\xef\xbb\xbf"
_PLACE = re.compile(r"\s*-\s*at `(?P<path>[^`]*)`$")
_STEP = re.compile(r"\.?([^.\[\]]+)|\[([^\]]*)\]")


def parse(data: bytes | memoryview, *, log: IssueLog, limits: Limits, where: str = "") -> Document:
    """The typed document.

    Raises AssetError: ``json.syntax``, ``json.depth``, ``json.type`` (``where`` then ends in the JSON pointer),
    ``asset.version``, ``limit.exceeded``.
    """
    if bytes(data[:3]) == _BOM:
        log.add("json.bom", "byte order mark before the JSON", where=where)
        data = data[3:]
    document = decode(data, Document, log=log, where=where)
    _check_version(document.asset, where)
    for name in _LISTS:
        if len(getattr(document, name)) > limits.objects:
            raise refusal("limit.exceeded", f"more than {limits.objects} entries", where=f"{where}#/{name}")
    return document


def decode(data: bytes | memoryview | Raw, kind: type[Kind], *, log: IssueLog, where: str = "") -> Kind:
    """JSON as ``kind``. A number written in another way (2.0 or "2" for 2) is read as meant, with a warning.

    Raises AssetError: ``json.syntax``, ``json.depth``, ``json.type``.
    """
    try:
        try:
            return msgspec.json.decode(data, type=kind)
        except msgspec.ValidationError as strict:
            document = msgspec.json.decode(data, type=kind, strict=False)
            message, pointer = _explain(strict)
            log.add("json.coerced", message, where=pointer)
            return document
    except msgspec.ValidationError as loose:
        message, pointer = _explain(loose)
        raise refusal("json.type", f"glTF JSON: {message}", where=_join(where, pointer)) from loose
    except RecursionError as deep:
        raise refusal("json.depth", "the JSON is nested too deeply", where=where) from deep
    except (msgspec.DecodeError, UnicodeDecodeError) as bad:
        # Also where the first of two faults is only a wrong type.
        raise refusal("json.syntax", f"not JSON: {bad}", where=where) from bad


def pointer_of(path: str) -> str:
    """msgspec's ``$.nodes[0].mesh`` as the JSON pointer ``/nodes/0/mesh``."""
    return "".join(f"/{name or number}" for name, number in _STEP.findall(path.removeprefix("$")))


def _explain(error: msgspec.ValidationError) -> tuple[str, str]:
    text = str(error)
    place = _PLACE.search(text)
    return (text[: place.start()], pointer_of(place["path"])) if place else (text, "")


def _join(where: str, pointer: str) -> str:
    return f"{where}#{pointer}" if where else pointer


def _check_version(asset: AssetInfo, where: str) -> None:
    """Only 2.x is readable; a file may ask for a minor version of at least ``minVersion`` (there is only 2.0)."""
    major, _, minor = asset.version.partition(".")
    least = asset.min_version or "2.0"
    if major != "2" or not minor.isdigit() or least != "2.0":
        asked = f"at least {least}" if asset.min_version else asset.version
        raise refusal("asset.version", f"glTF version {asked}; only 2.0 can be read", where=_join(where, "/asset"))
