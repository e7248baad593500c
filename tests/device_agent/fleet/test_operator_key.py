"""The operator's key at headquarters: encrypted, private, read by openssl as well, and never over another."""

from __future__ import annotations

import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from certs.errors import PrivateFileError
from certs.secret import SecretBytes
from certs.signed import key_id, read_keys
from device_agent.errors import ConfigurationError
from device_agent.fleet.operator_key import make, read

PHRASE = SecretBytes("p4ss phrase ü".encode())


def test_what_was_made_is_read_and_its_public_half_fits(tmp_path: Path) -> None:
    made = make(tmp_path / "op", password=PHRASE)
    assert stat.S_IMODE((tmp_path / "op/operator.pem").stat().st_mode) == 0o600
    assert b"ENCRYPTED" in (tmp_path / "op/operator.pem").read_bytes()
    (public,) = read_keys((tmp_path / "op/operator.pub").read_bytes())
    key = read(tmp_path / "op/operator.pem", password=lambda: PHRASE)
    assert key_id(public) == key_id(key.public_key()) == made
    before = (tmp_path / "op/operator.pem").read_bytes()
    with pytest.raises(ConfigurationError, match="there already"):
        make(tmp_path / "op", password=PHRASE)
    assert (tmp_path / "op/operator.pem").read_bytes() == before
    (tmp_path / "op/operator.pem").unlink()
    with pytest.raises(ConfigurationError, match="there already"):
        make(tmp_path / "op", password=PHRASE)
    assert not (tmp_path / "op/operator.pem").exists(), "no half of a pair beside another's"


def test_a_key_that_does_not_open_is_told(tmp_path: Path) -> None:
    make(tmp_path, password=PHRASE)
    file = tmp_path / "operator.pem"

    def code() -> str:
        with pytest.raises(ConfigurationError) as caught:
            read(file, password=lambda: SecretBytes(b"wrong"))
        assert caught.value.hint
        return caught.value.code

    assert code() == "fleet.key"
    file.write_bytes(b"nonsense")
    assert code() == "fleet.key"
    curve = ec.generate_private_key(ec.SECP256R1())
    file.write_bytes(curve.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    assert code() == "fleet.key"
    file.chmod(0o644)
    with pytest.raises(PrivateFileError):
        read(file, password=lambda: PHRASE)


def test_openssl_s_keys_and_ours_are_the_same(tmp_path: Path) -> None:
    assert shutil.which("openssl"), "install openssl"
    theirs = tmp_path / "theirs.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", theirs], check=True, capture_output=True)
    theirs.chmod(0o600)

    def never() -> SecretBytes:
        raise AssertionError("a key without a pass phrase needs none")

    read(theirs, password=never)
    make(tmp_path / "ours", password=SecretBytes(b"abc"))
    done = subprocess.run(
        ["openssl", "pkey", "-in", tmp_path / "ours/operator.pem", "-passin", "pass:abc", "-pubout"],
        check=True, capture_output=True,
    )  # fmt: skip
    assert done.stdout == (tmp_path / "ours/operator.pub").read_bytes()
