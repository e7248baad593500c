"""Sealed entries and wrapped keys, held to what WebCrypto and openssl make and open."""

from __future__ import annotations

import base64
import itertools
import shutil
import subprocess
import traceback
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st

from certs.envelope import OVERHEAD, check_sealed, decode_base64, open_sealed, seal, unwrap_key, wrap_key
from certs.errors import EnvelopeError
from certs.license import License

KEY = bytes(range(32))
NONCE = bytes(11) + b"\x01"

keys = st.sampled_from((16, 32)).flatmap(lambda n: st.binary(min_size=n, max_size=n))
nonces = st.binary(min_size=12, max_size=12)


def test_the_worked_example_byte_for_byte() -> None:
    """The example that the format's description gives (docs/formats/avatar-package.md)."""
    sealed = bytes.fromhex(
        "000000000000000000000001" + "72baebba699055736103334098c349" + "7157148cbaecf294d0f0bef984d3da24"
    )
    assert seal(b"glTF-demo-bytes", key=KEY, nonce=NONCE) == sealed
    assert open_sealed(sealed, key=decode_base64("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")) == b"glTF-demo-bytes"


def test_what_webcrypto_sealed_opens_here_and_is_what_we_seal(expected: dict[str, Any]) -> None:
    key = base64.b64decode(expected["content_key"])
    assert len(expected["sealed"]) == 3
    for entry in [*expected["sealed"].values(), expected["aes128"]]:
        this_key = base64.b64decode(entry.get("content_key", "")) or key
        nonce, plain, sealed = (base64.b64decode(entry[name]) for name in ("nonce", "plain", "sealed"))
        assert open_sealed(sealed, key=this_key) == plain
        assert seal(plain, key=this_key, nonce=nonce) == sealed


def test_what_webcrypto_wrapped_unwraps_with_its_licence(expected: dict[str, Any], licence_file: Path) -> None:
    private_key = License.load(licence_file).private_key()
    for package in (expected, expected["aes128"]):
        assert unwrap_key(package["secret"], private_key=private_key) == base64.b64decode(package["content_key"])


@pytest.mark.skipif(not shutil.which("openssl"), reason="the openssl command is not installed")
@pytest.mark.parametrize("length", [16, 32])
def test_what_we_wrap_openssl_opens_and_the_other_way_round(
    rsa_key: rsa.RSAPrivateKey, tmp_path: Path, length: int
) -> None:
    pem = tmp_path / "key.pem"
    pem.write_bytes(
        rsa_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    key = KEY[:length]

    def pkeyutl(action: str, data: bytes) -> bytes:
        options = ["rsa_padding_mode:oaep", "rsa_oaep_md:sha256", "rsa_mgf1_md:sha256"]
        command = ["openssl", "pkeyutl", action, "-inkey", str(pem)]
        command += [part for option in options for part in ("-pkeyopt", option)]
        return subprocess.run(command, input=data, capture_output=True, check=True).stdout

    assert pkeyutl("-decrypt", base64.b64decode(wrap_key(key, public_key=rsa_key.public_key()))) == key
    assert unwrap_key(base64.b64encode(pkeyutl("-encrypt", key)).decode(), private_key=rsa_key) == key


@given(plain=st.binary(max_size=2000), key=keys, nonce=nonces)
def test_what_is_sealed_opens_again(plain: bytes, key: bytes, nonce: bytes) -> None:
    sealed = seal(plain, key=key, nonce=nonce)
    assert len(sealed) == len(plain) + OVERHEAD
    assert sealed[:12] == nonce
    assert open_sealed(memoryview(sealed), key=key) == plain


@given(plain=st.binary(max_size=200), cuts=st.lists(st.integers(0, 228)), changed=st.none() | st.integers(0, 8 * 228))
def test_pieces_open_where_the_whole_does(plain: bytes, cuts: list[int], changed: int | None) -> None:
    """However it is cut, and whatever bit of it was changed."""
    sealed = bytearray(seal(plain, key=KEY, nonce=NONCE))
    if changed is not None and changed < 8 * len(sealed):
        sealed[changed // 8] ^= 1 << changed % 8
    ends = [0, *sorted(min(cut, len(sealed)) for cut in cuts), len(sealed)]
    pieces = [memoryview(sealed)[start:end] for start, end in itertools.pairwise(ends)]
    codes = []
    for opened in (lambda: open_sealed(bytes(sealed), key=KEY), lambda: check_sealed(pieces, key=KEY)):
        try:
            opened()
            codes.append("")
        except EnvelopeError as error:
            codes.append(error.code)
    assert codes[0] == codes[1] == ("" if sealed == seal(plain, key=KEY, nonce=NONCE) else "envelope.tag")


@pytest.mark.parametrize("length", [0, 11, 12, OVERHEAD - 1])
def test_pieces_that_are_too_short_together(length: int) -> None:
    with pytest.raises(EnvelopeError) as caught:
        check_sealed([b"x"] * length, key=KEY, where="a.lm")
    assert (caught.value.code, caught.value.where) == ("envelope.short", "a.lm")


def test_any_flipped_bit_is_refused() -> None:
    sealed = seal(b"glTF-demo-bytes", key=KEY, nonce=NONCE)
    for position in range(len(sealed) * 8):
        changed = bytearray(sealed)
        changed[position // 8] ^= 1 << position % 8
        with pytest.raises(EnvelopeError) as caught:
            open_sealed(bytes(changed), key=KEY, where="character.glb.lm")
        assert (caught.value.code, caught.value.where) == ("envelope.tag", "character.glb.lm")


def test_any_truncation_and_any_other_key_is_refused() -> None:
    sealed = seal(b"glTF-demo-bytes", key=KEY, nonce=NONCE)
    codes = set()
    for length in range(len(sealed)):
        with pytest.raises(EnvelopeError) as caught:
            open_sealed(sealed[:length], key=KEY)
        codes.add((length < OVERHEAD, caught.value.code))
    assert codes == {(True, "envelope.short"), (False, "envelope.tag")}
    with pytest.raises(EnvelopeError, match="does not open"):
        open_sealed(sealed, key=bytes(32))


@pytest.mark.parametrize("length", [0, 1, 15, 17, 24, 31, 33])
def test_keys_of_other_lengths_are_refused_everywhere(rsa_key: rsa.RSAPrivateKey, length: int) -> None:
    key = bytes(length)
    for use in (
        lambda: seal(b"", key=key, nonce=NONCE),
        lambda: open_sealed(bytes(40), key=key),
        lambda: wrap_key(key, public_key=rsa_key.public_key()),
    ):
        with pytest.raises(EnvelopeError) as caught:
            use()
        assert caught.value.code == "envelope.key"
    with pytest.raises(EnvelopeError, match="12 bytes"):
        seal(b"", key=KEY, nonce=bytes(16))


@given(key=keys)
def test_what_is_wrapped_unwraps_again_and_differs_every_time(rsa_key: rsa.RSAPrivateKey, key: bytes) -> None:
    first, second = (wrap_key(key, public_key=rsa_key.public_key()) for _ in range(2))
    assert first != second
    assert len(first) == 344
    assert unwrap_key(first, private_key=rsa_key) == key
    assert unwrap_key("\n".join(second[i : i + 76] for i in range(0, 344, 76)), private_key=rsa_key) == key


def test_wrapped_keys_that_do_not_fit_are_refused(rsa_key: rsa.RSAPrivateKey, other_rsa_key: rsa.RSAPrivateKey) -> None:
    wrapped = wrap_key(KEY, public_key=rsa_key.public_key())
    not_an_aes_key = base64.b64encode(rsa_key.public_key().encrypt(b"twenty-four bytes long..", _oaep())).decode()
    cases = {
        "": "envelope.base64",
        " \n": "envelope.base64",
        "no base64!": "envelope.base64",
        wrapped[:-4]: "envelope.wrapped",
        base64.b64encode(KEY).decode(): "envelope.wrapped",
        base64.b64encode(bytes(256)).decode(): "envelope.wrapped",
        wrap_key(KEY, public_key=other_rsa_key.public_key()): "envelope.wrapped",
        not_an_aes_key: "envelope.key",
    }
    for text, code in cases.items():
        with pytest.raises(EnvelopeError) as caught:
            unwrap_key(text, private_key=rsa_key, where="RenderData")
        assert (caught.value.code, caught.value.where) == (code, "RenderData")


def test_a_wrong_padding_has_no_cause_that_tells_more(
    rsa_key: rsa.RSAPrivateKey, other_rsa_key: rsa.RSAPrivateKey
) -> None:
    with pytest.raises(EnvelopeError) as caught:
        unwrap_key(wrap_key(KEY, public_key=other_rsa_key.public_key()), private_key=rsa_key)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_no_traceback_shows_an_unwrapped_key(rsa_key: rsa.RSAPrivateKey) -> None:
    key = unwrap_key(wrap_key(KEY, public_key=rsa_key.public_key()), private_key=rsa_key)
    with pytest.raises(EnvelopeError) as caught:
        open_sealed(bytes(40), key=key)
    shown = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    assert "open_sealed" in shown
    assert repr(bytes(key)) not in shown
    assert base64.b64encode(key).decode() not in shown


def _oaep() -> Any:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    return padding.OAEP(mgf=padding.MGF1(hashes.SHA256()), algorithm=hashes.SHA256(), label=None)
