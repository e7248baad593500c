"""Malformed and changed files, drawn: a code or a picture, and never an error of the driver."""

from __future__ import annotations

import importlib.util
import random
import signal
import tarfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

import pytest

from renderer.assets import load
from renderer.assets.issues import TABLE
from renderer.errors import AssetError
from renderer.gl.context import GraphicsContext, headless
from renderer.output.offscreen import Offscreen
from renderer.output.show import show

SAFELY: dict[str, Any] = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
"""Python 3.11.2, which Debian 12 has, knows no filter."""

pytestmark = [pytest.mark.gl, pytest.mark.shared]

ARCHIVES = ("gltf-validator", "vrm-addon", "assimp-gltf2", "misc")
PATIENCE = 60
"""Seconds after which a file counts as one that hangs."""


@pytest.fixture(scope="module")
def drawing() -> Iterator[GraphicsContext]:
    context = headless()
    yield context
    context.release()


@pytest.fixture(scope="module")
def mutations() -> ModuleType:
    path = Path(__file__).parents[1] / "assets/test_mutations.py"
    spec = importlib.util.spec_from_file_location("mutations", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@contextmanager
def impatient(what: str) -> Iterator[None]:
    """Fails where the block hangs."""

    def ring(_number: int, _frame: FrameType | None) -> None:
        raise TimeoutError(what)

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(PATIENCE)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def drawn(source: Path | bytes, context: GraphicsContext) -> str:
    """The code of a refusal, or "" after a picture. An error of the driver is raised."""
    try:
        asset = load(source)
        assert all(issue.code in TABLE for issue in asset.issues)
        chosen = show(asset, aspect=1.0)
        with Offscreen(asset.avatar, size=(32, 32), context=context) as offscreen:
            shot = chosen.shot(0.37)
            offscreen.frame(
                shot.pose, view=shot.view, lighting=shot.lighting, background=shot.background, look=shot.look
            )
    except AssetError as error:
        code = error.code
    else:
        code = ""
    assert not code or code in TABLE
    return code


@pytest.mark.parametrize("archive", ARCHIVES)
def test_the_corpus(shared: Path, tmp_path: Path, drawing: GraphicsContext, archive: str) -> None:
    with tarfile.open(shared / "corpus" / f"{archive}.tar.gz") as packed:
        packed.extractall(tmp_path, **SAFELY)
    files = [path for path in sorted(tmp_path.rglob("*")) if path.suffix in (".gltf", ".glb", ".vrm")]
    pictures = 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", module="PIL")
        for path in files:
            with impatient(str(path)):
                pictures += not drawn(path, drawing)
    assert pictures >= len(files) // 10


def changed(shared: Path, mutations: ModuleType, context: GraphicsContext, *, cases: int, seed: int) -> None:
    originals = [(shared / "models" / name).read_bytes() for name in mutations.FILES]
    pictures = 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", module="PIL")
        for case in range(cases):
            rng = random.Random(f"{seed}/{case}")
            data = mutations.mutated(rng.choice(originals), rng)
            with impatient(f"seed {seed}, case {case}"):
                pictures += not drawn(data, context)
    assert pictures > cases // 5


def test_a_few_changed_files(shared: Path, mutations: ModuleType, drawing: GraphicsContext) -> None:
    changed(shared, mutations, drawing, cases=200, seed=3)


@pytest.mark.slow
def test_many_changed_files(shared: Path, mutations: ModuleType, drawing: GraphicsContext) -> None:
    changed(shared, mutations, drawing, cases=5000, seed=4)
