"""The clothes: sweater, trousers and shoes, with weights, texture coordinates and shading."""

from __future__ import annotations

import numpy as np

from renderer.sample import body, rigging, skeleton
from renderer.sample.field import Array
from renderer.sample.mesher import Shape
from renderer.sample.part import Part, grey, merged, pair


def clothes(bones: tuple[skeleton.Bone, ...]) -> list[Part]:
    """Sweater, trousers and shoes, weighted by how near the bones are; metres."""
    trunk = ("hips", "spine", "chest", "upperChest", "leftShoulder", "rightShoulder")
    sleeves = tuple(side + part for side in ("left", "right") for part in ("UpperArm", "LowerArm"))
    legs = tuple(side + part for side in ("left", "right") for part in ("UpperLeg", "LowerLeg"))
    feet = tuple(side + part for side in ("left", "right") for part in ("Foot", "Toes"))

    edges = body.bands()
    cuffs = pair(edges["cuff"])
    whole = merged([body.sweater(), edges["collar"], edges["hem"], cuffs])
    weights = rigging.by_distance(whole.points, whole.faces, bones, (*trunk, *sleeves), rounds=7)
    sweater = _cloth("Sweater", "Knit", whole, weights, scale=15.0)
    legwear = body.trousers()
    weights = rigging.by_distance(legwear.points, legwear.faces, bones, ("hips", *legs), rounds=7)
    trousers = _cloth("Trousers", "Twill", legwear, weights, scale=8.0)

    uppers, soles = pair(body.shoe()), pair(body.sole())
    both = merged([uppers, soles])
    shoes = Part(
        name="Shoes",
        material="Shoes",
        points=both.points,
        normals=both.normals,
        faces=both.faces,
        weights=rigging.by_distance(both.points, both.faces, bones, feet, rounds=2),
        colors=_shoe_colors(both.points, len(uppers.points)),
    )
    return [sweater, trousers, shoes]


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
        colors=grey(_open_sky(where, out)),
        tangents=True,
    )


def _open_sky(points: Array, normals: Array) -> Array:
    """Ambient occlusion from the body's own field."""
    light = np.ones(len(points))
    for reach, weight in ((0.012, 0.28), (0.035, 0.26), (0.09, 0.26)):
        light -= weight * np.clip(1 - body.body_field(points + normals * reach) / reach, 0, 1)
    return np.clip(light, 0.3, 1)


def _shoe_colors(points: Array, uppers: int) -> Array:
    colors = np.tile([0.80, 0.80, 0.78], (len(points), 1))
    local = np.abs(points[:, 0])
    lace = (np.sin(points[:, 2] * 420) > 0.35) & (np.abs(local - 0.093) < 0.017) & (points[:, 2] > 0.025)
    lace &= (points[:, 2] < 0.095) & (points[:, 1] > 0.055)
    colors[lace] = [0.32, 0.36, 0.40]
    heel = (points[:, 2] < -0.045) & (points[:, 1] > 0.05)
    colors[heel] = [0.10, 0.30, 0.32]
    colors[uppers:] = [0.90, 0.89, 0.86]
    return np.asarray(colors * grey(0.55 + 0.45 * np.clip(points[:, 1] / 0.04 + 0.35, 0, 1)))
