"""Every case of ``cases/`` against its reference, on both profiles."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from renderer.errors import GraphicsError
from renderer.gl.context import GraphicsContext, headless

HERE = Path(__file__).resolve().parent


def _gallery():
    spec = importlib.util.spec_from_file_location("image_gallery", HERE / "gallery.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


gallery = _gallery()


@pytest.fixture(scope="module", params=["gl", "es"])
def context(request: pytest.FixtureRequest) -> Iterator[GraphicsContext]:
    try:
        made = headless(profile=request.param)
    except GraphicsError as error:
        pytest.skip(f"no {request.param} context here: {error}")
    yield made
    made.release()


@pytest.mark.gl
@pytest.mark.parametrize("name", gallery.names())
def test_picture(context: GraphicsContext, name: str) -> None:
    context.make_current()
    drawn, wanted = gallery.draw(name, context), gallery.reference(name)
    context.check()
    told = gallery.mismatch(drawn, wanted, driver=context.driver, profile=context.profile)
    if told:
        path = gallery.keep_failure(name, context.profile, drawn, wanted)
        pytest.fail(f"{told}; look at {path} and its difference; if it is right: gallery.py --regenerate {name}")


def test_where_the_references_were_drawn_there_are_both_profiles() -> None:
    """A driver that lost one of them would otherwise skip half of the pictures unnoticed."""
    try:
        driver = headless().driver
    except GraphicsError as error:
        pytest.skip(f"no context here: {error}")
    if not gallery.same_device(driver, gallery.DRIVER.read_text(encoding="utf-8").strip()):
        pytest.skip(f"{driver} has not drawn the references")
    for profile in ("gl", "es"):
        made = headless(profile=profile)
        assert made.profile == profile
        made.release()


def test_every_case_has_a_reference_and_every_reference_a_case() -> None:
    assert sorted(path.stem for path in gallery.REFERENCES.glob("*.png")) == gallery.names()


def test_every_case_says_its_claim() -> None:
    for name in gallery.names():
        first = (gallery.CASES / f"{name}.py").read_text(encoding="utf-8").lstrip()
        assert first.startswith('"""'), name


def test_a_wrong_picture_is_told() -> None:
    name = "metal_roughness"
    wanted = gallery.reference(name)
    driver = gallery.DRIVER.read_text(encoding="utf-8").strip()
    assert gallery.mismatch(wanted.copy(), wanted, driver=driver, profile="gl") == ""
    off = wanted.copy()
    solid = (off[..., 3] == 255) & (off[..., 0] > 10)
    row, column = (int(axis[0]) for axis in solid.nonzero())
    off[row, column, 0] -= 3
    assert gallery.mismatch(off, wanted, driver=driver, profile="gl").startswith("1 pixels differ")
    assert gallery.mismatch(off, wanted, driver="another; 4.6 Mesa 99", profile="gl") == ""
    assert gallery.mismatch(255 - wanted, wanted, driver="another; 4.6 Mesa 99", profile="gl") != ""
