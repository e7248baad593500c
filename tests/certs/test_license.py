"""The licence: every form it comes in, what is refused and how it is said, and that it never shows itself."""

from __future__ import annotations

import base64
import copy
import json
import os
import pickle
import traceback
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st

from certs import license as license_module
from certs.errors import LicenseError
from certs.license import MAX_LENGTH, License

PREFIX = "p" * 64


def der(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def wrong(text: str | bytes) -> LicenseError:
    with pytest.raises(LicenseError) as caught:
        License.parse(text, where="licence.lic")
    assert caught.value.where == "licence.lic"
    return caught.value


@pytest.fixture(scope="module")
def issued(rsa_key: rsa.RSAPrivateKey) -> License:
    return License.issue(rsa_key, prefix=PREFIX, tenant_id=7, app_id="app-1")


def test_the_licence_that_other_software_made(licence_file: Path) -> None:
    licence = License.load(licence_file)
    assert (licence.tenant_id, licence.app_id) == (None, None)
    public = licence_file.with_name("public_key.pem").read_bytes()
    assert licence.private_key().public_key() == serialization.load_pem_public_key(public)
    assert licence.reveal() == licence_file.read_text().rstrip("\n")


def test_an_issued_licence_carries_the_key_after_64_characters(issued: License, rsa_key: rsa.RSAPrivateKey) -> None:
    assert issued.reveal()[:64] == PREFIX
    assert base64.b64decode(issued.reveal()[64:]) == der(rsa_key)
    assert der(issued.private_key()) == der(rsa_key)


@pytest.mark.parametrize("bits", [3072, 4096])
def test_larger_keys_are_read_too(bits: int) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    assert der(License.issue(key, prefix=PREFIX).private_key()) == der(key)


def test_the_json_form_goes_round(issued: License, tmp_path: Path) -> None:
    file = tmp_path / "licence.json"
    file.write_text(issued.to_json())
    again = License.load(file)
    assert again == issued
    assert (again.tenant_id, again.app_id, again.fingerprint) == (7, "app-1", issued.fingerprint)
    assert set(json.loads(issued.to_json())) == {"TenantId", "AppId", "License"}


@pytest.mark.parametrize(
    "dress",
    [
        lambda text: text.encode(),
        lambda text: b"\xef\xbb\xbf" + text.encode() + b"\r\n",
        lambda text: ("\ufeff" + text).encode("utf-16-le"),
        lambda text: ("\ufeff" + text).encode("utf-16-be"),
        lambda text: "\ufeff\n\t " + text + "\n\n",
        lambda text: "\n".join(text[i : i + 76] for i in range(0, len(text), 76)),
        lambda text: "\r\n".join("  " + text[i : i + 64] + " " for i in range(0, len(text), 64)),
        lambda text: json.dumps({"License": text}),
        lambda text: json.dumps({"tenantid": "7", "appId": " app-1 ", "LICENSE": text + "\n"}, indent=2).encode(),
        lambda text: b"\xef\xbb\xbf" + json.dumps({"TenantId": 7, "AppId": "app-1", "License": text}).encode(),
    ],
)
def test_dress_does_not_matter(issued: License, dress: Callable[[str], str | bytes]) -> None:
    licence = License.parse(dress(issued.reveal()))
    assert licence.reveal() == issued.reveal()
    assert licence.tenant_id in (None, 7)
    assert licence.app_id in (None, "app-1")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "license.empty"),
        (b"\xef\xbb\xbf \r\n", "license.empty"),
        ("{", "license.json"),
        ("{" * 5000, "license.json"),
        ('{"License":' + "[" * 60_000, "license.json"),
        ("{}", "license.json"),
        ('{"License": ""}', "license.json"),
        ('{"License": 5}', "license.json"),
        ('{"License": "a", "TenantId": true}', "license.json"),
        ('{"License": "a", "TenantId": "x"}', "license.json"),
        ('{"License": "a", "TenantId": 1.5}', "license.json"),
        ('{"License": "a", "AppId": 5}', "license.json"),
        ('{"License": "a b"}', "license.text"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "license.text"),
        (b"\xff\xfe\x00", "license.text"),
        ("two words", "license.text"),
        ("<!DOCTYPE html>", "license.form"),
        ("-----BEGIN PRIVATE KEY-----\nMII=\n-----END PRIVATE KEY-----\n", "license.form"),
        ("-----BEGIN", "license.form"),
        ("x" * (MAX_LENGTH + 1), "license.long"),
    ],
)
def test_what_is_neither_form_is_refused_and_both_forms_are_named(text: str | bytes, code: str) -> None:
    error = wrong(text)
    assert error.code == code
    assert "licence text on its own" in error.hint
    assert '"TenantId", "AppId" and "License"' in error.hint


def numbers(*, p: int, q: int, e: int, d: int, iqmp: int) -> rsa.RSAPrivateNumbers:
    public = rsa.RSAPublicNumbers(e=e, n=p * q)
    return rsa.RSAPrivateNumbers(p=p, q=q, d=d, dmp1=d % (p - 1), dmq1=d % (q - 1), iqmp=iqmp, public_numbers=public)


@pytest.mark.parametrize(
    ("found", "is_good"),
    [
        (numbers(p=11, q=23, e=3, d=147, iqmp=1), True),
        (numbers(p=11, q=23, e=1, d=1, iqmp=1), False),  # what is wrapped with it is not wrapped at all
        (numbers(p=11, q=23, e=3, d=147, iqmp=12), False),
        (numbers(p=4, q=5, e=5, d=5, iqmp=1), False),  # OpenSSL's arithmetic is for an odd modulus
        (numbers(p=11, q=11, e=3, d=7, iqmp=1), False),
    ],
)
def test_numbers_that_are_no_key_though_most_of_them_fit(found: rsa.RSAPrivateNumbers, is_good: bool) -> None:
    key: Any = SimpleNamespace(private_numbers=lambda: found)
    assert license_module._consistent(key) is is_good


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("", "license.short"),
        ("not*base64", "license.base64"),
        (base64.b64encode(b"no DER at all").decode(), "license.key"),
        (base64.b64encode(der(ec.generate_private_key(ec.SECP256R1()))).decode(), "license.key"),
        (base64.b64encode(der(rsa.generate_private_key(65537, 1024))).decode(), "license.weak"),
    ],
)
def test_a_licence_without_a_usable_key_says_so_when_the_key_is_wanted(body: str, code: str) -> None:
    licence = License.parse(PREFIX + body)
    with pytest.raises(LicenseError) as caught:
        licence.private_key()
    assert caught.value.code == code
    assert licence.fingerprint in str(caught.value)


def test_no_single_changed_byte_of_the_key_gets_through(rsa_key: rsa.RSAPrivateKey) -> None:
    """OpenSSL's own check is off (44 ms a load); ours must find what would make OpenSSL misbehave."""
    good = der(rsa_key)
    accepted, codes = [], set()
    for position in range(len(good)):
        changed = bytearray(good)
        changed[position] ^= 0x04
        try:
            License.parse(PREFIX + base64.b64encode(changed).decode()).private_key()
        except LicenseError as error:
            codes.add(error.code)
        else:
            accepted.append(position)
    assert codes <= {"license.key", "license.weak"}
    assert accepted == []


@given(prefix=st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7A), min_size=64, max_size=64))
def test_any_prefix_is_skipped(rsa_key: rsa.RSAPrivateKey, prefix: str) -> None:
    if prefix.startswith(("<", "-----BEGIN")):
        return
    issued = License.issue(rsa_key, prefix=prefix)
    assert License.parse(issued.reveal()) == issued


@pytest.mark.parametrize("prefix", ["", "p" * 63, "p" * 65, " " * 64, "{" * 64, "ü" * 64])
def test_a_prefix_that_readers_could_stumble_over_is_refused(rsa_key: rsa.RSAPrivateKey, prefix: str) -> None:
    with pytest.raises(LicenseError, match="64 printable"):
        License.issue(rsa_key, prefix=prefix)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (tmp_path / "nothing", tmp_path, pipe):
        with pytest.raises(LicenseError) as caught:
            License.load(path)
        assert caught.value.code == "license.file"
        assert str(path) in str(caught.value)


def test_it_never_shows_itself(issued: License) -> None:
    canary = issued.reveal()[64:]
    for shown in (repr(issued), str(issued), f"{issued}", f"{[issued]}", f"{issued!r:>9}"):
        assert issued.fingerprint in shown
        assert canary not in shown
    with pytest.raises(TypeError):
        pickle.dumps(issued)
    with pytest.raises(TypeError):
        vars(issued)
    assert copy.copy(issued) is issued
    assert copy.deepcopy([issued])[0] is issued


def test_it_does_not_change_and_compares_by_content(issued: License) -> None:
    with pytest.raises(AttributeError):
        issued._text = "other"
    with pytest.raises(AttributeError):
        del issued._text
    assert issued == License.parse(issued.to_json())
    assert hash(issued) == hash(License.parse(issued.to_json()))
    assert issued != License.parse(issued.reveal())
    assert issued != License(text=issued.reveal() + "A", tenant_id=issued.tenant_id, app_id=issued.app_id)
    assert issued != issued.reveal()
    assert len({License.parse("a").fingerprint, License.parse("b").fingerprint}) == 2


CANARY = "c4n4ry" * 20


@pytest.mark.parametrize(
    "use",
    [
        lambda text: License.parse(text.encode() + b"\xff"),
        lambda text: License.parse('{"License": "' + text),
        lambda text: License.parse('{"License": "' + text + '", "TenantId": "x"}'),
        lambda text: License.parse(text + " two words"),
        lambda text: License.parse(text + "!").private_key(),
        lambda text: License.parse(text + "=====").private_key(),
    ],
)
def test_no_error_shows_it_even_with_the_locals_of_its_frames(use: Callable[[str], object]) -> None:
    with pytest.raises(LicenseError) as caught:
        use(CANARY)
    error: BaseException | None = caught.value
    chain = []
    while error is not None:
        chain.append(error)
        error = error.__cause__ or error.__context__
    for link in chain:
        assert CANARY not in str(vars(link)) + str(link.args)
    here = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    ours = [frame for frame in here.stack if Path(frame.filename).name == "license.py"]
    assert ours
    assert all("c4n4ry" not in str(frame.locals) for frame in ours)


def test_loading_a_bad_file_does_not_leave_its_text_in_the_frames(tmp_path: Path) -> None:
    file = tmp_path / "licence"
    file.write_text(CANARY + " two words")
    with pytest.raises(LicenseError) as caught:
        License.load(file)
    shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    assert all("c4n4ry" not in str(f.locals) for f in shown.stack if Path(f.filename).name == "license.py")
