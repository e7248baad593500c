"""The sample avatar put together: shapes, weights, pictures and clips into one scene, and the scene into a GLB."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from renderer.animation.humanoid import humanoid_clips
from renderer.assets.glb_writer import write_glb
from renderer.sample import body, face, features, hair, head, paint, rigging, skeleton, textures
from renderer.sample.features import Piece
from renderer.sample.field import Array
from renderer.sample.mesher import Faces, Shape, vertex_normals
from renderer.scene import (
    Avatar,
    Image,
    Material,
    Mesh,
    MorphTarget,
    Node,
    Primitive,
    Sampler,
    Skin,
    Texture,
    TextureRef,
)
from renderer.scene.material import Wrap

Progress = Callable[[str], None]
NAME = "Sample"
SMALLEST = 4e-5
"""Displacements under this many metres are dropped ..."""
SEEN = 3e-4
"""... and on small parts those shapes that move nothing by more than this."""


@dataclass(slots=True, kw_only=True)
class Part:
    """One primitive in the world, metres; ``shapes`` are displacements by ARKit name."""

    name: str
    material: str
    points: Array
    normals: Array
    faces: Faces
    weights: Array
    uvs: Array | None = None
    colors: Array | None = None
    tangents: bool = False
    shapes: dict[str, Array] = field(default_factory=dict)
    bent_normals: bool = False


STAGES = ("skin", "features", "hair", "clothes", "pictures", "clips", "file")


def build(progress: Progress = lambda _stage: None) -> bytes:
    """The whole avatar as a GLB; ``progress`` hears each of ``STAGES`` as it begins."""
    avatar = scene(progress)
    progress("clips")
    groups = humanoid_clips(avatar)
    progress("file")
    return write_glb(avatar, clips=[clip for clips in groups.values() for clip in clips])


def scene(progress: Progress = lambda _stage: None) -> Avatar:
    """The avatar without clips."""
    bones = skeleton.bones()
    progress("skin")
    skin = head.build()
    parts = _head(skin, bones)
    progress("features")
    parts += _features(bones)
    progress("hair")
    parts.append(_hair(bones))
    progress("clothes")
    parts += _clothes(bones)
    progress("pictures")
    return _assemble(parts, bones, _pictures(skin))


def to_world(points: Array) -> Array:
    """From the face frame (centimetres)."""
    return np.asarray(points * 0.01 + skeleton.FACE_ORIGIN)


# --- parts ------------------------------------------------------------------------------------------------------


def _head(skin: head.Skin, bones: tuple[skeleton.Bone, ...]) -> list[Part]:
    flesh = face.Flesh(
        points=skin.points, lip=skin.lip, lip_share=skin.lip_share, lids=np.ones(len(skin.points), np.bool_)
    )
    shapes = {name: move * 0.01 for name, move in face.displacements(flesh).items()}
    throat = (skin.lip_share <= -0.6)[skin.faces].all(axis=1)
    whole = Part(
        name="Face",
        material="Skin",
        points=to_world(skin.points),
        normals=skin.normals,
        faces=skin.faces,
        weights=rigging.head_and_neck(skin.points, bones),
        uvs=paint.texture_coordinates(skin.chart),
        shapes=shapes,
        bent_normals=True,
    )
    mouth = _subset(whole, skin.faces[throat])
    mouth.name, mouth.material, mouth.uvs, mouth.bent_normals = "MouthInside", "Throat", None, False
    return [_subset(whole, skin.faces[~throat]), mouth]


def _subset(part: Part, faces: Faces) -> Part:
    """The part with these triangles only, and the vertices they use."""
    used, renumbered = np.unique(faces, return_inverse=True)
    return replace(
        part,
        points=part.points[used],
        normals=part.normals[used],
        faces=renumbered.reshape(-1, 3),
        weights=part.weights[used],
        uvs=None if part.uvs is None else part.uvs[used],
        shapes={name: move[used] for name, move in part.shapes.items()},
    )


def _loose(points: Array, *, lids: bool) -> face.Flesh:
    count = len(points)
    return face.Flesh(points=points, lip=np.zeros(count), lip_share=np.full(count, 9.0), lids=np.full(count, lids))


def _features(bones: tuple[skeleton.Bone, ...]) -> list[Part]:
    eye = features.eyeball()
    parts: list[Part] = []
    eyes = features.joined([eye, features.mirror(eye)])
    sides = np.where(eyes.points[:, 0] > 0, 1.0, 0.0)
    parts.append(
        Part(
            name="Eyes",
            material="Eyes",
            points=to_world(eyes.points),
            normals=eyes.normals,
            faces=eyes.faces,
            weights=rigging.mixed({"leftEye": sides, "rightEye": 1 - sides}, bones),
            uvs=eyes.uvs,
            colors=_grey(eyes.shade),
            shapes=_looks(eyes.points),
        )
    )
    for name, piece, lids in (("Brows", features.brow(), False), ("Lashes", features.lashes(), True)):
        both = features.joined([piece, features.mirror(piece)])
        moves = face.displacements(_loose(both.points, lids=lids))
        parts.append(_on_head(name, "Brows" if name == "Brows" else "Lashes", both, bones))
        parts[-1].shapes = {shape: move * 0.01 for shape, move in moves.items()}
    upper, lower, tongue = features.teeth(upper=True), features.teeth(upper=False), features.tongue()
    parts.append(_on_head("TeethUpper", "Mouth", upper, bones, colors=_mouth_colors(upper)))
    jaw = features.joined([lower, tongue])
    jaw_part = _on_head("TeethLower", "Mouth", jaw, bones, colors=_mouth_colors(jaw, tongue_from=len(lower.points)))
    jaw_part.shapes = _jaw(jaw.points, len(lower.points))
    parts.append(jaw_part)
    return parts


def _on_head(
    name: str, material: str, piece: Piece, bones: tuple[skeleton.Bone, ...], *, colors: Array | None = None
) -> Part:
    return Part(
        name=name,
        material=material,
        points=to_world(piece.points),
        normals=piece.normals,
        faces=piece.faces,
        weights=rigging.single(len(piece.points), bones, "head"),
        colors=colors,
    )


def _grey(shade: Array) -> Array:
    return np.repeat(np.asarray(shade)[:, None], 3, axis=1)


def _mouth_colors(piece: Piece, tongue_from: int | None = None) -> Array:
    gum, tooth, tongue = np.array([0.55, 0.19, 0.18]), np.array([0.86, 0.83, 0.76]), np.array([0.50, 0.13, 0.13])
    colors = np.where(piece.uvs[:, :1] > 0.5, gum, tooth)
    if tongue_from is not None:
        colors[tongue_from:] = tongue
    return np.asarray(colors * _grey(piece.shade))


def _looks(points: Array) -> dict[str, Array]:
    """Eyeballs turned by the gaze shapes: straight ways that end where the turn would."""
    found: dict[str, Array] = {}
    for name, (aside, up) in face.LOOK_ANGLES.items():
        for side, sign in (("Left", 1.0), ("Right", -1.0)):
            centre = head.EYE * [sign, 1.0, 1.0]
            local = points - centre
            ca, sa, cu, su = np.cos(aside * sign), np.sin(aside * sign), np.cos(up), np.sin(up)
            y, z = local[:, 1] * cu + local[:, 2] * su, -local[:, 1] * su + local[:, 2] * cu
            turned = np.stack([local[:, 0] * ca + z * sa, y, -local[:, 0] * sa + z * ca], axis=1)
            mine = (points[:, 0] * sign > 0)[:, None]
            found[name + side] = np.where(mine, turned - local, 0.0) * 0.01
    return found


def _jaw(points: Array, teeth: int) -> dict[str, Array]:
    """Lower teeth and tongue with the jaw; the tongue lags a little, and comes out by itself."""
    follow = np.ones(len(points))
    follow[teeth:] = 0.82
    opened = face.jaw_turn(points, follow)
    out = np.zeros_like(points)
    part = np.zeros(len(points))
    part[teeth:] = np.clip((points[teeth:, 2] - 1.0) / 4.5, 0, 1.2)
    out[:, 2] = 5.6 * part
    out[:, 1] = 0.62 * part - 0.9 * np.clip(part - 0.55, 0, 1) ** 1.5 * 2.0
    out[:, 0] = -0.12 * points[:, 0] * part
    return {
        "jawOpen": opened * 0.01,
        "jawForward": follow[:, None] * np.array([0.0, 0.05, 0.85]) * 0.01,
        "jawLeft": follow[:, None] * np.array([0.9, 0.0, 0.0]) * 0.01,
        "jawRight": follow[:, None] * np.array([-0.9, 0.0, 0.0]) * 0.01,
        "tongueOut": out * 0.01,
    }


def _hair(bones: tuple[skeleton.Bone, ...]) -> Part:
    made = hair.build()
    return Part(
        name="Hair",
        material="Hair",
        points=to_world(made.points),
        normals=made.normals,
        faces=made.faces,
        weights=rigging.single(len(made.points), bones, "head"),
        uvs=made.uvs,
        colors=_grey(0.25 + 0.75 * made.shade),
        tangents=True,
    )


def _clothes(bones: tuple[skeleton.Bone, ...]) -> list[Part]:
    trunk = ("hips", "spine", "chest", "upperChest", "leftShoulder", "rightShoulder")
    sleeves = tuple(side + part for side in ("left", "right") for part in ("UpperArm", "LowerArm"))
    legs = tuple(side + part for side in ("left", "right") for part in ("UpperLeg", "LowerLeg"))
    feet = tuple(side + part for side in ("left", "right") for part in ("Foot", "Toes"))
    hands = tuple(bone.name for bone in bones if "Hand" in bone.name or _is_finger(bone.name))

    edges = body.bands()
    cuffs = _pair(edges["cuff"])
    whole = _merged([body.sweater(), edges["collar"], edges["hem"], cuffs])
    weights = rigging.by_distance(whole.points, whole.faces, bones, (*trunk, *sleeves), rounds=7)
    sweater = _cloth("Sweater", "Knit", whole, weights, scale=15.0)
    legwear = body.trousers()
    weights = rigging.by_distance(legwear.points, legwear.faces, bones, ("hips", *legs), rounds=7)
    trousers = _cloth("Trousers", "Twill", legwear, weights, scale=8.0)

    uppers, soles = _pair(body.shoe()), _pair(body.sole())
    pair = _merged([uppers, soles])
    shoes = Part(
        name="Shoes",
        material="Shoes",
        points=pair.points,
        normals=pair.normals,
        faces=pair.faces,
        weights=rigging.by_distance(pair.points, pair.faces, bones, feet, rounds=2),
        colors=_shoe_colors(pair.points, len(uppers.points)),
    )
    ear = features.ear()
    ears = features.joined([ear, features.mirror(ear)])
    both = _pair(body.hand())
    hand_weights = rigging.by_distance(both.points, both.faces, bones, hands, rounds=2)
    spots = np.tile(paint.PLAIN, (len(ears.points) + len(both.points), 1))
    light = np.concatenate([_ear_colors(ears), _hand_colors(both)])
    skin = Part(
        name="EarsAndHands",
        material="Skin",
        points=np.concatenate([to_world(ears.points), both.points]),
        normals=np.concatenate([ears.normals, both.normals]),
        faces=np.concatenate([ears.faces, both.faces + len(ears.points)]),
        weights=np.concatenate([rigging.single(len(ears.points), bones, "head"), hand_weights]),
        uvs=spots,
        colors=light,
    )
    return [skin, sweater, trousers, shoes]


def _is_finger(name: str) -> bool:
    return any(part in name for part in ("Thumb", "Index", "Middle", "Ring", "Little"))


def _pair(shape: Shape) -> Shape:
    """A left shape and its mirror image."""
    flip = np.array([-1.0, 1.0, 1.0])
    twin = Shape(points=shape.points * flip, faces=shape.faces[:, ::-1], normals=shape.normals * flip)
    return _merged([shape, twin])


def _merged(shapes: list[Shape]) -> Shape:
    starts = np.cumsum([0] + [len(shape.points) for shape in shapes[:-1]])
    return Shape(
        points=np.concatenate([shape.points for shape in shapes]),
        faces=np.concatenate([shape.faces + start for shape, start in zip(shapes, starts, strict=True)]),
        normals=np.concatenate([shape.normals for shape in shapes]),
    )


def _cloth(name: str, material: str, shape: Shape, weights: Array, *, scale: float) -> Part:
    """Cloth textured from the front, back or sides, whichever a triangle faces most."""
    toward = np.abs(shape.normals[shape.faces].mean(axis=1)) * [0.8, 0.55, 1.0]
    chart = np.argmax(toward, axis=1)
    points, normals, uvs, faces, kept = [], [], [], [], []
    count = 0
    for axis, (u, v) in enumerate(((2, 1), (0, 2), (0, 1))):
        chosen = shape.faces[chart == axis]
        if not len(chosen):
            continue
        used, renumbered = np.unique(chosen, return_inverse=True)
        points.append(shape.points[used])
        normals.append(shape.normals[used])
        uvs.append(np.stack([shape.points[used, u], -shape.points[used, v]], axis=1) * scale)
        faces.append(renumbered.reshape(-1, 3) + count)
        kept.append(used)
        count += len(used)
    rows = np.concatenate(kept)
    where, out = np.concatenate(points), np.concatenate(normals)
    return Part(
        name=name,
        material=material,
        points=where,
        normals=out,
        faces=np.concatenate(faces),
        weights=weights[rows],
        uvs=np.concatenate(uvs),
        colors=_grey(_open_sky(where, out)),
        tangents=True,
    )


def _open_sky(points: Array, normals: Array) -> Array:
    """Ambient occlusion from the body's own field."""
    light = np.ones(len(points))
    for reach, weight in ((0.012, 0.28), (0.035, 0.26), (0.09, 0.26)):
        light -= weight * np.clip(1 - body.body_field(points + normals * reach) / reach, 0, 1)
    return np.clip(light, 0.3, 1)


def _ear_colors(ears: Piece) -> Array:
    return np.asarray(_grey(ears.shade) ** [0.8, 1.25, 1.3] * [1.0, 0.93, 0.92])


def _hand_colors(hands: Shape) -> Array:
    origin, axes = skeleton.wrist(), skeleton.hand_axes()
    local = (np.abs(hands.points) * [1, 0, 0] + hands.points * [0, 1, 1] - origin) @ axes
    light = np.ones(len(local))
    for reach, weight in ((0.004, 0.3), (0.012, 0.25)):
        out = (hands.normals * np.where(hands.points[:, :1] < 0, [-1.0, 1, 1], [1.0, 1, 1])) @ axes
        light -= weight * np.clip(1 - body.hand_field(local + out * reach) / reach, 0, 1)
    rosy = np.clip((local[:, 0] - 0.10) / 0.08, 0, 1) * 0.5 + 0.5 * np.clip(-local[:, 1] / 0.02, 0, 1) * 0.5
    return np.asarray(_grey(np.clip(light, 0.4, 1)) ** [0.8, 1.2, 1.25] * (1 - rosy[:, None] * [0.0, 0.12, 0.12]))


def _shoe_colors(points: Array, uppers: int) -> Array:
    colors = np.tile([0.80, 0.80, 0.78], (len(points), 1))
    local = np.abs(points[:, 0])
    lace = (np.sin(points[:, 2] * 420) > 0.35) & (np.abs(local - 0.093) < 0.017) & (points[:, 2] > 0.025)
    lace &= (points[:, 2] < 0.095) & (points[:, 1] > 0.055)
    colors[lace] = [0.32, 0.36, 0.40]
    heel = (points[:, 2] < -0.045) & (points[:, 1] > 0.05)
    colors[heel] = [0.10, 0.30, 0.32]
    colors[uppers:] = [0.90, 0.89, 0.86]
    return np.asarray(colors * _grey(0.55 + 0.45 * np.clip(points[:, 1] / 0.04 + 0.35, 0, 1)))


# --- materials ----------------------------------------------------------------------------------------------------


@dataclass(slots=True, kw_only=True)
class Pictures:
    """Materials with the pictures they refer to."""

    images: list[Image]
    textures: list[Texture]
    materials: list[Material]


def _pictures(skin: head.Skin) -> Pictures:
    found = Pictures(images=[], textures=[], materials=[])
    tiled, clamped = Sampler(), Sampler(wrap_s=Wrap.CLAMP_TO_EDGE, wrap_t=Wrap.CLAMP_TO_EDGE)

    def picture(name: str, data: bytes, sampler: Sampler) -> TextureRef:
        found.images.append(Image(name=name, mime_type="image/jpeg", data=data))
        found.textures.append(Texture(image=len(found.images) - 1, sampler=sampler))
        return TextureRef(texture=len(found.textures) - 1)

    base, orm = paint.skin(skin)
    shine = picture("skin_orm", orm, clamped)
    found.materials.append(
        Material(
            name="Skin",
            base_color_texture=picture("skin", base, clamped),
            metallic_factor=0.0,
            metallic_roughness_texture=shine,
            occlusion_texture=shine,
        )
    )
    found.materials.append(
        Material(
            name="Eyes",
            base_color_texture=picture("eye", textures.eye(), clamped),
            metallic_factor=0.0,
            roughness_factor=0.12,
        )
    )
    found.materials.append(
        Material(name="Brows", base_color_factor=(0.075, 0.040, 0.022, 1.0), metallic_factor=0.0, roughness_factor=0.8)
    )
    found.materials.append(
        Material(
            name="Lashes",
            base_color_factor=(0.010, 0.006, 0.004, 1.0),
            metallic_factor=0.0,
            roughness_factor=0.8,
            double_sided=True,
        )
    )
    found.materials.append(Material(name="Mouth", metallic_factor=0.0, roughness_factor=0.5))
    found.materials.append(
        Material(name="Throat", base_color_factor=(0.085, 0.012, 0.014, 1.0), metallic_factor=0.0, roughness_factor=1.0)
    )
    strands, relief = textures.hair()
    found.materials.append(
        Material(
            name="Hair",
            base_color_texture=picture("hair", strands, tiled),
            metallic_factor=0.0,
            roughness_factor=0.5,
            normal_texture=picture("hair_normal", relief, tiled),
            double_sided=True,
        )
    )
    knit, knit_relief, knit_orm = textures.knit()
    wool = picture("knit_orm", knit_orm, tiled)
    found.materials.append(
        Material(
            name="Knit",
            base_color_factor=(0.055, 0.225, 0.250, 1.0),
            base_color_texture=picture("knit", knit, tiled),
            metallic_factor=0.0,
            metallic_roughness_texture=wool,
            occlusion_texture=wool,
            normal_texture=picture("knit_normal", knit_relief, tiled),
        )
    )
    twill, twill_relief = textures.twill()
    found.materials.append(
        Material(
            name="Twill",
            base_color_texture=picture("twill", twill, tiled),
            metallic_factor=0.0,
            roughness_factor=0.85,
            normal_texture=picture("twill_normal", twill_relief, tiled),
        )
    )
    found.materials.append(Material(name="Shoes", metallic_factor=0.0, roughness_factor=0.6))
    return found


# --- scene --------------------------------------------------------------------------------------------------------


def _assemble(parts: list[Part], bones: tuple[skeleton.Bone, ...], pictures: Pictures) -> Avatar:
    places = {bone.name: index for index, bone in enumerate(bones)}
    material_of = {material.name: index for index, material in enumerate(pictures.materials)}
    children: dict[str, list[int]] = {}
    for index, bone in enumerate(bones):
        children.setdefault(bone.parent, []).append(index)
    nodes: list[Node] = []
    for bone in bones:
        above = bones[places[bone.parent]].at if bone.parent else np.zeros(3)
        nodes.append(_node(bone.name, places.get(bone.parent, -1), tuple(children.get(bone.name, ())), bone.at - above))
    meshes: list[Mesh] = []
    for part in parts:
        meshes.append(_mesh(part, material_of[part.material]))
        node = _node(part.name, -1, (), np.zeros(3))
        node.mesh, node.skin = len(meshes) - 1, 0
        nodes.append(node)
    inverse = np.tile(np.eye(4, dtype=np.float32), (len(bones), 1, 1))
    inverse[:, :3, 3] = -np.array([bone.at for bone in bones])
    roots = tuple(index for index, node in enumerate(nodes) if node.parent < 0)
    order: list[int] = []
    waiting = list(reversed(roots))
    while waiting:
        order.append(waiting.pop())
        waiting += reversed(nodes[order[-1]].children)
    return Avatar(
        name=NAME,
        nodes=tuple(nodes),
        roots=roots,
        order=tuple(order),
        meshes=tuple(meshes),
        materials=tuple(pictures.materials),
        textures=tuple(pictures.textures),
        images=tuple(pictures.images),
        skins=(
            Skin(
                name=NAME, joints=np.arange(len(bones), dtype=np.int32), inverse_bind=inverse, skeleton=places["hips"]
            ),
        ),
        humanoid=dict(places),
    )


def _node(name: str, parent: int, children: tuple[int, ...], at: Array) -> Node:
    return Node(
        name=name,
        parent=parent,
        children=children,
        translation=at.astype(np.float32),
        rotation=np.array([0, 0, 0, 1], np.float32),
        scale=np.ones(3, np.float32),
    )


def _mesh(part: Part, material: int) -> Mesh:
    moving = {name: _quiet(move) for name, move in part.shapes.items()}
    names = tuple(
        name
        for name in face.NAMES
        if name in moving and np.abs(moving[name]).max() > (0.0 if part.bent_normals else SEEN)
    )
    targets = []
    for name in names:
        normals = None
        if part.bent_normals:
            after = vertex_normals(part.points + moving[name], part.faces)
            change = after - vertex_normals(part.points, part.faces)
            near = np.linalg.norm(moving[name], axis=1) > 0
            ring = np.zeros(len(near), np.bool_)
            ring[part.faces[near[part.faces].any(axis=1)]] = True
            change = np.where((np.linalg.norm(change, axis=1) > 0.07)[:, None] & ring[:, None], change, 0.0)
            normals = np.round(change, 3).astype(np.float32) + np.float32(0.0)
        targets.append(MorphTarget(positions=moving[name].astype(np.float32), normals=normals))
    joints, weights = rigging.strongest(part.weights)
    tangents = _tangents(part, part.uvs) if part.tangents and part.uvs is not None else None
    colors: NDArray[np.float32] | None = None
    if part.colors is not None:
        colors = np.concatenate([part.colors, np.ones((len(part.colors), 1))], axis=1).astype(np.float32)
    primitive = Primitive(
        positions=part.points.astype(np.float32),
        normals=part.normals.astype(np.float32),
        tangents=tangents,
        uvs=() if part.uvs is None else (part.uvs.astype(np.float32),),
        colors=colors,
        joints=joints,
        weights=weights,
        indices=part.faces.reshape(-1).astype(np.uint32),
        material=material,
        targets=tuple(targets),
    )
    return Mesh(name=part.name, primitives=(primitive,), weights=np.zeros(len(names), np.float32), target_names=names)


def _quiet(move: Array) -> Array:
    """Whole tenths of a hundredth of a millimetre, and nothing where next to nothing happens."""
    kept = np.where((np.linalg.norm(move, axis=1) > SMALLEST)[:, None], move, 0.0)
    return np.round(kept, 6) + 0.0


def _tangents(part: Part, uvs: Array) -> NDArray[np.float32]:
    """Along the picture's u, per vertex; w is the handedness (glTF 2.0, 3.7.2.1)."""
    a, b, c = (part.faces[:, i] for i in range(3))
    e1, e2 = part.points[b] - part.points[a], part.points[c] - part.points[a]
    d1, d2 = uvs[b] - uvs[a], uvs[c] - uvs[a]
    area = d1[:, 0] * d2[:, 1] - d2[:, 0] * d1[:, 1]
    safe = np.where(np.abs(area) < 1e-14, 1.0, area)[:, None]
    along = (e1 * d2[:, 1:] - e2 * d1[:, 1:]) / safe
    down = (e2 * d1[:, :1] - e1 * d2[:, :1]) / safe
    total, other = np.zeros_like(part.points), np.zeros_like(part.points)
    for corner in (a, b, c):
        np.add.at(total, corner, along)
        np.add.at(other, corner, down)
    n = part.normals
    flat = total - n * (n * total).sum(axis=1, keepdims=True)
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    spare = np.cross(n, np.where(np.abs(n[:, :1]) > 0.9, [[0.0, 1.0, 0.0]], [[1.0, 0.0, 0.0]]))
    spare /= np.linalg.norm(spare, axis=1, keepdims=True)
    unit = np.where(length > 1e-9, flat / np.maximum(length, 1e-9), spare)
    # v runs down the picture, so a right-handed frame has its bitangent against it
    sign = np.where((np.cross(n, unit) * other).sum(axis=1) < 0, -1.0, 1.0)
    return np.concatenate([unit, sign[:, None]], axis=1).astype(np.float32)
