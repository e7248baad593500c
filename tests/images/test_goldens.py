"""Our pictures of Khronos' test models against other renderers' reference renders; prints the table.

What is held: the scenes that are not yet as near as the others are to each other are named, with the reason, and no
other scene may join them.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from renderer.gl.context import headless

HERE = Path(__file__).resolve().parent

FURTHER_THAN_ANY = {
    "InterpolationTest": "the four drew another version of the file: see the test below",
}
GRID = 3.4
"""Metres between the cubes of the four's InterpolationTest; ours has them 3.30 to 3.36 apart, and askew."""
LEAST_CLOSER = 42
"""Scenes in which we are nearer to the four rasterizers than they are to each other (median)."""
LEAST_NEAREST = 22
"""Scenes in which no rasterizer is nearer to the path tracers than ``--quality high`` is."""


def _goldens():
    spec = importlib.util.spec_from_file_location("image_goldens", HERE / "goldens.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.gl
@pytest.mark.shared
@pytest.mark.slow
def test_scenes_are_as_near_to_the_references_as_these_are_to_each_other(
    shared: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if not (shared / "goldens" / "INDEX.json").is_file():
        pytest.skip(f"there are no reference renders at {shared / 'goldens'}")
    goldens, context = _goldens(), headless()
    light, results = goldens.panorama(shared), []
    for scene in goldens.scenes(shared):
        drawn = goldens.draw(scene, shared, light, context)
        high = goldens.draw(scene, shared, light, context, occlusion=True)
        context.check()
        results.append(goldens.compare(scene, drawn, shared, high=high))
    context.release()
    with capsys.disabled():
        print(f"\n{goldens.table(results)}")
    assert len(results) >= 46
    assert {one.scene for one in results if one.consensus > one.worst} <= FURTHER_THAN_ANY.keys()
    assert sum(one.closer for one in results) >= LEAST_CLOSER
    assert sum(one.nearest_to_tracers("ours, high") for one in results) >= LEAST_NEAREST


@pytest.mark.gl
@pytest.mark.shared
@pytest.mark.slow
def test_the_interpolation_test_s_cubes_are_drawn_as_the_references_where_these_have_them(shared: Path) -> None:
    """The references' cubes stand on a grid that no clip of the file makes: none moves those of the lowest row."""
    if not (shared / "goldens" / "INDEX.json").is_file():
        pytest.skip(f"there are no reference renders at {shared / 'goldens'}")
    goldens, context = _goldens(), headless()
    scene = next(scene for scene in goldens.scenes(shared) if scene["key"] == "khronos-InterpolationTest")

    def on_the_grid(avatar) -> None:
        cubes = [node for node in avatar.nodes if node.name.startswith("Cube")]
        assert len(cubes) == 9
        for cube in cubes:
            cube.translation[:] = np.round(cube.translation / GRID) * GRID
            cube.rotation[:] = (0.0, 0.0, 0.0, 1.0)

    light = goldens.panorama(shared)
    drawn = goldens.draw(scene, shared, light, context, changed=on_the_grid)
    high = goldens.draw(scene, shared, light, context, changed=on_the_grid, occlusion=True)
    result = goldens.compare(scene, drawn, shared, high=high)
    context.release()
    assert result.consensus < result.median - 1.0
    assert result.nearest_to_tracers("ours, high")
