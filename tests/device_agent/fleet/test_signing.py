"""What headquarters signs is what devices read."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from certs import manifest, order
from device_agent.errors import ConfigurationError, UsageError
from device_agent.fleet.signing import content, end, look, removals, sign_too

NOW = datetime(2026, 6, 1, 12, 30, 15, 999, tzinfo=UTC)
KEY, OTHER = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
ENDS = end("7d", now=NOW)
KEYS = [KEY.public_key(), OTHER.public_key()]


@pytest.mark.parametrize(
    ("text", "moment"),
    [("12h", NOW + timedelta(hours=12)), ("7d", NOW + timedelta(days=7)), ("4w", NOW + timedelta(weeks=4)),
     ("2027-01-31T00:00:00Z", datetime(2027, 1, 31, tzinfo=UTC)),
     ("2027-01-31T08:00:00+08:00", datetime(2027, 1, 31, tzinfo=UTC))],
)  # fmt: skip
def test_an_end(text: str, moment: datetime) -> None:
    assert end(text, now=NOW) == moment.replace(microsecond=0)


@pytest.mark.parametrize("text", ["", "7", "0d", "-1d", "2020-01-01T00:00:00Z", "2027-01-31T00:00:00", "99999w",
                                  "9999-12-31T23:59:59-14:00"])  # fmt: skip
def test_no_end(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        end(text, now=NOW)
    assert caught.value.code == "usage.expires"


def test_orders_are_good_for_their_devices_and_differ(tmp_path: Path) -> None:
    ids = iter(["order-0001", "order-0002"])
    found = removals(["A", "B/C"], tenant_id=1, app_id="app", now=NOW, expires=ENDS, key=KEY, new_id=lambda: next(ids))
    for device_id, data in found.items():
        said = order.verify(data, keys=KEYS, now=NOW)
        order.meant_for(said, device_id=device_id, tenant_id=1, app_id="app")
    with pytest.raises(UsageError):
        removals([""], tenant_id=1, app_id="app", now=NOW, expires=NOW, key=KEY, new_id=lambda: "x")


def test_a_list_of_files(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"sealed" * 1000)
    _, data = content({"CH": tmp_path / "a.zip"}, version=3, tenant_id=1, app_id="app", expires=ENDS, key=KEY)
    said = manifest.verify(data, keys=KEYS, now=NOW)
    assert said.avatars["CH"].sha256 == hashlib.sha256(b"sealed" * 1000).hexdigest()
    assert (said.avatars["CH"].size, said.version) == (6000, 3)
    (tmp_path / "empty.zip").touch()
    for name in ("empty.zip", "none.zip", "."):
        with pytest.raises(ConfigurationError) as caught:
            content({"CH": tmp_path / name}, version=1, tenant_id=1, app_id="a", expires=NOW, key=KEY)
        assert caught.value.code == "fleet.file"


def test_a_second_signature_on_either_kind(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"sealed")
    _, listed = content({"CH": tmp_path / "a.zip"}, version=3, tenant_id=1, app_id="a", expires=ENDS, key=KEY)
    ordered = removals(["A"], tenant_id=1, app_id="a", now=NOW, expires=ENDS, key=KEY,
                       new_id=lambda: "order-0001")["A"]  # fmt: skip
    found = look(listed, where="m")
    assert (found.kind, found.says["version"], len(found.signers)) == ("manifest", 3, 1)
    manifest.verify(sign_too(listed, found, key=OTHER, where="m"), keys=KEYS, now=NOW, threshold=2)
    found = look(ordered + b"\n", where="o")
    assert (found.kind, found.says["device_id"]) == ("order", "A")
    order.verify(sign_too(ordered + b"\n", found, key=OTHER, where="o"), keys=KEYS, now=NOW, threshold=2)


@pytest.mark.parametrize("data", [b"", b"{}", b"\xff", b"[" * 5000])
def test_what_is_neither(data: bytes) -> None:
    with pytest.raises(ConfigurationError) as caught:
        look(data, where="x")
    assert (caught.value.code, caught.value.where) == ("fleet.document", "x")


def test_a_list_for_a_part_of_the_fleet(tmp_path: Path) -> None:
    (tmp_path / "new.zip").write_bytes(b"new")
    (tmp_path / "old.zip").write_bytes(b"older")
    _, data = content(
        {"CH": tmp_path / "new.zip"}, rollouts={"CH": (0.25, tmp_path / "old.zip")}, version=3, tenant_id=1, app_id="a",
        expires=ENDS, key=KEY,
    )  # fmt: skip
    (one,) = manifest.verify(data, keys=KEYS, now=NOW).avatars.values()
    assert one.before is not None
    assert (one.size, one.rollout, one.before.size) == (3, 0.25, 5)


def test_the_form_of_one_kind_with_another_s_name_is_neither() -> None:
    """Whoever signs it would sign as an order what says that it is none."""
    said = order.Order(
        verb="remove", id="order-0001", device_id="A", tenant_id=1, app_id="app", issued=NOW, expires=ENDS,
        kind="device-something",
    )  # fmt: skip
    with pytest.raises(ConfigurationError) as caught:
        look(order.sign(said, key=KEY), where="x")
    assert caught.value.code == "fleet.document"
