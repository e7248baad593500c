"""Every model that is at hand, drawn with OpenGL 3.3 core and with OpenGL ES 3.1: a board shows what a PC shows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from renderer.assets import Asset, load
from renderer.errors import UnsupportedAsset
from renderer.gl.context import GraphicsContext, headless
from renderer.output.offscreen import Offscreen
from renderer.output.show import show
from renderer.sample import sample_avatar

SIZE = (120, 180)
TOLERANCE = 2


@pytest.fixture(scope="module")
def contexts() -> Iterator[tuple[GraphicsContext, GraphicsContext]]:
    both = headless(profile="gl"), headless(profile="es")
    yield both
    for context in both:
        context.make_current()
        context.release()


def drawn(asset: Asset, context: GraphicsContext, *, samples: int = 4, **choices: object) -> np.ndarray:
    chosen = show(asset, aspect=SIZE[0] / SIZE[1], **choices)  # type: ignore[arg-type]
    with Offscreen(asset.avatar, size=SIZE, context=context, samples=samples) as offscreen:
        picture = offscreen.take(chosen.shot(0.3)).astype(int)
    context.check()
    return picture


@pytest.mark.gl
@pytest.mark.parametrize(
    "choices",
    [{}, {"samples": 0}, {"occlusion": True, "camera": 1}, {"shadows": False, "angle": 2}],
    ids=["plain", "unsmoothed", "high", "without shadow"],
)
def test_the_sample_avatar(contexts: tuple[GraphicsContext, GraphicsContext], choices: dict[str, object]) -> None:
    asset = load(sample_avatar())
    desktop, board = (drawn(asset, context, **choices) for context in contexts)  # type: ignore[arg-type]
    assert np.abs(desktop - board).max() <= TOLERANCE
    assert len(np.unique(desktop.reshape(-1, 4), axis=0)) > 1000


@pytest.mark.gl
@pytest.mark.shared
@pytest.mark.slow
def test_every_model(contexts: tuple[GraphicsContext, GraphicsContext], shared: Path) -> None:
    different, count = {}, 0
    for path in sorted((shared / "models").rglob("*")):
        if path.suffix not in (".glb", ".gltf", ".vrm"):
            continue
        try:
            asset = load(path)
        except UnsupportedAsset as error:
            if "draco" not in str(error):  # that is an extra, which need not be installed
                raise
            continue
        count += 1
        desktop, board = (drawn(asset, context) for context in contexts)
        difference = np.abs(desktop - board).max()
        if difference > TOLERANCE:
            different[path.name] = int(difference)
    assert count >= 70
    assert not different
