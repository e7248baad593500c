"""Our pictures of Khronos' test models beside those of other renderers, in the settings of their reference renders.

    python tests/images/goldens.py SHARED [SCENE ...] [--pictures FOLDER]

``SHARED`` holds ``goldens`` and ``models``. Prints the table of ``docs/fidelity.md``. RMSE is over the pixels where
either picture is solid, colours times alpha, 0..255, as the reference renders' own index has it.
"""

from __future__ import annotations

import argparse
import io
import json
import math
import statistics
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

RASTERIZERS = ("gltf-sample-viewer", "babylon", "filament", "model-viewer")
PATH_TRACERS = ("three-gpu-pathtracer", "blender-cycles", "vray", "stellar", "dspbr-pt")
NO_LIGHT = {"aircraft_workshop_01_1k.hdr"}
"""Light that the collection does not carry: scenes lit by it cannot be compared."""


@dataclass(kw_only=True, frozen=True)
class Result:
    """One scene: our distance to each renderer, and theirs to one another."""

    scene: str
    ours: dict[str, float]
    high: dict[str, float]  # the same with ``--quality high``
    median: float
    worst: float
    tracing: dict[str, float]  # mean distance of each rasterizer, of "ours" and "ours, high" to the path tracers

    @property
    def consensus(self) -> float:
        """Our median distance to the rasterizers."""
        return statistics.median(self.ours[name] for name in RASTERIZERS if name in self.ours)

    @property
    def consensus_high(self) -> float:
        """The same with ``--quality high``."""
        return statistics.median(self.high[name] for name in RASTERIZERS if name in self.high)

    @property
    def closer(self) -> bool:
        """Whether we are nearer to the rasterizers than they are to each other."""
        return self.consensus <= self.median

    def nearest_to_tracers(self, quality: str = "ours") -> bool:
        """Whether no rasterizer is nearer to the path tracers than we are."""
        rivals = [value for name, value in self.tracing.items() if not name.startswith("ours")]
        return bool(rivals) and self.tracing[quality] < min(rivals)


def scenes(shared: Path) -> list[dict]:
    """What the index lists and can be lit."""
    index = json.loads((shared / "goldens" / "INDEX.json").read_text(encoding="utf-8"))
    return [scene for scene in index["scenarios"] if scene["lighting"] not in NO_LIGHT]


def panorama(shared: Path):
    """The light of every scene here."""
    from renderer.assets.radiance import read_hdr
    from renderer.scene import Panorama

    return Panorama(pixels=read_hdr((shared / "goldens/env_maps/lightroom_14b.hdr").read_bytes()))


def view_of(scene: dict, avatar):
    """The camera that the index describes."""
    from renderer.animation.pose import Pose
    from renderer.scene import Perspective, View
    from renderer.scene.extent import extent

    orbit, target = scene["orbit"], np.array([scene["target"][axis] for axis in "xyz"], float)
    theta, phi, radius = math.radians(orbit["theta"]), math.radians(orbit["phi"]), orbit["radius"]
    away = np.array(
        (math.sin(phi) * math.sin(theta), math.cos(phi), math.sin(phi) * math.cos(theta)),
    )
    box = extent(avatar, Pose.rest(avatar).world(avatar))
    far = 2 * max(float(max(box.size)) if box else 1.0, radius)
    eye = target + radius * away
    looked_at = eye - away if radius == 0 else target
    projection = Perspective(yfov=math.radians(scene["verticalFoV"]), znear=far / 1000, zfar=far)
    return View(eye=tuple(eye), target=tuple(looked_at), projection=projection)


def draw(scene: dict, shared: Path, light, context, *, occlusion: bool = False, changed=None) -> np.ndarray:
    """Our picture made as the references were: drawn at twice the scene's own size, brought down, packed as WebP."""
    return packed(drawn_small(scene, shared, light, context, occlusion=occlusion, changed=changed))


def drawn_small(scene: dict, shared: Path, light, context, *, occlusion: bool = False, changed=None) -> np.ndarray:
    """Our picture at the size of the references; ``changed`` may change the avatar before it is drawn."""
    from renderer.animation.pose import Pose
    from renderer.assets import load
    from renderer.output.offscreen import Offscreen
    from renderer.scene import Lighting

    avatar = load(shared / "models" / scene["model"]).avatar
    if changed is not None:
        changed(avatar)
    pose = Pose.rest(avatar)
    lighting = Lighting(key=None, environment=light, lamps=False, occlusion=occlusion)
    width, height = scene["dimensions"]["width"], scene["dimensions"]["height"]
    with Offscreen(avatar, size=(2 * width, 2 * height), context=context, edges="samples") as offscreen:
        drawn = offscreen.frame(pose, view=view_of(scene, avatar), lighting=lighting)
    # Lanczos, as much in height as in width, what is left over cut off: our silhouettes are then the references'
    # (VertexColorTest: alpha within 0.02 of 255).
    rows = round(512 * height / width)
    over = max(height - rows * width / 512, 0.0)
    small = Image.fromarray(drawn).resize(
        (512, rows), Image.Resampling.LANCZOS, box=(0, over, 2 * width, 2 * height - over)
    )
    return np.array(small)


def packed(picture: np.ndarray) -> np.ndarray:
    """What is left of a picture in the references' WebP: packing halves the resolution of colour, which every
    reference has lost and a plain picture has not.
    """
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "WEBP", quality=90)
    with Image.open(file) as opened:
        return np.array(opened.convert("RGBA"))


def distance(ours: np.ndarray, theirs: np.ndarray, *, within: np.ndarray | None = None) -> float:
    """Root mean square difference where either is solid."""
    seen = (ours[..., 3] > 127) | (theirs[..., 3] > 127) if within is None else within
    a, b = (p[..., :3].astype(float) * (p[..., 3:] / 255.0) for p in (ours, theirs))
    return float(np.sqrt(((a - b)[seen] ** 2).mean()))


def compare(scene: dict, ours: np.ndarray, shared: Path, *, high: np.ndarray | None = None) -> Result:
    """Our picture of a scene against every reference whose geometry is right; ``high`` is that with occlusion."""
    found, found_high = {}, {}
    within = ours[..., 3] > 127 if scene["renderSkybox"] else None
    for file in scene["files"]:
        if file.get("geometry_agrees") is False:
            continue
        with Image.open(shared / "goldens" / file["file"]) as picture:
            reference = np.array(picture.convert("RGBA"))
        found[file["renderer"]] = distance(ours, reference, within=within)
        if high is not None:
            found_high[file["renderer"]] = distance(high, reference, within=within)
    pairs = scene["pair_rmse"]
    tracing: dict[str, list[float]] = {}
    for tracer in (name for name in PATH_TRACERS if name in found):
        near = {name: pairs.get(f"{name}|{tracer}", pairs.get(f"{tracer}|{name}")) for name in RASTERIZERS}
        if all(near.get(name) is not None for name in RASTERIZERS if name in found) and not scene["renderSkybox"]:
            tracing.setdefault("ours", []).append(found[tracer])
            tracing.setdefault("ours, high", []).append(found_high.get(tracer, found[tracer]))
            for name, value in near.items():
                if value is not None and name in found:
                    tracing.setdefault(name, []).append(value)
    return Result(
        scene=scene["key"].removeprefix("khronos-"),
        ours=found,
        high=found_high or found,
        median=scene["rmse_between_realtime"]["median"],
        worst=scene["rmse_between_realtime"]["max"],
        tracing={name: statistics.fmean(values) for name, values in tracing.items()},
    )


def table(results: Iterable[Result]) -> str:
    """The results as Markdown, and what they come to."""
    results = list(results)
    lines = [
        "| scene | ours to the rasterizers | with `--quality high` | theirs to each other, median | max "
        "| ours to the path tracers | with `--quality high` | best rasterizer |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for one in results:
        rivals = [value for name, value in one.tracing.items() if not name.startswith("ours")]
        traced = "- | - | -"
        if rivals:
            traced = f"{one.tracing['ours']:.1f} | {one.tracing['ours, high']:.1f} | {min(rivals):.1f}"
        mark = "" if one.closer else " *" if one.consensus <= one.worst else " **"
        near = f"{one.consensus:.1f}{mark} | {one.consensus_high:.1f}"
        lines.append(f"| {one.scene} | {near} | {one.median:.1f} | {one.worst:.1f} | {traced} |")
    traced_scenes = [one for one in results if one.tracing]
    closer = sum(one.closer for one in results)
    lines += [
        "",
        f"{closer} of {len(results)} scenes: nearer to the four rasterizers than they are to each other "
        f"(* further than their median, ** further than their max: "
        f"{sum(one.consensus > one.worst for one in results)}); with `--quality high` "
        f"{sum(one.consensus_high <= one.median for one in results)}.",
        f"{sum(one.nearest_to_tracers() for one in traced_scenes)} of {len(traced_scenes)} scenes: nearer to the path "
        "tracers than every rasterizer; with `--quality high` "
        f"{sum(one.nearest_to_tracers('ours, high') for one in traced_scenes)}.",
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shared", type=Path)
    parser.add_argument("scenes", nargs="*")
    parser.add_argument("--pictures", type=Path, help="folder for our picture beside a rasterizer's")
    given = parser.parse_args()
    from renderer.gl.context import headless

    context, light, results = headless(), panorama(given.shared), []
    for scene in scenes(given.shared):
        if given.scenes and scene["key"].removeprefix("khronos-") not in given.scenes:
            continue
        ours = draw(scene, given.shared, light, context)
        high = draw(scene, given.shared, light, context, occlusion=True)
        context.check()
        results.append(compare(scene, ours, given.shared, high=high))
        if given.pictures:
            given.pictures.mkdir(exist_ok=True)
            rows = [ours, high]
            for name in ("gltf-sample-viewer", "three-gpu-pathtracer"):
                path = given.shared / "goldens" / scene["key"] / f"{name}-golden.thumb.webp"
                if path.exists():
                    with Image.open(path) as picture:
                        rows.append(np.array(picture.convert("RGBA")))
            Image.fromarray(np.hstack(rows)).save(given.pictures / f"{results[-1].scene}.png")
    print(table(results))


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))
    main()
