"""Roots as headquarters makes them are roots that devices follow; what they would refuse is not made."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from certs import root as form
from certs.errors import RootError
from certs.root import Roles, role
from certs.signed import key_id
from device_agent.errors import ConfigurationError, UsageError
from device_agent.fleet.roots import following, new, role_of, standing
from device_agent.fleet.signing import look, sign_too
from device_agent.harness.signing_key import public_pem

ENDS = datetime(2027, 6, 1, tzinfo=UTC)
R1, R2, R3, C, O = (Ed25519PrivateKey.generate() for _ in range(5))  # noqa: E741 -- as the others


def roles(**changes: Any) -> Roles:
    facts = {"root": made(R1, R2, threshold=2), "content": made(C), "order": made(O)}
    return Roles(**{**facts, **changes})


def made(*keys: Ed25519PrivateKey, threshold: int = 1) -> Any:
    return role([key.public_key() for key in keys], threshold=threshold)


def first(**changes: Any) -> bytes:
    return new(roles(**changes), tenant_id=1, app_id="app", expires=ENDS, key=R1)


def also(document: bytes, key: Ed25519PrivateKey) -> bytes:
    return sign_too(document, look(document, where="x"), key=key, where="x")


def test_holders_sign_one_after_another_until_it_is_complete() -> None:
    one = first()
    found = standing(one, before=None, where="1.json")
    assert (found.own.missing, found.is_complete) == (1, False)
    with pytest.raises(RootError):
        following(one, {}, expires=ENDS, key=R1)
    one = also(one, R2)
    assert standing(one, before=None, where="1.json").is_complete
    two = following(one, {"root": made(R2, R3, threshold=2)}, expires=ENDS + timedelta(days=1), key=R1)
    found = standing(two, before=one, where="2.json")
    assert found.before is not None
    assert (found.own.missing, found.before.missing, found.problem) == (2, 1, "")
    two = also(two, R2)
    found = standing(two, before=one, where="2.json")
    assert found.before is not None
    assert (found.own.missing, found.before.missing, found.is_complete) == (1, 0, False)
    two = also(two, R3)
    assert standing(two, before=one, where="2.json").is_complete
    assert not standing(two, before=None, where="2.json").is_complete, "nobody has looked at the version before"
    followed = form.follow(form.first(one), two)
    assert followed.content.ids == (key_id(C.public_key()),), "what was not changed stays"


def test_what_does_not_follow_is_told() -> None:
    one = also(first(), R2)
    assert "next one is 2" in standing(one, before=one, where="1.json").problem
    stranger = new(roles(root=made(R3)), tenant_id=1, app_id="app", expires=ENDS, key=R3)
    assert "after version 1 comes 2" in standing(stranger, before=one, where="x").problem
    assert not standing(stranger, before=one, where="x").is_complete
    other = following(also(new(roles(), tenant_id=2, app_id="app", expires=ENDS, key=R1), R2), {}, expires=ENDS, key=R1)
    assert "another application" in standing(also(other, R2), before=one, where="x").problem


def test_what_devices_would_refuse_is_not_made() -> None:
    crowd = made(*(Ed25519PrivateKey.generate() for _ in range(17)))
    for change, says in (
        ({"content": made(C, threshold=2)}, "2 content keys"),
        ({"order": made(R1)}, "root key signs something else"),
        ({"content": crowd}, "refuse"),
        ({"content": made(C, O, R3, threshold=9)}, "9 content keys"),
    ):
        with pytest.raises(UsageError, match=says) as caught:
            first(**change)
        assert caught.value.code == "usage.root"


def test_keys_from_files(tmp_path: Path) -> None:
    (tmp_path / "both.pub").write_bytes(public_pem(R1) + public_pem(R2))
    (tmp_path / "again.pub").write_bytes(public_pem(R2))
    assert role_of([tmp_path / "both.pub", tmp_path / "again.pub"], threshold=2) == made(R1, R2, threshold=2)
    (tmp_path / "none.pub").write_bytes(b"none")
    for name in ("none.pub", "absent.pub"):
        with pytest.raises(ConfigurationError) as caught:
            role_of([tmp_path / name], threshold=1)
        assert caught.value.code in ("fleet.key", "fleet.file")


def test_who_signs_sees_what_and_whether_it_is_his_to_sign() -> None:
    found = look(first(), where="1.json")
    assert (found.kind, found.says["version"], found.holders) == (
        "root", 1, tuple(sorted(key_id(key.public_key()) for key in (R1, R2))),
    )  # fmt: skip
    said = found.says["roles"]
    assert isinstance(said, dict)
    assert said["content"] == {"needs": "1 of 1", "keys": key_id(C.public_key())}
