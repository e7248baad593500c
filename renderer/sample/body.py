"""The body's implicit shapes: hands, and the clothes. World frame, metres; the left side is modelled."""

from __future__ import annotations

import numpy as np

from renderer.sample.anatomy import skull
from renderer.sample.field import Array, Field, ellipsoid, first_hit, limb, mirrored, ramp, sphere, union
from renderer.sample.mesher import Shape, grid_faces, surface_nets, vertex_normals
from renderer.sample.skeleton import FACE_ORIGIN, FINGERS, SHOULDER, THUMB, elbow, finger_joints, hand_axes, wrist

HEM = 0.902
COLLAR = np.array([0.0, 1.376, -0.017])
COLLAR_AXIS = np.array([0.0, 0.952, 0.306])

# --- hands (hand frame: along, up, toward the thumb) -------------------------------------------------------------


def hand_field(p: Array) -> Array:
    """Distance to the left hand, with a stub of forearm inside the sleeve."""
    palm = ellipsoid(p, (0.046, -0.004, -0.002), (0.052, 0.0155, 0.040))
    palm = union(palm, limb(p, (0.030, -0.004, 0.016), (0.084, -0.003, 0.022), 0.0125, 0.0095), 0.016)
    palm = union(palm, limb(p, (0.030, -0.005, -0.018), (0.076, -0.003, -0.031), 0.0120, 0.0085), 0.016)
    d = union(palm, limb(p, (-0.05, 0.0, 0.0), (0.015, -0.001, 0.0), 0.0250, 0.0215), 0.022)
    for name, _, _, _, radius in FINGERS:
        joints = finger_joints(name)
        finger = limb(p, joints[0] - [0.014, 0, 0], joints[1], radius * 1.02, radius * 0.93)
        finger = union(finger, limb(p, joints[1], joints[2], radius * 0.94, radius * 0.86), 0.002)
        finger = union(
            finger, limb(p, joints[2], joints[3] - [radius * 0.6, 0, 0], radius * 0.87, radius * 0.70), 0.002
        )
        d = union(d, finger, 0.0062)
    thumb = np.array(THUMB)
    root = limb(p, thumb[0], thumb[1], 0.0150, 0.0118)
    part = union(limb(p, thumb[1], thumb[2], 0.0112, 0.0098), limb(p, thumb[2], thumb[3], 0.0098, 0.0074), 0.003)
    return union(d, union(root, part, 0.006), 0.010)


def hand() -> Shape:
    """The left hand in the world."""
    xs = np.concatenate([np.arange(-0.034, 0.070, 0.0090), np.arange(0.070, 0.205, 0.0076)])
    shape = surface_nets(hand_field, xs, np.arange(-0.072, 0.034, 0.0057), np.arange(-0.075, 0.088, 0.0057))
    axes, origin = hand_axes(), wrist()
    return Shape(points=origin + shape.points @ axes.T, faces=shape.faces, normals=shape.normals @ axes.T)


# --- clothes ----------------------------------------------------------------------------------------------------


def torso_field(points: Array) -> Array:
    """Distance to the trunk without clothes' thickness."""
    p = mirrored(points)
    d = ellipsoid(p, (0, 1.205, -0.008), (0.126, 0.165, 0.090))
    d = union(d, ellipsoid(p, (0.0, 1.06, -0.002), (0.106, 0.16, 0.080)), 0.10)
    d = union(d, ellipsoid(p, (0, 0.925, -0.006), (0.143, 0.115, 0.102)), 0.08)
    d = union(d, ellipsoid(p, (0.054, 1.205, 0.060), (0.056, 0.060, 0.040)), 0.06)
    d = union(d, ellipsoid(p, (0.0, 1.210, 0.052), (0.104, 0.072, 0.044)), 0.055)  # chest
    d = union(d, limb(p, (0.045, 1.312, -0.024), SHOULDER - (0.004, 0.010, 0.0), 0.036, 0.042), 0.07)
    return union(d, limb(p, (0, 1.315, -0.026), (0, 1.385, -0.018), 0.056, 0.041), 0.040)


def folds(p: Array, amount: float) -> Array:
    """Soft creases of cloth."""
    x, y, z = (p * 1.0).T
    a = np.sin(46 * y + 22 * x + 3.1 * np.sin(17 * z + 9 * x)) * np.sin(19 * x + 13 * z + 2.0)
    b = np.sin(71 * y - 31 * x + 2.0 * np.sin(29 * z)) * np.sin(33 * z + 11 * y)
    return np.asarray(amount * (0.7 * a + 0.3 * b))


def loose_sweater(points: Array) -> Array:
    """Distance to the sweater's cloth, which would go on over neck, hips and wrists."""
    p = mirrored(points)
    d = torso_field(points) - 0.008
    d = union(d, ellipsoid(p, (0, 0.935, -0.004), (0.139, 0.13, 0.101)), 0.05)
    e, w = elbow(), wrist()
    sleeve = limb(p, SHOULDER - (0.002, 0.008, 0.0), e, 0.047, 0.041)
    sleeve = union(sleeve, limb(p, e, e + (w - e) * 0.92, 0.041, 0.0335), 0.02)
    d = union(d, sleeve, 0.045)
    bend = np.exp(-(((p - e) ** 2).sum(1)) / 0.075**2)
    waist = np.exp(-(((p[:, 1] - 0.985) / 0.075) ** 2)) * ramp(0.24, 0.17, p[:, 0])
    pit = np.exp(-(((p - [0.135, 1.225, -0.01]) ** 2).sum(1)) / 0.07**2)
    return np.asarray(d - folds(p, 1.0) * (0.0012 + 0.0048 * bend + 0.0042 * waist + 0.0040 * pit))


def sweater_field(points: Array) -> Array:
    """Distance to the sweater, cut off where its bands are."""
    p = mirrored(points)
    e, w = elbow(), wrist()
    d = np.maximum(loose_sweater(points), HEM - p[:, 1])
    d = np.maximum(d, (p - COLLAR) @ COLLAR_AXIS)
    return np.asarray(np.maximum(d, (p - w) @ ((w - e) / np.linalg.norm(w - e)) + 0.014))


def trousers_field(points: Array) -> Array:
    """Distance to the trousers."""
    p = mirrored(points)
    d = ellipsoid(p, (0, 0.930, -0.006), (0.141, 0.125, 0.101))
    d = union(d, ellipsoid(p, (0.058, 0.875, -0.046), (0.074, 0.095, 0.070)), 0.05)
    leg = limb(p, (0.077, 0.86, -0.004), (0.084, 0.49, 0.008), 0.080, 0.054)
    leg = union(leg, limb(p, (0.084, 0.49, 0.006), (0.088, 0.075, -0.016), 0.053, 0.047), 0.03)
    d = union(d, leg, 0.045)
    knee = np.exp(-(((p[:, 1] - 0.49) / 0.07) ** 2))
    hem = np.exp(-(((p[:, 1] - 0.11) / 0.06) ** 2))
    hip = np.exp(-(((p[:, 1] - 0.84) / 0.05) ** 2))
    d = d - folds(p * [1.0, 1.0, 1.3], 1.0) * (0.0010 + 0.0036 * knee + 0.0042 * hem + 0.0028 * hip)
    d = np.maximum(d, 0.066 - p[:, 1])
    return np.asarray(np.maximum(d, p[:, 1] - 0.985))


def shoe_field(points: Array) -> Array:
    """Distance to the left shoe's upper."""
    points = points - (-0.007, 0.0, 0.0)
    d = ellipsoid(points, (0.101, 0.040, 0.075), (0.047, 0.048, 0.098))
    d = union(d, ellipsoid(points, (0.097, 0.055, -0.018), (0.041, 0.060, 0.064)), 0.04)
    d = union(d, limb(points, (0.096, 0.06, -0.02), (0.095, 0.108, -0.020), 0.041, 0.038), 0.02)
    return np.asarray(np.maximum(d, 0.016 - points[:, 1]))


def sole_field(points: Array) -> Array:
    """Distance to its sole."""
    points = points - (-0.007, 0.0, 0.0)
    flat = points * [1.0, 0.0, 1.0]
    d = ellipsoid(flat, (0.102, 0.0, 0.078), (0.050, 1.0, 0.102))
    d = union(d, ellipsoid(flat, (0.096, 0.0, -0.018), (0.043, 1.0, 0.068)), 0.05)
    edge = np.abs(points[:, 1] - 0.0125) - 0.0085
    outside = np.hypot(np.maximum(d, 0), np.maximum(edge, 0))
    return np.asarray(outside + np.minimum(np.maximum(d, edge), 0) - 0.004)


def sweater() -> Shape:
    """Trunk and both sleeves."""
    xs = np.arange(-27, 28) * 0.0212
    ys = np.arange(0.880, 1.42, 0.0222)
    return surface_nets(sweater_field, xs, ys, np.arange(-0.150, 0.175, 0.0205))


def trousers() -> Shape:
    """Both legs."""
    ys = np.concatenate([np.arange(0.050, 0.16, 0.020), np.arange(0.16, 0.99, 0.034)])
    return surface_nets(trousers_field, np.arange(-10, 11) * 0.0195, ys, np.arange(-0.165, 0.155, 0.0195))


def shoe() -> Shape:
    """The left shoe's upper."""
    return surface_nets(
        shoe_field, np.arange(0.030, 0.180, 0.0150), np.arange(0.002, 0.165, 0.0145), np.arange(-0.110, 0.210, 0.0170)
    )


def sole() -> Shape:
    """The left shoe's sole."""
    return surface_nets(
        sole_field, np.arange(0.035, 0.182, 0.0170), np.arange(-0.004, 0.036, 0.0075), np.arange(-0.115, 0.215, 0.0190)
    )


def bands() -> dict[str, Shape]:
    """Knitted edges: collar, hem and the left cuff."""
    e, w = elbow(), wrist()
    along = (w - e) / np.linalg.norm(w - e)
    side = np.cross(along, [0.0, 0.0, 1.0])
    across = np.array([1.0, 0.0, 0.0])

    def lower(points: Array) -> Array:
        return np.minimum(loose_sweater(points), trousers_field(points) - 0.002)

    def neck(points: Array) -> Array:
        return skull((points - FACE_ORIGIN) * 100) * 0.01 - 0.0055

    return {
        "collar": _band(neck, COLLAR + 0.001 * COLLAR_AXIS, COLLAR_AXIS, across, 0.0080, 0.0070, 36, 0.085),
        "hem": _band(lower, np.array([0, HEM + 0.006, -0.004]), np.array([0.0, 1, 0]), across, 0.0210, 0.0062, 52),
        "cuff": _band(loose_sweater, w - along * 0.022, along, side, 0.0170, 0.0052, 22),
    }


def _band(
    cloth: Field, centre: Array, axis: Array, side: Array, half: float, fat: float, columns: int, reach: float = 0.26
) -> Shape:
    """A flattened ring around an axis, on the cloth."""
    axis, side = axis / np.linalg.norm(axis), side / np.linalg.norm(side)
    ahead = np.cross(axis, side)
    turn = np.linspace(0, 2 * np.pi, columns + 1)
    profile = np.linspace(0, 2 * np.pi, 8)
    outward = np.cos(turn)[:, None] * side + np.sin(turn)[:, None] * ahead
    hits = first_hit(cloth, np.tile(centre, (len(turn), 1)), outward, reach=reach)
    radius = np.linalg.norm(hits - centre, axis=1)
    ring = radius[:-1]
    ring = 0.5 * ring + 0.25 * (np.roll(ring, 1) + np.roll(ring, -1))
    radius = np.append(ring, ring[0])
    p = np.tile(profile, (columns + 1, 1))
    out = fat * np.cos(p) + radius[:, None]
    up = half * np.clip(1.5 * np.sin(p), -1, 1) + fat * np.sin(p)
    points = (centre + out[..., None] * outward[:, None] + up[..., None] * axis).reshape(-1, 3)
    faces = grid_faces(columns + 1, 8)
    normals = vertex_normals(points, faces)
    outward = np.repeat(outward, 8, axis=0)
    first = np.cos(p).reshape(-1) > 0.9
    if (normals[first] * outward[first]).sum() < 0:
        faces, normals = faces[:, ::-1], -normals
    return Shape(points=points, faces=faces, normals=normals)


def body_field(points: Array) -> Array:
    """Distance to everything that hides light from the clothes and hands (for occlusion)."""
    d = np.minimum(sweater_field(points), trousers_field(points))
    return np.minimum(d, sphere(points, (0.0, 1.55, 0.0), 0.105))
