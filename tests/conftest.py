"""What every suite shares: the folder of shared test assets."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes is the machine's affair, and never a test's.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """The shared assets: ``AVATAR_SHARED`` or ``../shared`` beside the checkout; the test is skipped without them."""
    folder = Path(os.environ.get("AVATAR_SHARED", ROOT.parent / "shared"))
    if not (folder / "models").is_dir():
        pytest.skip(f"shared test assets are not at {folder} (set AVATAR_SHARED)")
    return folder
