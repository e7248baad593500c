"""Cameras and lights of a document (glTF 2.0, section 3.10; KHR_lights_punctual)."""

from __future__ import annotations

import math

from renderer.assets.document import CameraObject, Document
from renderer.assets.extensions import LightObject, LightsObject, read
from renderer.assets.issues import IssueLog
from renderer.scene.camera import Orthographic, Perspective
from renderer.scene.light import PunctualLight

Projection = Perspective | Orthographic


def read_cameras(document: Document, *, log: IssueLog) -> tuple[Projection, ...]:
    """One projection per camera; numbers that make none give the default camera, with a warning."""
    return tuple(_camera(camera, f"/cameras/{i}", log) for i, camera in enumerate(document.cameras))


def read_lights(document: Document, *, log: IssueLog) -> tuple[PunctualLight, ...]:
    """The punctual lights."""
    found = read(document.extensions, "KHR_lights_punctual", LightsObject, log=log, where="")
    where = "/extensions/KHR_lights_punctual/lights"
    return tuple(_light(light, f"{where}/{i}", log) for i, light in enumerate(found.lights if found else ()))


def _camera(camera: CameraObject, where: str, log: IssueLog) -> Projection:
    lens, box = camera.perspective, camera.orthographic
    if camera.type == "perspective" and lens is not None:
        far = math.inf if lens.zfar is None else lens.zfar
        if 0.0 < lens.yfov < math.pi and 0.0 < lens.znear < far:
            return Perspective(yfov=lens.yfov, znear=lens.znear, zfar=lens.zfar)
    elif camera.type == "orthographic" and box is not None:
        height = 2.0 * abs(box.ymag)
        if 0.0 < height < math.inf and 0.0 <= box.znear < box.zfar < math.inf:
            return Orthographic(height=height, znear=box.znear, zfar=box.zfar)
    log.add("camera.value", f"the {camera.type} camera has no usable projection", where=where)
    return Perspective(yfov=math.radians(40.0))


def _light(light: LightObject, where: str, log: IssueLog) -> PunctualLight:
    """A light out of range is clamped; one of unknown type shines with intensity 0."""
    intensity = light.intensity
    inner, outer = light.spot.inner_cone_angle, light.spot.outer_cone_angle
    sound = (
        math.isfinite(intensity)
        and intensity >= 0.0
        and all(math.isfinite(c) and c >= 0.0 for c in light.color)
        and 0.0 <= inner < outer <= math.pi / 2
        and (light.range is None or light.range > 0.0)
    )
    if not sound or light.type not in ("directional", "point", "spot"):
        log.add("light.value", f"a {light.type} light with values out of range", where=where)
        intensity = max(intensity, 0.0) if math.isfinite(intensity) else 0.0
        outer = min(max(outer, 1e-3), math.pi / 2)
        inner = min(max(inner, 0.0), outer * 0.999)
    red, green, blue = (c if math.isfinite(c) and c >= 0.0 else 0.0 for c in light.color)
    reach = light.range if light.range is not None and light.range > 0.0 else None
    if light.type == "directional":
        return PunctualLight(kind="directional", color=(red, green, blue), intensity=intensity, name=light.name)
    return PunctualLight(
        kind="spot" if light.type == "spot" else "point",
        color=(red, green, blue),
        intensity=intensity if light.type in ("spot", "point") else 0.0,
        range=reach,
        inner_cone=inner,
        outer_cone=outer,
        name=light.name,
    )
