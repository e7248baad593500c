"""What becomes of a load that fails in a way that nobody foresaw."""

from __future__ import annotations

import pytest

from device_agent.display.loader import Files, Loader, Order
from device_agent.display.seen import Kept, Rules
from device_agent.display.trial import Verdict
from device_agent.errors import ConfigurationError, PackageError


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
    def prepare(_order: Order, _files: Files) -> str:
        raise error

    loader: Loader[str] = Loader(open_=lambda _order: {}, try_=lambda _order, _files: Verdict(), prepare=prepare)
    result = loader._ended(Order(package=Kept(code="A", sha256="one"), rules=Rules(offline_budget_s=0.0), proved=False))
    assert result.ready is None
    assert (result.verdict.code, result.verdict.passing) == (code, passing)
