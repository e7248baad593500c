"""Can one picture be near the rasterizers and near the path tracers? Our two, mixed, in every reference scene.

    python tests/images/blends.py SHARED

For shares from the plain picture (0) to that of ``--quality high`` (1): how many scenes are nearer to the four
rasterizers than they are to each other, and in how many no rasterizer is nearer to the path tracers. Then the same
with a share of its own for every scene, and, to see whether such a picture exists at all, with mixtures of the
references themselves: the rasterizers' mean and the path tracers'.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from pathlib import Path

import numpy as np
from PIL import Image

HERE = Path(__file__).resolve().parent
SHARES = (0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0)


def mixed(first: np.ndarray, second: np.ndarray, share: float) -> np.ndarray:
    """A picture ``(h, w, 4) uint8`` between two, mixed as premultiplied display values."""
    a, b = (_premultiplied(picture) for picture in (first, second))
    values = (1.0 - share) * a + share * b
    values[..., :3] *= 255.0 / np.maximum(values[..., 3:], 1e-6)
    return np.clip(np.round(values), 0, 255).astype(np.uint8)


def _premultiplied(picture: np.ndarray) -> np.ndarray:
    values = picture.astype(float)
    values[..., :3] *= values[..., 3:] / 255.0
    return values


def _mean(pictures: list[np.ndarray]) -> np.ndarray:
    values = np.mean([_premultiplied(picture) for picture in pictures], axis=0)
    values[..., :3] *= 255.0 / np.maximum(values[..., 3:], 1e-6)
    return np.clip(np.round(values), 0, 255).astype(np.uint8)


def references(goldens, scene: dict, shared: Path, names: tuple[str, ...]) -> list[np.ndarray]:
    """Those of some renderers whose geometry is right."""
    found = []
    for file in scene["files"]:
        if file["renderer"] in names and file.get("geometry_agrees") is not False:
            with Image.open(shared / "goldens" / file["file"]) as picture:
                found.append(np.array(picture.convert("RGBA")))
    return found


def verdicts(goldens, scene: dict, shared: Path, first: np.ndarray, second: np.ndarray) -> list[tuple[bool, bool]]:
    """For each share: nearer to the rasterizers than they are to each other, nearest to the path tracers."""
    results = (goldens.compare(scene, goldens.packed(mixed(first, second, share)), shared) for share in SHARES)
    return [(one.closer, one.nearest_to_tracers()) for one in results]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shared", type=Path)
    shared = parser.parse_args().shared
    spec = importlib.util.spec_from_file_location("image_goldens", HERE / "goldens.py")
    assert spec is not None
    assert spec.loader is not None
    goldens = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = goldens
    spec.loader.exec_module(goldens)
    from renderer.gl.context import headless

    context, light = headless(), goldens.panorama(shared)
    ours, theirs, traced = [], [], []
    for scene in goldens.scenes(shared):
        plain = goldens.drawn_small(scene, shared, light, context)
        high = goldens.drawn_small(scene, shared, light, context, occlusion=True)
        ours.append(verdicts(goldens, scene, shared, plain, high))
        tracers = references(goldens, scene, shared, goldens.PATH_TRACERS)
        traced.append(bool(tracers) and not scene["renderSkybox"])
        if traced[-1]:
            middle = _mean(references(goldens, scene, shared, goldens.RASTERIZERS))
            theirs.append(verdicts(goldens, scene, shared, middle, _mean(tracers)))
        print(f"{scene['key']}: {' '.join('-r'[a] + '-t'[b] for a, b in ours[-1])}", file=sys.stderr, flush=True)
    print(f"share of --quality high: near the rasterizers of {len(ours)}, nearest to the path tracers of {sum(traced)}")
    for index, share in enumerate(SHARES):
        print(f"{share:.2f}: {sum(one[index][0] for one in ours)}, {sum(one[index][1] for one in ours)}")
    both = sum(any(a and b for a, b in one) for one in ours)
    lost = sum(any(b for _, b in one) and not any(a for a, _ in one) for one in ours)
    print(f"a share for each scene: both at once in {both}, {lost} more nearest to the path tracers only")
    print(f"mixtures of the references: both at once in {sum(any(a and b for a, b in one) for one in theirs)}")


if __name__ == "__main__":
    sys.path.insert(0, str(HERE.parent.parent))
    main()
