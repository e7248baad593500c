"""Device ids: stable across images, different between machines, tenants and applications."""

from __future__ import annotations

import base64
import hashlib
import hmac
from pathlib import Path

import pytest

from device_agent.errors import ConfigurationError
from device_agent.lifecycle.identity import Hardware, derive, identify, is_junk


def hardware(tmp_path: Path, serial: bytes | None, *, random: bytes = b"r" * 16) -> Hardware:
    path = tmp_path / "serial"
    if serial is not None:
        path.write_bytes(serial)
    return Hardware(serial_files=[tmp_path / "missing", path], random_bytes=lambda n: random[:n])


def device_id(tmp_path: Path, serial: bytes | None, *, tenant: int = 1, app: str = "a", assigned: str = "") -> str:
    return identify(assigned, tenant_id=tenant, app_id=app, hardware=hardware(tmp_path, serial)).device_id


def test_the_rule() -> None:
    digest = hmac.new(b"avatar-agent-id-v1\x0042\x00app", b"root", hashlib.sha256).digest()
    assert derive(b"root", tenant_id=42, app_id="app") == base64.b32encode(digest).decode()[:26]


def test_a_board_serial_gives_the_same_id_every_time(tmp_path: Path) -> None:
    first = device_id(tmp_path, b"4C4C4544-0042-3510\n")
    assert first == device_id(tmp_path, b"4C4C4544-0042-3510\0")
    assert len(first) == 26
    others = {
        device_id(tmp_path, b"4C4C4544-0042-3511"),
        device_id(tmp_path, b"4C4C4544-0042-3510", tenant=2),
        device_id(tmp_path, b"4C4C4544-0042-3510", app="b"),
    }
    assert len(others | {first}) == 4
    assert "4C4C4544" not in first


@pytest.mark.parametrize(
    "serial",
    [b"", b"0" * 20, b"ffffffff-ffff-ffff-ffff-ffffffffffff", b"Default string", b"To be filled by O.E.M.\n", None,
     b"03000200-0400-0500-0006-000700080009", b"Not Specified", b"\xff\xff"],
)  # fmt: skip
def test_a_serial_that_many_machines_share_is_not_believed(tmp_path: Path, serial: bytes | None) -> None:
    identity = identify("", tenant_id=1, app_id="a", hardware=hardware(tmp_path, serial))
    assert identity.source == "random"
    assert identity.device_id == derive(b"r" * 16, tenant_id=1, app_id="a")


def test_real_serials_are_believed() -> None:
    assert not any(map(is_junk, ["10000000a3b2c1d0", "VMware-56 4d a1", "c0ffee"]))


def test_the_operator_s_word_comes_first(tmp_path: Path) -> None:
    identity = identify("kiosk-7", tenant_id=1, app_id="a", hardware=hardware(tmp_path, b"serial-1"))
    assert (identity.device_id, identity.source) == ("kiosk-7", "assigned")
    for wrong in ("a b", "ä", "x" * 65, "a\n"):
        with pytest.raises(ConfigurationError):
            identify(wrong, tenant_id=1, app_id="a", hardware=hardware(tmp_path, b"serial-1"))
