"""Secrets under a key that is not on their disk: every bit counts, and every name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from certs.cover import BARE, KeyedCover, derived, is_covered, put_under
from certs.errors import PrivateFileError, SealError
from certs.files import write_private

KEY = bytes(range(32))
SECRET = b"-----BEGIN PRIVATE KEY-----"


@pytest.fixture
def cover() -> KeyedCover:
    return KeyedCover(KEY, random_bytes=os.urandom)


def test_what_was_covered_comes_back_and_is_not_to_be_seen(cover: KeyedCover) -> None:
    for plain in (b"", b"x", SECRET, os.urandom(100_000)):
        kept = cover.close("token", plain)
        assert cover.open("token", kept) == plain
        assert is_covered(kept)
        assert not is_covered(plain)
    assert SECRET not in cover.close("token", SECRET)
    assert cover.close("token", SECRET) != cover.close("token", SECRET), "another nonce each time"
    assert repr(cover.open("token", cover.close("token", SECRET))) == "<hidden>"


def test_the_format_is_the_one_that_is_written_down() -> None:
    """By hand, from the primitives: a device that was sealed by this version must open for ever."""
    nonce = bytes(range(12))
    kept = KeyedCover(KEY, random_bytes=lambda length: nonce[:length]).close("license.json", SECRET)
    key = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"avatar-agent secrets v1").derive(KEY)
    sealed = AESGCM(key).encrypt(nonce, SECRET, b"avatar-agent secret v1\0license.json")
    assert kept == b"\0avs\1" + nonce + sealed
    assert kept.hex().startswith("0061767301000102030405060708090a0b")


def test_every_flipped_bit_and_every_cut_is_noticed(cover: KeyedCover) -> None:
    kept = cover.close("token", b"secret")
    for bit in range(8 * len(kept)):
        changed = bytearray(kept)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(SealError):
            cover.open("token", bytes(changed))
    for length in range(len(kept)):
        with pytest.raises(SealError):
            cover.open("token", kept[:length])
    with pytest.raises(SealError):
        cover.open("token", kept + b"\0")


def test_another_name_another_key_and_no_key_open_nothing(cover: KeyedCover) -> None:
    kept = cover.close("token", SECRET)
    with pytest.raises(SealError):
        cover.open("token.previous", kept)
    with pytest.raises(SealError):
        KeyedCover(bytes(32), random_bytes=os.urandom).open("token", kept)
    with pytest.raises(SealError) as caught:
        BARE.open("token", kept)
    assert caught.value.code == "seal.lost"
    with pytest.raises(SealError):
        cover.open("token", SECRET)
    assert BARE.open("token", BARE.close("token", SECRET)) == SECRET


def test_purposes_have_keys_of_their_own() -> None:
    assert len({derived(KEY, purpose=purpose) for purpose in (b"a", b"b")} | {KEY}) == 3


def test_a_bare_file_is_covered_once(tmp_path: Path, cover: KeyedCover) -> None:
    tmp_path.chmod(0o700)
    path = tmp_path / "token"
    assert not put_under(cover, path, name="token")
    write_private(path, SECRET)
    (tmp_path / ".token.0123456789abcdef.new").write_bytes(SECRET)
    assert put_under(cover, path, name="token")
    assert [entry.name for entry in tmp_path.iterdir()] == ["token"], "what a crash left is gone too"
    kept = path.read_bytes()
    assert cover.open("token", kept) == SECRET
    assert not put_under(cover, path, name="token")
    assert path.read_bytes() == kept
    (tmp_path / ".gone.0123456789abcdef.new").write_bytes(SECRET)
    put_under(cover, tmp_path / "gone", name="gone")
    assert [entry.name for entry in tmp_path.iterdir()] == ["token"]
    path.chmod(0o644)
    with pytest.raises(PrivateFileError):
        put_under(cover, path, name="token")
