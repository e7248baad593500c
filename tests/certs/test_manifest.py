"""Signed manifests: ours and those that openssl signs by the page's own words; anything else is refused."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from certs import manifest as subject
from certs import signed
from certs.errors import ManifestError
from certs.manifest import Listed, Manifest, Package, read_keys, sign, verify

NOW = datetime(2026, 6, 1, tzinfo=UTC)
KEY, OTHER = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
GOOD = Manifest(
    version=7, expires=NOW + timedelta(days=7), tenant_id=1, app_id="app",
    avatars={"CH_1": Listed(sha256="ab" * 32, size=10)},
)  # fmt: skip
PAGE = Path(__file__).parents[2] / "docs/formats/content-manifest.md"


def refusal(data: bytes, *, now: datetime = NOW, keys: tuple[Ed25519PrivateKey, ...] = (KEY,)) -> str:
    with pytest.raises(ManifestError) as caught:
        verify(data, keys=[key.public_key() for key in keys], now=now)
    return caught.value.code


def test_what_was_signed_is_what_is_read() -> None:
    assert verify(sign(GOOD, key=KEY), keys=[OTHER.public_key(), KEY.public_key()], now=NOW) == GOOD


def test_strangers_and_other_uses_of_the_key() -> None:
    assert refusal(sign(GOOD, key=OTHER)) == "manifest.signature"
    assert refusal(sign(GOOD, key=KEY), keys=()) == "manifest.signature"
    document = json.loads(sign(GOOD, key=KEY))
    document["signatures"][0]["key"] = signed.key_id(OTHER.public_key())
    assert refusal(json.dumps(document).encode(), keys=(KEY, OTHER)) == "manifest.signature"


def test_a_signature_over_the_payload_alone_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(subject, "DOMAIN", b"")
        data = sign(GOOD, key=KEY)
    assert refusal(data) == "manifest.signature"


def test_its_end_is_exact_and_another_kind_is_refused() -> None:
    data = sign(GOOD, key=KEY)
    assert verify(data, keys=[KEY.public_key()], now=GOOD.expires - timedelta(seconds=1))
    assert refusal(data, now=GOOD.expires) == "manifest.expired"
    assert refusal(sign(msgspec.structs.replace(GOOD, kind="fleet-order"), key=KEY)) == "manifest.form"


@pytest.mark.parametrize(
    "change",
    [{"avatars": {"a": {"sha256": "ab" * 32, "size": 1, "rollout": 0.5}}},
     {"avatars": {"a": {"sha256": "ab" * 32, "size": 1, "rollout": 1.5, "before": {"sha256": "cd" * 32, "size": 1}}}},
     {"avatars": {"a": {"sha256": "ab" * 32, "size": 1, "rollout": -1, "before": {"sha256": "cd" * 32, "size": 1}}}},
     {"avatars": {"a": {"sha256": "ab" * 32, "size": 1, "rollout": 0.5, "before": {"sha256": "cd", "size": 1}}}},
     {"version": 0}, {"version": 1.5}, {"version": True}, {"expires": "2026-06-03T00:00:00"}, {"expires": 5},
     {"expires": "9999-12-31T23:59:59-14:00"}, {"expires": "0001-01-01T00:00:00+14:00"},
     {"avatars": []}, {"avatars": {"a": {"sha256": "AB" * 32, "size": 1}}}, {"avatars": {"a": {"sha256": "ab" * 32}}},
     {"avatars": {"a": {"sha256": "ab" * 32, "size": 0}}}, {"tenant_id": "1"}, {"type": None}],
)  # fmt: skip
def test_signed_nonsense_is_refused_too(change: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    payload = json.dumps({**json.loads(msgspec.json.encode(GOOD)), **change}).encode()
    encode = msgspec.json.encode
    monkeypatch.setattr(msgspec.json, "encode", lambda what: payload if isinstance(what, Manifest) else encode(what))
    data = sign(GOOD, key=KEY)
    monkeypatch.undo()
    assert refusal(data) == "manifest.form"


@pytest.mark.parametrize("payload", [b'{"app_id":"\xff"}', b'{"more":' + b"[" * 100_000, b"", b"null", b"[]"])
def test_a_signed_payload_that_is_no_json_is_refused_too(payload: bytes) -> None:
    assert refusal(signed.sign(payload, domain=subject.DOMAIN, key=KEY)) == "manifest.form"


def test_no_changed_byte_passes() -> None:
    data = sign(GOOD, key=KEY)
    for place in range(len(data)):
        for bit in (1, 32):
            bad = bytearray(data)
            bad[place] ^= bit
            try:
                assert verify(bytes(bad), keys=[KEY.public_key()], now=NOW) == GOOD
            except ManifestError:
                continue
    for length in range(len(data)):
        assert refusal(data[:length]) == "manifest.form"


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_any_bytes_are_refused_and_nothing_else_happens(data: bytes) -> None:
    assert refusal(data) in ("manifest.form", "manifest.signature")


def test_too_long_and_too_deep() -> None:
    assert refusal(b" " * (subject.LONGEST + 1)) == "manifest.form"
    assert refusal(b'{"payload":' + b"[" * 100_000) == "manifest.form"


def test_the_same_list_signed_again_has_the_same_digest_and_another_has_not() -> None:
    again = msgspec.structs.replace(GOOD, expires=NOW + timedelta(days=99), version=8)
    assert again.digest == GOOD.digest
    for change in ({"tenant_id": 2}, {"app_id": "b"}, {"avatars": {}},
                   {"avatars": {"CH_1": Listed(sha256="ab" * 32, size=11)}}):  # fmt: skip
        assert msgspec.structs.replace(GOOD, **change).digest != GOOD.digest  # type: ignore[arg-type]


def test_keys_are_read_from_one_text_and_others_refused() -> None:
    pems = [key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo) for key in (KEY, OTHER)]
    assert [signed.key_id(key) for key in read_keys(b"\n".join(pems))] == [
        signed.key_id(key.public_key()) for key in (KEY, OTHER)
    ]
    curve = ec.generate_private_key(ec.SECP256R1()).public_key()
    wrong = curve.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for text in (b"", b"nonsense", wrong, pems[0] + wrong, "ä".encode()):
        with pytest.raises(ManifestError) as caught:
            read_keys(text, where="x.pub")
        assert (caught.value.code, caught.value.where) == ("manifest.keys", "x.pub")


def test_openssl_signs_one_by_the_page_s_own_words(tmp_path: Path) -> None:
    """The format is held to software that we did not write; the page's commands are run as they stand."""
    assert shutil.which("openssl"), "install openssl"
    page = PAGE.read_text(encoding="utf-8")
    (payload,) = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    (tmp_path / "payload.json").write_text(payload)
    for script in re.findall(r"```sh\n(.*?)```", page, re.DOTALL):
        subprocess.run(["sh", "-euc", script], cwd=tmp_path, check=True, capture_output=True, timeout=60)
    keys = read_keys((tmp_path / "operator.pub").read_bytes())
    found = verify((tmp_path / "avatars.json").read_bytes(), keys=keys, now=NOW)
    assert (found.version, list(found.avatars)) == (7, ["CH_3d_sample"])


def test_a_threshold_counts_different_keys_that_signed() -> None:
    one = sign(GOOD, key=KEY)
    two = signed.sign_too(one, domain=subject.DOMAIN, key=OTHER, longest=subject.LONGEST)
    keys = [KEY.public_key(), OTHER.public_key()]
    assert verify(two, keys=keys, now=NOW, threshold=2) == GOOD
    for data, known in ((one, keys), (two, keys[:1]), (two, keys[:1] * 2)):
        with pytest.raises(ManifestError, match="1 of the operator's keys signed") as caught:
            verify(data, keys=known, now=NOW, threshold=2)
        assert caught.value.code == "manifest.signature"


def staged(rollout: float, sha256: str = "ab" * 32) -> Listed:
    return Listed(sha256=sha256, size=10, rollout=rollout, before=Package(sha256="cd" * 32, size=9))


def test_a_part_of_the_fleet_is_that_part_and_grows() -> None:
    fleet = [f"KIOSK-{number}" for number in range(2000)]
    turns = {part: {device for device in fleet if staged(part).is_turn_of(device)} for part in (0.0, 0.1, 0.5, 1.0)}
    assert turns[0.0] == set()
    assert turns[1.0] == set(fleet)
    assert 150 < len(turns[0.1]) < 250
    assert 900 < len(turns[0.5]) < 1100
    assert turns[0.1] < turns[0.5], "whose turn it was stays in"
    others = {device for device in fleet if staged(0.1, "ef" * 32).is_turn_of(device)}
    assert len(others & turns[0.1]) < 60, "another package begins with others"


def test_a_rollout_is_a_part_of_what_is_listed_and_its_absence_is_not() -> None:
    plain = msgspec.structs.replace(GOOD, avatars={"CH_1": Listed(sha256="ab" * 32, size=10)})
    assert plain.digest == GOOD.digest
    assert b"rollout" not in msgspec.json.encode(plain), "an agent of before reads it as it did"
    digests = {msgspec.structs.replace(GOOD, avatars={"CH_1": staged(part)}).digest for part in (0.1, 0.5, 1.0)}
    assert len(digests | {plain.digest}) == 4
    data = sign(msgspec.structs.replace(GOOD, avatars={"CH_1": staged(0.1)}), key=KEY)
    assert verify(data, keys=[KEY.public_key()], now=NOW).avatars["CH_1"] == staged(0.1)
