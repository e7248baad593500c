"""What every suite shares: the folder of shared test assets."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import certifi
import pytest
from hypothesis import HealthCheck, settings

# How long an example takes is the machine's affair, and never a test's.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

ROOT = Path(__file__).resolve().parent.parent
MEMORY = Path("/dev/shm")
MEMORY_BYTES = 2 * 1024**3


def pytest_configure() -> None:
    """Temporary folders lie in memory where there is enough of it: the agent syncs whatever it writes, tens of
    thousands of times in a run, and a disk that others use as well takes milliseconds for each. That it syncs, and in
    which order, is counted in tests/kill; nothing here could see whether a disk heeds it. ``TMPDIR`` overrides this.
    """
    if "TMPDIR" in os.environ or not os.access(MEMORY, os.W_OK | os.X_OK):
        return
    state = os.statvfs(MEMORY)
    if state.f_bavail * state.f_frsize >= MEMORY_BYTES and not state.f_flag & os.ST_NOEXEC:
        os.environ["TMPDIR"] = str(MEMORY)
        tempfile.tempdir = None  # worked out anew


@pytest.fixture(scope="session")
def shared() -> Path:
    """The shared assets: ``AVATAR_SHARED`` or ``../shared`` beside the checkout; the test is skipped without them."""
    folder = Path(os.environ.get("AVATAR_SHARED", ROOT.parent / "shared"))
    if not (folder / "models").is_dir():
        pytest.skip(f"shared test assets are not at {folder} (set AVATAR_SHARED)")
    return folder


@pytest.fixture(scope="session")
def one_authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first of the public authorities, for what connects over TLS thousands of times: reading all of them takes
    16 ms, most of the time of a connection within this machine. The tests of the client read them all.
    """
    first, mark, _ = Path(certifi.where()).read_text(encoding="ascii").partition("-----END CERTIFICATE-----\n")
    file = tmp_path_factory.mktemp("authorities") / "first.pem"
    file.write_text(first + mark, encoding="ascii")
    return file


@pytest.fixture(scope="module")
def few_authorities(one_authority: Path) -> Iterator[None]:
    """A world with ``one_authority``, for the tests of one file."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(certifi, "where", lambda: str(one_authority))
        yield
