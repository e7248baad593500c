"""TPMs for the suites that need one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.tpms import KINDS, tpms


@pytest.fixture(params=KINDS)
def new_tpm(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Path]]:
    """Starts TPMs and gives their sockets: the stand-in, then swtpm as well where it is installed."""
    with tpms(request.param, tmp_path / "tpms") as start:
        yield start
