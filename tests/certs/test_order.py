"""Signed orders: of the operator, for one device, in their time, of a kind that we know; all else is refused."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from certs import manifest, signed
from certs import order as subject
from certs.errors import OrderError
from certs.order import Order, meant_for, read_keys, sign, verify

NOW = datetime(2026, 6, 1, tzinfo=UTC)
KEY, OTHER, THIRD = (Ed25519PrivateKey.generate() for _ in range(3))
GOOD = Order(
    verb="remove", id="order-0001", device_id="KIOSK1", tenant_id=1, app_id="app", issued=NOW - timedelta(hours=1),
    expires=NOW + timedelta(days=7),
)  # fmt: skip
PAGE = Path(__file__).parents[2] / "docs/formats/orders.md"


def refusal(
    data: bytes, *, now: datetime = NOW, keys: tuple[Ed25519PrivateKey, ...] = (KEY,), threshold: int = 1
) -> str:
    with pytest.raises(OrderError) as caught:
        verify(data, keys=[key.public_key() for key in keys], now=now, threshold=threshold, where="x")
    assert caught.value.hint
    assert caught.value.where == "x"
    return caught.value.code


def signed_as(payload: Any, *, key: Ed25519PrivateKey = KEY, domain: bytes = subject.DOMAIN) -> bytes:
    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return signed.sign(data, domain=domain, key=key)


def facts(**changes: Any) -> dict[str, Any]:
    return {**json.loads(msgspec.json.encode(GOOD)), **changes}


def test_what_was_signed_is_what_is_read() -> None:
    assert verify(sign(GOOD, key=KEY), keys=[OTHER.public_key(), KEY.public_key()], now=NOW) == GOOD


def test_strangers_and_other_uses_of_the_key() -> None:
    assert refusal(sign(GOOD, key=OTHER)) == "order.signature"
    assert refusal(sign(GOOD, key=KEY), keys=()) == "order.signature"
    assert refusal(signed_as(facts(), domain=b"")) == "order.signature"
    assert refusal(signed_as(facts(), domain=manifest.DOMAIN)) == "order.signature", "a manifest's is none for an order"
    document = json.loads(sign(GOOD, key=KEY))
    document["signatures"][0]["key"] = signed.key_id(OTHER.public_key())
    assert refusal(json.dumps(document).encode(), keys=(KEY, OTHER)) == "order.signature"


def test_a_threshold_counts_different_keys_that_signed(tmp_path: Path) -> None:
    one = sign(GOOD, key=KEY)
    two = signed.sign_too(one, domain=subject.DOMAIN, key=OTHER, longest=subject.LONGEST)
    keys = tuple(key.public_key() for key in (KEY, OTHER, THIRD))
    assert verify(two, keys=keys, now=NOW, threshold=2) == GOOD
    assert refusal(one, keys=(KEY, OTHER, THIRD), threshold=2) == "order.signature"
    assert refusal(two, keys=(KEY, OTHER, THIRD), threshold=3) == "order.signature"
    assert refusal(two, keys=(KEY, THIRD), threshold=2) == "order.signature", "a stranger's does not count"
    document = json.loads(one)
    document["signatures"] *= 2
    assert refusal(json.dumps(document).encode(), keys=(KEY, OTHER), threshold=2) == "order.signature"
    assert refusal(json.dumps(document).encode(), keys=(KEY, KEY), threshold=2) == "order.signature"
    for threshold in (0, -1):
        assert refusal(sign(GOOD, key=OTHER), threshold=threshold) == "order.signature", "none at all is never enough"


def test_signing_again_replaces_and_the_number_of_signatures_has_an_end() -> None:
    again = signed.sign_too(sign(GOOD, key=KEY), domain=subject.DOMAIN, key=KEY, longest=subject.LONGEST)
    assert len(json.loads(again)["signatures"]) == 1
    document = sign(GOOD, key=KEY)
    for _ in range(signed.MOST_SIGNATURES - 1):
        key = Ed25519PrivateKey.generate()
        document = signed.sign_too(document, domain=subject.DOMAIN, key=key, longest=subject.LONGEST)
    assert verify(document, keys=[KEY.public_key()], now=NOW) == GOOD
    with pytest.raises(signed.NotSigned):
        signed.sign_too(document, domain=subject.DOMAIN, key=OTHER, longest=subject.LONGEST)


def test_its_times_are_exact() -> None:
    data = sign(GOOD, key=KEY)
    assert verify(data, keys=[KEY.public_key()], now=GOOD.expires - timedelta(seconds=1))
    assert refusal(data, now=GOOD.expires) == "order.expired"
    assert verify(data, keys=[KEY.public_key()], now=GOOD.issued - subject.EARLY)
    assert refusal(data, now=GOOD.issued - subject.EARLY - timedelta(seconds=1)) == "order.early"


@pytest.mark.parametrize("verb", ["reboot", "shell", "", "Remove", "remove "])
def test_a_verb_that_nobody_knows_is_refused(verb: str) -> None:
    assert refusal(signed_as(facts(verb=verb))) == "order.verb"


@pytest.mark.parametrize(
    "change",
    [{"id": ""}, {"id": "short"}, {"id": "x" * 65}, {"id": "../../../etc"}, {"id": 12345678}, {"device_id": ""},
     {"device_id": None}, {"device_id": ["KIOSK1", "KIOSK2"]}, {"device_id": "K" * 65}, {"tenant_id": "1"},
     {"tenant_id": True}, {"app_id": ""}, {"issued": 5}, {"issued": "2026-06-01T00:00:00"}, {"expires": "soon"},
     {"type": "avatar-content"}, {"type": None}, {"verb": ["remove"]}, {"verb": "x" * 65},
     {"issued": "2026-06-09T00:00:00Z"}, {"id": "order-0001\n"}, {"id": "ördér-0001"},
     {"tenant_id": float("nan")}, {"expires": "9999-12-31T23:59:59-14:00"}, {"issued": "0001-01-01T00:00:00+14:00"}],
)  # fmt: skip
def test_signed_nonsense_is_refused_too(change: dict[str, object]) -> None:
    assert refusal(signed_as(facts(**change))) == "order.form"
    for name in facts():
        without = facts()
        del without[name]
        if name != "type":
            assert refusal(signed_as(without)) == "order.form"


@pytest.mark.parametrize("payload", [b'{"app_id":"\xff"}', b'{"more":' + b"[" * 10_000, b"", b"null", b"[]"])
def test_a_signed_payload_that_is_no_json_is_refused_too(payload: bytes) -> None:
    assert refusal(signed_as(payload)) == "order.form"


def test_a_manifest_is_no_order_and_an_order_no_manifest() -> None:
    from certs.errors import ManifestError

    listed = manifest.Manifest(version=1, expires=GOOD.expires, tenant_id=1, app_id="app", avatars={})
    assert refusal(manifest.sign(listed, key=KEY)) == "order.signature"
    with pytest.raises(ManifestError) as caught:
        manifest.verify(sign(GOOD, key=KEY), keys=[KEY.public_key()], now=NOW)
    assert caught.value.code == "manifest.signature"


@pytest.mark.parametrize("mine", [("KIOSK2", 1, "app"), ("KIOSK1", 2, "app"), ("KIOSK1", 1, "b"), ("", 0, ""),
                                  ("kiosk1", 1, "app")])  # fmt: skip
def test_another_device_s_order(mine: tuple[str, int, str]) -> None:
    device_id, tenant_id, app_id = mine
    meant_for(GOOD, device_id="KIOSK1", tenant_id=1, app_id="app")
    with pytest.raises(OrderError) as caught:
        meant_for(GOOD, device_id=device_id, tenant_id=tenant_id, app_id=app_id)
    assert caught.value.code == "order.device"


def test_no_changed_byte_passes() -> None:
    data = sign(GOOD, key=KEY)
    for place in range(len(data)):
        for bit in (1, 32):
            bad = bytearray(data)
            bad[place] ^= bit
            try:
                assert verify(bytes(bad), keys=[KEY.public_key()], now=NOW) == GOOD
            except OrderError:
                continue
    for length in range(len(data)):
        assert refusal(data[:length]) == "order.form"


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_any_bytes_are_refused_and_nothing_else_happens(data: bytes) -> None:
    assert refusal(data) in ("order.form", "order.signature")


@given(st.binary(max_size=300) | st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists).map(
    lambda value: json.dumps(value).encode()))  # fmt: skip
def test_any_signed_bytes_are_refused(payload: bytes) -> None:
    assert refusal(signed_as(payload)) == "order.form"


def test_too_long_and_too_deep() -> None:
    assert refusal(b" " * (subject.LONGEST + 1)) == "order.form"
    assert refusal(sign(GOOD, key=KEY) + b" " * subject.LONGEST) == "order.form"
    assert refusal(b'{"payload":' + b"[" * 10_000) == "order.form"
    assert refusal(signed_as(b"[" * 8_000)) == "order.form"
    document = json.loads(sign(GOOD, key=KEY))
    document["signatures"] *= 17
    assert refusal(json.dumps(document).encode()) == "order.form"


def test_keys_that_are_none() -> None:
    curve = ec.generate_private_key(ec.SECP256R1()).public_key()
    wrong = curve.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    good = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for text in (b"", b"nonsense", wrong, good + wrong):
        with pytest.raises(OrderError) as caught:
            read_keys(text, where="x.pub")
        assert (caught.value.code, caught.value.where) == ("order.keys", "x.pub")


def test_openssl_signs_one_by_the_page_s_own_words(tmp_path: Path) -> None:
    """The format is held to software that we did not write; the page's commands are run as they stand."""
    assert shutil.which("openssl"), "install openssl"
    page = PAGE.read_text(encoding="utf-8")
    (payload,) = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    (tmp_path / "payload.json").write_text(payload)
    for script in re.findall(r"```sh openssl\n(.*?)```", page, re.DOTALL):
        subprocess.run(["sh", "-euc", script], cwd=tmp_path, check=True, capture_output=True, timeout=60)
    keys = read_keys((tmp_path / "operator.pub").read_bytes())
    found = verify((tmp_path / "order.json").read_bytes(), keys=keys, now=datetime(2030, 1, 2, tzinfo=UTC))
    assert (found.verb, found.device_id) == ("remove", "ECUR5MYFSCMXR5JQBU2L6I6PDE")
    base64.b64decode(json.loads((tmp_path / "order.json").read_bytes())["payload"], validate=True)
