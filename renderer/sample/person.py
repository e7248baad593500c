"""The person without clothes: face, eyes, brows, teeth, hair, ears and hands, each with its bones and shapes."""

from __future__ import annotations

import numpy as np

from renderer.sample import body, face, features, hair, head, paint, rigging, skeleton
from renderer.sample.anatomy import EYE
from renderer.sample.features import Piece
from renderer.sample.field import Array
from renderer.sample.mesher import Shape
from renderer.sample.part import Part, grey, pair, subset, to_world

Bones = tuple[skeleton.Bone, ...]


def face_parts(skin: head.Skin, bones: Bones) -> list[Part]:
    """The head's skin with the face shapes that move it, cut into face and inner mouth; metres."""
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
    mouth = subset(whole, skin.faces[throat])
    mouth.name, mouth.material, mouth.uvs, mouth.bent_normals = "MouthInside", "Throat", None, False
    return [subset(whole, skin.faces[~throat]), mouth]


def _loose(piece: Piece, *, lids: bool) -> face.Flesh:
    count = len(piece.points)
    return face.Flesh(
        points=piece.points,
        lip=np.zeros(count),
        lip_share=np.full(count, 9.0),
        lids=np.full(count, lids),
        roots=piece.roots,
    )


def feature_parts(bones: Bones) -> list[Part]:
    """Eyes, brows, lashes and teeth, each with the face shapes that move it; metres."""
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
            colors=grey(eyes.shade),
            shapes=_looks(eyes.points),
        )
    )
    for name, piece, lids in (("Brows", features.brow(), False), ("Lashes", features.lashes(), True)):
        both = features.joined([piece, features.mirror(piece)])
        moves = face.displacements(_loose(both, lids=lids))
        parts.append(_on_head(name, "Brows" if name == "Brows" else "Lashes", both, bones))
        parts[-1].shapes = {shape: move * 0.01 for shape, move in moves.items()}
    upper, lower, tongue = features.teeth(upper=True), features.teeth(upper=False), features.tongue()
    parts.append(_on_head("TeethUpper", "Mouth", upper, bones, colors=_mouth_colors(upper)))
    jaw = features.joined([lower, tongue])
    jaw_part = _on_head("TeethLower", "Mouth", jaw, bones, colors=_mouth_colors(jaw, tongue_from=len(lower.points)))
    jaw_part.shapes = _jaw(jaw.points, len(lower.points))
    parts.append(jaw_part)
    return parts


def _on_head(name: str, material: str, piece: Piece, bones: Bones, *, colors: Array | None = None) -> Part:
    return Part(
        name=name,
        material=material,
        points=to_world(piece.points),
        normals=piece.normals,
        faces=piece.faces,
        weights=rigging.single(len(piece.points), bones, "head"),
        colors=colors,
    )


def _mouth_colors(piece: Piece, tongue_from: int | None = None) -> Array:
    gum, tooth, tongue = np.array([0.55, 0.19, 0.18]), np.array([0.86, 0.83, 0.76]), np.array([0.50, 0.13, 0.13])
    colors = np.where(piece.uvs[:, :1] > 0.5, gum, tooth)
    if tongue_from is not None:
        colors[tongue_from:] = tongue
    return np.asarray(colors * grey(piece.shade))


def _looks(points: Array) -> dict[str, Array]:
    """Eyeballs turned by the gaze shapes: straight ways that end where the turn would."""
    found: dict[str, Array] = {}
    for name, (aside, up) in face.LOOK_ANGLES.items():
        for side, sign in (("Left", 1.0), ("Right", -1.0)):
            centre = EYE * [sign, 1.0, 1.0]
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


def hair_part(bones: Bones) -> Part:
    """The hair; it follows the head. Metres."""
    made = hair.build()
    return Part(
        name="Hair",
        material="Hair",
        points=to_world(made.points),
        normals=made.normals,
        faces=made.faces,
        weights=rigging.single(len(made.points), bones, "head"),
        uvs=made.uvs,
        colors=grey(0.25 + 0.75 * made.shade),
        tangents=True,
    )


def ears_and_hands(bones: Bones) -> Part:
    """Ears and hands: skin without a picture of its own, coloured vertex by vertex; metres."""
    hands = tuple(bone.name for bone in bones if "Hand" in bone.name or _is_finger(bone.name))
    ear = features.ear()
    ears = features.joined([ear, features.mirror(ear)])
    both = pair(body.hand())
    hand_weights = rigging.by_distance(both.points, both.faces, bones, hands, rounds=2)
    spots = np.tile(paint.PLAIN, (len(ears.points) + len(both.points), 1))
    light = np.concatenate([_ear_colors(ears), _hand_colors(both)])
    return Part(
        name="EarsAndHands",
        material="Skin",
        points=np.concatenate([to_world(ears.points), both.points]),
        normals=np.concatenate([ears.normals, both.normals]),
        faces=np.concatenate([ears.faces, both.faces + len(ears.points)]),
        weights=np.concatenate([rigging.single(len(ears.points), bones, "head"), hand_weights]),
        uvs=spots,
        colors=light,
    )


def _is_finger(name: str) -> bool:
    return any(part in name for part in ("Thumb", "Index", "Middle", "Ring", "Little"))


def _ear_colors(ears: Piece) -> Array:
    return np.asarray(grey(ears.shade) ** [0.8, 1.25, 1.3] * [1.0, 0.93, 0.92])


def _hand_colors(hands: Shape) -> Array:
    origin, axes = skeleton.wrist(), skeleton.hand_axes()
    local = (np.abs(hands.points) * [1, 0, 0] + hands.points * [0, 1, 1] - origin) @ axes
    light = np.ones(len(local))
    for reach, weight in ((0.004, 0.3), (0.012, 0.25)):
        out = (hands.normals * np.where(hands.points[:, :1] < 0, [-1.0, 1, 1], [1.0, 1, 1])) @ axes
        light -= weight * np.clip(1 - body.hand_field(local + out * reach) / reach, 0, 1)
    rosy = np.clip((local[:, 0] - 0.10) / 0.08, 0, 1) * 0.5 + 0.5 * np.clip(-local[:, 1] / 0.02, 0, 1) * 0.5
    return np.asarray(grey(np.clip(light, 0.4, 1)) ** [0.8, 1.2, 1.25] * (1 - rosy[:, None] * [0.0, 0.12, 0.12]))
