"""Roots of keys: the attacks that The Update Framework's own tests make on its root role, each of them refused."""

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
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from certs import manifest, order, signed
from certs import root as subject
from certs.errors import ManifestError, OrderError, RootError
from certs.root import Claims, Role, Roles, Root, check_time, first, follow, role, unverified
from certs.signed import Signers, key_id

NOW = datetime(2026, 6, 1, tzinfo=UTC)
ENDS = NOW + timedelta(days=365)
R1, R2, R3, R4, C1, C2, O1, THIEF = (Ed25519PrivateKey.generate() for _ in range(8))
PAGE = Path(__file__).parents[2] / "docs/formats/root.md"
Keys = tuple[Ed25519PrivateKey, ...]


def made(*keys: Ed25519PrivateKey, threshold: int = 1) -> Role:
    return role([key.public_key() for key in keys], threshold=threshold)


def claims(version: int = 1, **changes: Any) -> Claims:
    roles = {"root": made(R1, R2, R3, threshold=2), "content": made(C1), "order": made(O1)}
    roles |= {name: changes.pop(name) for name in tuple(roles) if name in changes}
    facts = {"version": version, "expires": ENDS, "tenant_id": 1, "app_id": "app", "roles": Roles(**roles), **changes}
    return Claims(**facts)


def signed_as(payload: bytes, *keys: Ed25519PrivateKey, domain: bytes = subject.DOMAIN) -> bytes:
    document = signed.sign(payload, domain=domain, key=keys[0])
    for key in keys[1:]:
        document = signed.sign_too(document, domain=domain, key=key, longest=subject.LONGEST)
    return document


def document(said: Claims, *keys: Ed25519PrivateKey) -> bytes:
    return signed_as(msgspec.json.encode(said), *(keys or (R1, R2)))


ONE = first(document(claims()))


def refusal(data: bytes, before: Root = ONE) -> str:
    with pytest.raises(RootError) as caught:
        follow(before, data, where="https://fleet.example/2.json")
    assert caught.value.hint
    assert caught.value.where == "https://fleet.example/2.json"
    return caught.value.code


def test_what_was_signed_is_what_is_read() -> None:
    two = follow(ONE, document(claims(2, content=made(C2))))
    assert (two.version, two.content.ids, two.order.ids) == (2, (key_id(C2.public_key()),), ONE.order.ids)
    assert two.root.threshold == 2


# -- arbitrary: whoever has no key


def test_a_stranger_s_root_is_none() -> None:
    assert refusal(document(claims(2), THIEF)) == "root.signature"
    assert refusal(document(claims(2, root=made(THIEF)), THIEF)) == "root.signature", "that its own keys signed it"


def test_the_first_is_held_to_its_own_keys() -> None:
    for keys in ((R1,), (R1, THIEF), (C1, O1)):
        with pytest.raises(RootError) as caught:
            first(document(claims(), *keys), where="root.json")
        assert (caught.value.code, caught.value.where) == ("root.signature", "root.json")


# -- rollback, version skip, gap in the chain


@pytest.mark.parametrize("version", [1, 3, 4, 2**53])
def test_only_the_next_version_follows(version: int) -> None:
    assert refusal(document(claims(version))) == "root.version"


def test_an_older_root_of_the_same_chain_does_not_come_back() -> None:
    two = follow(ONE, document(claims(2, content=made(C2))))
    three = follow(two, document(claims(3)))
    for data in (ONE.document, two.document, three.document):
        assert refusal(data, three) == "root.version"


def test_a_gap_is_not_jumped_though_the_keys_are_the_same() -> None:
    three = document(claims(3, root=made(R1, R2, R3, threshold=2)))
    assert refusal(three) == "root.version"
    assert follow(follow(ONE, document(claims(2))), three).version == 3


# -- freeze: the end is the last one's alone


def test_an_end_is_looked_at_in_the_last_one_only_and_is_exact() -> None:
    over = first(document(claims(expires=NOW - timedelta(days=900))))
    two = follow(over, document(claims(2, expires=NOW)))
    check_time(two, now=NOW - timedelta(seconds=1))
    for when in (NOW, NOW + timedelta(days=9)):
        with pytest.raises(RootError, match="nothing new") as caught:
            check_time(two, now=when)
        assert caught.value.code == "root.expired"
    check_time(follow(two, document(claims(3))), now=NOW)


# -- key compromise: rotation takes a stolen key's worth


def test_a_root_key_that_was_taken_out_signs_nothing_any_more() -> None:
    two = follow(ONE, document(claims(2, root=made(R2, R3, R4, threshold=2)), R1, R2, R3))
    assert refusal(document(claims(3, root=made(R1, threshold=1)), R1, R2), two) == "root.signature"
    assert refusal(document(claims(3, root=made(R1, R2, threshold=2)), R1, R2), two) == "root.signature"
    assert follow(two, document(claims(3, root=made(R3, R4, threshold=2)), R3, R4)).version == 3


def test_unsigned_by_the_old() -> None:
    new = claims(2, root=made(R4, THIEF, threshold=2))
    assert refusal(document(new, R4, THIEF)) == "root.signature"
    assert refusal(document(new, R4, THIEF, R1)) == "root.signature", "one of the old is not enough"
    assert follow(ONE, document(new, R4, THIEF, R1, R3)).version == 2


def test_unsigned_by_the_new() -> None:
    new = claims(2, root=made(R3, R4, threshold=2))
    assert refusal(document(new, R1, R2)) == "root.signature"
    assert refusal(document(new, R1, R2, R4)) == "root.signature"
    assert follow(ONE, document(new, R1, R2, R3, R4)).version == 2


def test_a_threshold_that_was_lowered_or_raised_counts_from_the_next_on() -> None:
    lower = claims(2, root=made(R1, R2, R3, threshold=1))
    assert refusal(document(lower, R1)) == "root.signature"
    assert follow(follow(ONE, document(lower)), document(claims(3), R1, R2)).version == 3
    raised = claims(2, root=made(R1, R2, R3, threshold=3))
    assert refusal(document(raised, R1, R2)) == "root.signature"
    assert follow(ONE, document(raised, R1, R2, R3)).version == 2


# -- threshold with duplicates


def test_signatures_of_one_key_count_once() -> None:
    one = json.loads(document(claims(2), R1))
    one["signatures"] *= 2
    assert refusal(json.dumps(one).encode()) == "root.signature"
    under_another_name = [one["signatures"][0], {**one["signatures"][0], "key": key_id(R2.public_key())}]
    assert refusal(json.dumps({**one, "signatures": under_another_name}).encode()) == "root.signature"


def test_a_key_that_is_there_twice_is_one() -> None:
    (text,) = made(C2).keys
    twice = Role(keys=(text, text), threshold=2)
    assert made(C2, C2).keys == (text,)
    for said in (claims(2, root=twice), claims(2, content=twice), claims(2, order=Role(keys=(text,), threshold=2))):
        assert refusal(document(said, R1, R2)) == "root.form"
    assert len(Signers(keys=(R1.public_key(), R1.public_key())).ids) == 1


# -- wrong role


@pytest.mark.parametrize("keys", [(C1, O1), (C1, R1), (O1, R1)])
def test_keys_of_other_roles_sign_no_root(keys: Keys) -> None:
    assert refusal(document(claims(2), *keys)) == "root.signature"


def test_a_root_key_signs_no_list_and_no_order() -> None:
    listed = manifest.Manifest(version=1, expires=ENDS, tenant_id=1, app_id="app", avatars={})
    ordered = order.Order(
        verb="remove", id="order-0001", device_id="K1", tenant_id=1, app_id="app", issued=NOW, expires=ENDS
    )
    for key in (R1, O1):
        with pytest.raises(ManifestError, match="none of"):
            manifest.verify(manifest.sign(listed, key=key), keys=ONE.content.keys, now=NOW)
    for key in (R1, C1):
        with pytest.raises(OrderError, match="none of"):
            order.verify(order.sign(ordered, key=key), keys=ONE.order.keys, now=NOW)
    assert manifest.verify(manifest.sign(listed, key=C1), keys=ONE.content.keys, now=NOW) == listed
    assert order.verify(order.sign(ordered, key=O1), keys=ONE.order.keys, now=NOW) == ordered


@pytest.mark.parametrize("domain", [manifest.DOMAIN, order.DOMAIN, b""])
def test_what_root_keys_signed_as_something_else_is_no_root(domain: bytes) -> None:
    assert refusal(signed_as(msgspec.json.encode(claims(2)), R1, R2, domain=domain)) == "root.signature"


def test_another_kind_of_document_under_the_root_s_own_domain() -> None:
    assert refusal(document(claims(2, kind="avatar-content"))) == "root.form"


@pytest.mark.parametrize("name", ["content", "order"])
def test_a_root_key_is_kept_for_roots(name: str) -> None:
    assert refusal(document(claims(2, **{name: made(C2, R3)}))) == "root.form"


# -- mix and match


@pytest.mark.parametrize("change", [{"tenant_id": 2}, {"app_id": "another"}])
def test_another_application_s_root_does_not_follow(change: dict[str, Any]) -> None:
    """The same holders may sign for two applications; what they signed for one is nothing to the other."""
    assert refusal(document(claims(2, **change))) == "root.account"


def test_signatures_of_one_version_do_not_fit_another() -> None:
    good, bad = json.loads(document(claims(2))), json.loads(document(claims(2, content=made(THIEF)), THIEF))
    assert refusal(json.dumps({"payload": bad["payload"], "signatures": good["signatures"]}).encode()) == (
        "root.signature"
    )


# -- endless data, and nonsense


def test_too_long_too_many_too_deep() -> None:
    assert refusal(b" " * (subject.LONGEST + 1)) == "root.form"
    assert refusal(document(claims(2)) + b" " * subject.LONGEST) == "root.form"
    assert refusal(b'{"payload":' + b"[" * 10_000) == "root.form"
    assert refusal(signed_as(b"[" * 8_000, R1, R2)) == "root.form"
    crowd = [Ed25519PrivateKey.generate() for _ in range(17)]
    assert refusal(document(claims(2, content=made(*crowd)))) == "root.form"
    assert follow(ONE, document(claims(2, content=made(*crowd[:16])))).version == 2
    data = json.loads(document(claims(2)))
    data["signatures"] *= 9
    assert refusal(json.dumps(data).encode()) == "root.form"


def test_the_longest_that_is_allowed_fits() -> None:
    """Sixteen keys in each role, and as many holders as may be needed, old and new."""
    old, new = ([Ed25519PrivateKey.generate() for _ in range(16)] for _ in range(2))
    one = first(document(claims(root=made(*old, threshold=8), content=made(C1)), *old[:8]))
    others = [Ed25519PrivateKey.generate() for _ in range(16)]
    said = claims(
        2, root=made(*new, threshold=8), content=made(*others), order=made(*others), app_id="a" * 256, tenant_id=1
    )
    with pytest.raises(RootError) as caught:
        follow(one, document(said, *old[:8], *new[:8]))
    assert caught.value.code == "root.account", "it was read to its end"


WRONG = made(R4).keys[0]
X25519 = base64.b64encode(
    X25519PrivateKey.generate().public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
).decode()


@pytest.mark.parametrize(
    "change",
    [{"version": 0}, {"version": 1.5}, {"version": True}, {"version": 2**53 + 1}, {"expires": "2026-06-03T00:00:00"},
     {"expires": 5}, {"expires": "9999-12-31T23:59:59-14:00"}, {"tenant_id": "1"}, {"app_id": ""}, {"type": None},
     {"roles": {}}, {"roles": None},
     *({"roles": {"root": role}} for role in (
         {"keys": [], "threshold": 1}, {"keys": [WRONG], "threshold": 0}, {"keys": [WRONG], "threshold": -1},
         {"keys": [WRONG], "threshold": 2}, {"keys": [WRONG], "threshold": "1"}, {"keys": [WRONG]},
         {"keys": [WRONG[:-4]], "threshold": 1}, {"keys": [X25519], "threshold": 1}, {"keys": ["A" * 59 + "="],
         "threshold": 1}, {"keys": [WRONG + "\n"], "threshold": 1}, {"keys": [WRONG[:-1] + "A"], "threshold": 1},
         {"keys": {WRONG: 1}, "threshold": 1},
     ))],
)  # fmt: skip
def test_signed_nonsense_is_refused_too(change: dict[str, Any]) -> None:
    good = json.loads(msgspec.json.encode(claims(2)))
    roles = {**good["roles"], **change["roles"]} if change.get("roles") else change.get("roles", good["roles"])
    assert refusal(signed_as(json.dumps({**good, **change, "roles": roles}).encode(), R1, R2)) == "root.form"


def test_a_threshold_above_the_highest_is_refused_with_keys_enough() -> None:
    crowd = [Ed25519PrivateKey.generate() for _ in range(9)]
    assert refusal(document(claims(2, content=made(*crowd, threshold=9)))) == "root.form"
    assert follow(ONE, document(claims(2, content=made(*crowd, threshold=8)))).version == 2


def test_nothing_is_read_before_the_old_keys_have_signed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "_read", lambda *_: pytest.fail("read"))
    assert refusal(document(claims(2), R1, THIEF)) == "root.signature"


def test_no_changed_byte_passes() -> None:
    data = document(claims(2))
    said = follow(ONE, data).claims
    for place in range(len(data)):
        bad = bytearray(data)
        bad[place] ^= 1
        try:
            assert follow(ONE, bytes(bad)).claims == said
        except RootError:
            continue
    for length in range(0, len(data), 7):
        assert refusal(data[:length]) == "root.form"


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_any_bytes_are_refused_and_nothing_else_happens(data: bytes) -> None:
    assert refusal(data) in ("root.form", "root.signature")
    with pytest.raises(RootError):
        first(data)


def test_one_version_signed_again_is_the_same_document() -> None:
    assert first(document(claims(), R1, R2, R3)).digest == ONE.digest
    assert first(document(claims(expires=ENDS + timedelta(days=1)))).digest != ONE.digest


def test_who_has_signed_is_told_by_good_signatures_only() -> None:
    data = document(claims(2), R1, THIEF)
    assert subject.signed_by(data, ONE.root) == {key_id(R1.public_key())}
    assert unverified(data).version == 2
    assert subject.signed_by(b"none", ONE.root) == frozenset()


# -- what is left of what old keys signed


@pytest.mark.parametrize(
    ("now", "threshold", "stands"),
    [((C1,), 1, True), ((C1, C2), 1, True), ((C2,), 1, False), ((C1, C2), 2, False), ((C2, O1), 1, False)],
)
def test_what_counted_does_until_a_key_goes_or_more_are_needed(now: Keys, threshold: int, *, stands: bool) -> None:
    signers = Signers(keys=tuple(key.public_key() for key in now), threshold=threshold)
    assert signers.stand_by([key_id(C1.public_key())], threshold=1) is stands
    assert Signers(keys=signers.keys, threshold=1).stand_by(signers.ids, threshold=2), "fewer are needed"


def test_openssl_signs_two_by_the_page_s_own_words(tmp_path: Path) -> None:
    """The format is held to software that we did not write; the page's commands are run as they stand."""
    assert shutil.which("openssl"), "install openssl"
    (script,) = re.findall(r"```sh openssl\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    subprocess.run(["sh", "-euc", script], cwd=tmp_path, check=True, capture_output=True, timeout=60)
    one = first((tmp_path / "1.json").read_bytes())
    two = follow(one, (tmp_path / "2.json").read_bytes())
    assert (two.version, two.root.ids, two.order.ids) == (2, one.root.ids, one.order.ids)
    assert two.content.ids != one.content.ids
    assert (len(one.root.ids), one.root.threshold) == (3, 2)
    check_time(two, now=NOW)
