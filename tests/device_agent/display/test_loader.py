"""What becomes of a load that fails in a way that nobody foresaw."""

from __future__ import annotations

from pathlib import Path

import pytest

from device_agent.config import Settings
from device_agent.display.loader import Loader, Order
from device_agent.display.trial import Verdict
from device_agent.errors import ConfigurationError, PackageError

from .test_follow import package


@pytest.mark.parametrize(
    ("error", "code", "passing"),
    [
        (ValueError("a defect of ours"), "defect", True),
        (MemoryError(), "defect", True),
        (ConfigurationError("the disk", code="cache.failed"), "cache.failed", True),
        (PackageError("no package", code="package.zip"), "package.zip", False),
    ],
)
def test_only_what_is_the_package_s_fault_is_held_against_it(error: Exception, code: str, passing: bool) -> None:
    def prepare(_order: Order) -> str:
        raise error

    settings = Settings.load(None, environ={"HOME": "/nowhere"}, overrides={}, system_file=Path("/none"))
    loader: Loader[str] = Loader(try_=lambda _order: Verdict(), prepare=prepare)
    result = loader._ended(Order(package=package("one"), settings=settings, proved=False))
    assert result.ready is None
    assert (result.verdict.code, result.verdict.passing) == (code, passing)
