"""Seconds from a file to arrays that are ready for the GPU, beside pygltflib and trimesh; pictures stay encoded.

    python bench/load.py FILE_OR_FOLDER... [--repeat N]

Prints one JSON line: per file the best time of each loader in milliseconds and the ratio of the fastest peer to ours.
A loader that is not installed, or cannot read a file, is reported as such and does not count. What each has to do:

- ours: ``renderer.assets.load``, everything linked, checked, converted; keys of clips and morph targets are seen to lie
  in the file and read when a clip is first played and a face first drawn, tangents that a file leaves out are computed
  when a normal map is first drawn, bones, expressions and springs are looked up when somebody first asks for them;
- complete: the same, and all of that asked for at once (it is reported, the ratio is that of ``ours``);
- pygltflib: ``GLTF2.load`` and every accessor as a numpy array, as its documentation shows it;
- trimesh: ``trimesh.load_scene`` without decoding pictures where that can be told apart (it decodes none when Pillow
  reads lazily).
"""

from __future__ import annotations

import argparse
import json
import logging
import platform
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

SUFFIXES = (".glb", ".vrm")
COMPONENTS = {5120: "i1", 5121: "u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT2": 4, "MAT3": 9, "MAT4": 16}

Loader = Callable[[Path], object]


def ours() -> Loader:
    from renderer.assets import load

    return load


def complete() -> Loader:
    from renderer.assets import load

    def read(path: Path) -> object:
        asset = load(path)
        avatar = asset.avatar
        vertices = [(p.tangents, p.targets) for mesh in avatar.meshes for p in mesh.primitives]
        return asset.issues, asset.clips, vertices, avatar.humanoid, avatar.expressions, avatar.rig, avatar.hierarchy

    return read


def pygltflib() -> Loader:
    import numpy as np
    from pygltflib import GLTF2

    def read(path: Path) -> object:
        document: Any = GLTF2().load_binary(str(path))
        blob = document.binary_blob()
        arrays = []
        for accessor in document.accessors:
            if accessor.bufferView is None:
                continue
            view = document.bufferViews[accessor.bufferView]
            dtype, width = np.dtype(COMPONENTS[accessor.componentType]), WIDTHS[accessor.type]
            stride = view.byteStride or dtype.itemsize * width
            rows = np.ndarray(
                (accessor.count, width),
                dtype,
                buffer=blob,
                offset=(view.byteOffset or 0) + (accessor.byteOffset or 0),
                strides=(stride, dtype.itemsize),
            )
            arrays.append(np.ascontiguousarray(rows))
        return arrays

    return read


def trimesh() -> Loader:
    import trimesh as library

    logging.getLogger("trimesh").setLevel(logging.CRITICAL)

    def read(path: Path) -> object:
        with path.open("rb") as file:
            return library.load_scene(file, file_type="glb")

    return read


OURS = ("ours", "complete")
LOADERS: tuple[tuple[str, Callable[[], Loader]], ...] = (
    ("ours", ours),
    ("complete", complete),
    ("pygltflib", pygltflib),
    ("trimesh", trimesh),
)


def best(loaders: dict[str, Loader], path: Path, repeat: int) -> dict[str, float | str]:
    """The shortest of several times in milliseconds; the error's name for one that cannot load the file.

    The loaders take turns, so that a moment in which the machine is busy is not one loader's alone; a turn is three
    times, so that none has to pay for the caches that another left cold.
    """
    times: dict[str, float | str] = {}
    for _ in range(repeat):
        for name, loader in loaders.items():
            if isinstance(times.get(name), str):
                continue
            try:
                spent = min(_milliseconds(loader, path) for _ in range(3))
            except Exception as error:  # noqa: BLE001 -- whatever a peer raises is its result
                times[name] = type(error).__name__
                continue
            known = times.get(name, spent)
            times[name] = min(known, spent) if isinstance(known, float) else spent
    return times


def _milliseconds(loader: Loader, path: Path) -> float:
    begin = time.perf_counter()
    loader(path)
    return round((time.perf_counter() - begin) * 1000.0, 3)


def files(paths: list[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(found for found in path.iterdir() if found.suffix in SUFFIXES)
        else:
            yield path


def main() -> None:
    parser = argparse.ArgumentParser(description="Time to load avatars, beside other loaders.")
    parser.add_argument("paths", nargs="+", type=Path, help="avatar files, or folders of them")
    parser.add_argument("--repeat", type=int, default=7)
    options = parser.parse_args()
    loaders: dict[str, Loader] = {}
    missing = []
    for name, make in LOADERS:
        try:
            loaders[name] = make()
        except ImportError:
            missing.append(name)
    results = {}
    ratios = []
    for path in files(options.paths):
        times = best(loaders, path, options.repeat)
        peers = [value for name, value in times.items() if name not in OURS and isinstance(value, float)]
        mine = times["ours"]
        if peers and isinstance(mine, float):
            times["ratio"] = round(min(peers) / mine, 2)
            ratios.append(min(peers) / mine)
        results[path.name] = times
    print(
        json.dumps(
            {
                "bench": "load",
                "unit": f"ms, best of {options.repeat} turns",
                "machine": platform.machine(),
                "files": results,
                "least_ratio": round(min(ratios), 2) if ratios else None,
                "missing": missing,
            }
        )
    )


if __name__ == "__main__":
    main()
