"""What is in an asset, as numbers and names for a person or a script."""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from renderer.animation.arkit import ARKIT
from renderer.animation.expression import Face
from renderer.assets.asset import Asset
from renderer.assets.issues import Issue
from renderer.assets.picture import probe
from renderer.scene.avatar import Avatar
from renderer.scene.humanoid import CORE_BONES
from renderer.scene.mesh import Mesh
from renderer.scene.triangles import triangles


class MeshSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One mesh; vertices and triangles count every primitive."""

    name: str
    primitives: int
    vertices: int
    triangles: int
    morph_targets: int
    skinned: bool
    influences: int


class MaterialSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One material; ``textures`` names the slots that have one."""

    name: str
    alpha_mode: str
    double_sided: bool
    unlit: bool
    textures: tuple[str, ...]


class ImageSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One picture; sizes are 0 when it could not be read."""

    name: str
    mime_type: str
    width: int
    height: int
    bytes: int


class ClipSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One clip; ``group`` is its group in an avatar package, else empty."""

    name: str
    seconds: float
    channels: int
    group: str


class Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """How much of a known list the asset has."""

    found: int
    of: int
    missing: tuple[str, ...]


class IssueSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One issue."""

    code: str
    severity: str
    count: int
    message: str
    where: str


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """Everything ``avatar-agent inspect`` shows; ``kind`` is ``file`` or ``package``."""

    name: str
    kind: str
    generator: str
    extensions: tuple[str, ...]
    nodes: int
    joints: int
    triangles: int
    vertices: int
    morph_targets: int
    cameras: int
    lights: int
    variants: tuple[str, ...]
    meshes: tuple[MeshSummary, ...]
    materials: tuple[MaterialSummary, ...]
    images: tuple[ImageSummary, ...]
    clips: tuple[ClipSummary, ...]
    humanoid: Coverage
    humanoid_bones: tuple[str, ...]
    arkit: Coverage
    expressions: tuple[str, ...]
    issues: tuple[IssueSummary, ...]

    @property
    def sentence(self) -> str:
        """One line for a person."""
        what = "humanoid" if self.humanoid.found == self.humanoid.of else "model"
        parts = [f"{self.triangles:,} triangles", f"{self.joints} joints", f"{self.morph_targets} morph targets"]
        parts.append(f"{len(self.clips)} clip{'s' * (len(self.clips) != 1)}")
        warnings = sum(issue.severity == "warning" for issue in self.issues)
        state = f"{warnings} kind{'s' * (warnings != 1)} of warning" if warnings else "nothing wrong"
        return f"{what} with {', '.join(parts)}; ARKit face {self.arkit.found}/{self.arkit.of}; {state}"


def summarise(asset: Asset, *, name: str) -> Summary:
    """The asset in numbers. Meshes are counted once each, however many nodes show them."""
    avatar = asset.avatar
    face = Face(avatar)
    skinned = {node.mesh for node in avatar.nodes if node.skin >= 0}
    meshes = tuple(_mesh(mesh, i in skinned) for i, mesh in enumerate(avatar.meshes))
    names = {name for mesh in avatar.meshes for name in mesh.target_names if name}
    most = max((mesh.morph_targets for mesh in meshes), default=0)
    group_of = {index: group for group, indices in reversed(asset.groups.items()) for index in indices}
    return Summary(
        name=name,
        kind="package" if asset.config is not None else "file",
        generator=asset.generator,
        extensions=asset.extensions,
        nodes=len(avatar.nodes),
        joints=len({int(joint) for skin in avatar.skins for joint in skin.joints}),
        triangles=sum(mesh.triangles for mesh in meshes),
        vertices=sum(mesh.vertices for mesh in meshes),
        morph_targets=max(len(names), most),
        cameras=len(avatar.cameras),
        lights=len(avatar.lights),
        variants=avatar.variants,
        meshes=meshes,
        materials=_materials(avatar),
        images=_images(avatar),
        clips=tuple(
            ClipSummary(
                name=clip.name, seconds=clip.duration, channels=len(clip.channels), group=group_of.get(index, "")
            )
            for index, clip in enumerate(asset.clips)
        ),
        humanoid=_coverage(CORE_BONES, avatar.humanoid),
        humanoid_bones=tuple(avatar.humanoid),
        arkit=_coverage(ARKIT, face.arkit),
        expressions=tuple(face.names),
        issues=tuple(_issue(issue) for issue in asset.issues),
    )


def _mesh(mesh: Mesh, skinned: bool) -> MeshSummary:
    influences = [p.joints.shape[1] for p in mesh.primitives if p.joints is not None]
    faces = (triangles(primitive) for primitive in mesh.primitives)
    return MeshSummary(
        name=mesh.name,
        primitives=len(mesh.primitives),
        vertices=sum(len(primitive.positions) for primitive in mesh.primitives),
        triangles=sum(0 if found is None else len(found) for found in faces),
        morph_targets=len(mesh.weights),
        skinned=skinned,
        influences=max(influences, default=0),
    )


def _materials(avatar: Avatar) -> tuple[MaterialSummary, ...]:
    return tuple(
        MaterialSummary(
            name=material.name,
            alpha_mode=material.alpha_mode.value,
            double_sided=material.double_sided,
            unlit=material.unlit,
            textures=tuple(
                slot
                for slot, texture in (
                    ("base color", material.base_color_texture),
                    ("metallic-roughness", material.metallic_roughness_texture),
                    ("normal", material.normal_texture),
                    ("occlusion", material.occlusion_texture),
                    ("emissive", material.emissive_texture),
                )
                if texture is not None
            ),
        )
        for material in avatar.materials
    )


def _images(avatar: Avatar) -> tuple[ImageSummary, ...]:
    found = []
    for image in avatar.images:
        info = probe(image.data)
        found.append(
            ImageSummary(
                name=image.name,
                mime_type=image.mime_type,
                width=info.width if info else 0,
                height=info.height if info else 0,
                bytes=len(image.data),
            )
        )
    return tuple(found)


def _coverage(wanted: tuple[str, ...], present: Collection[str]) -> Coverage:
    missing = tuple(name for name in wanted if name not in present)
    return Coverage(found=len(wanted) - len(missing), of=len(wanted), missing=missing)


def _issue(issue: Issue) -> IssueSummary:
    return IssueSummary(
        code=issue.code, severity=issue.severity.value, count=issue.count, message=issue.message, where=issue.where
    )
