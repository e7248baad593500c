"""Contexts of both profiles; a GL error that a test leaves behind fails it."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from renderer.errors import GraphicsError
from renderer.gl.context import GraphicsContext, headless


def _load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"test_support_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up by name
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def shapes() -> ModuleType:
    return _load(Path(__file__).with_name("shapes.py"))


@pytest.fixture(scope="session", params=["gl", "es"])
def _context(request: pytest.FixtureRequest) -> Iterator[GraphicsContext]:
    try:
        made = headless(profile=request.param)
    except GraphicsError as error:
        pytest.skip(f"no {request.param} context here: {error}")
    yield made
    made.release()


@pytest.fixture
def context(_context: GraphicsContext) -> Iterator[GraphicsContext]:
    _context.make_current()
    yield _context
    _context.make_current()
    _context.check()
