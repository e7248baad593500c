"""Keys and the package that other software sealed (fixtures/make_fixture.mjs)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

FIXTURES = Path(__file__).parent / "fixtures"


@pytest.fixture(scope="session")
def expected() -> dict[str, Any]:
    """What WebCrypto says about its own package: keys, nonces, sealed entries, hashes."""
    return json.loads((FIXTURES / "expected.json").read_text())


@pytest.fixture(scope="session")
def licence_file() -> Path:
    return FIXTURES / "licence.txt"


@pytest.fixture(scope="session")
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="session")
def other_rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)
