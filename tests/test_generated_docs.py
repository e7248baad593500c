"""The generated pages say what the tables say."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "scripts"))  # where the generator finds its other half
GENERATOR = importlib.import_module("generate_docs")


@pytest.mark.parametrize("name", sorted(GENERATOR.PAGES))
def test_a_page_has_not_drifted(name: str) -> None:
    written = (ROOT / "docs" / name).read_text(encoding="utf-8")
    assert written == GENERATOR.PAGES[name](), "run: python scripts/generate_docs.py"


@pytest.mark.parametrize(
    "code",
    ["file.read_only", "trust.revoked", "network.tls_time", "config.root", "download.redirect", "office.removed"],
)
def test_a_code_that_is_put_together_or_handed_on_is_listed(code: str) -> None:
    assert f"| `{code}` |" in GENERATOR.errors_page()
