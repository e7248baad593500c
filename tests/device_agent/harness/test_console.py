"""The console: what can be ordered over HTTP, and who may."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from certs.license import License


def test_reset_forgets_what_happened_and_keeps_what_was_set_up(device: Any) -> None:
    device.call("ClientAuth")
    device.order("POST", "/faults", {"kind": "http_500", "on": "ClientStart", "times": None})
    device.order("PUT", "/rules", {"repeat": "counted"})
    device.order("POST", "/time", {"move": 3600})
    assert device.order("POST", "/reset").status_code == 200
    assert device.order("GET", "/seats").json() == []
    assert device.order("GET", "/calls").json() == []
    assert device.order("GET", "/rules").json()["repeat"] == "free"
    assert device.world.clock.now() == device.time.at
    assert device.code("ClientAuth") == "0"
    assert device.code("ClientStart") == "0"
    assert device.order("GET", "/avatars").json() == ["CH_3d_tiny"]


def test_calls_are_kept_with_secrets_masked(device: Any) -> None:
    device.call("ClientAuth", DeviceInfo='{"model":"x"}')
    device.send(device.request("LicenseAuth", device.parameters("LicenseAuth"), secret="wrong"))
    first, second = device.order("GET", "/calls").json()
    assert first["operation"] == "ClientAuth"
    assert (first["outcome"], first["status"], first["signature"]) == ("0", 200, "ACS3")
    assert first["parameters"]["License"] == "<hidden>"
    assert first["parameters"]["DeviceId"] == "device-1"
    assert first["access_key_id"] == device.world.household.access_key_id
    assert (second["outcome"], second["status"], second.get("access_key_id", "")) == ("SignatureDoesNotMatch", 400, "")
    text = device.order("GET", "/calls").text
    licence = device.license.reveal()
    for secret in (licence[:100], licence[-100:], device.world.household.access_key_secret):
        assert secret not in text
    later = device.order("GET", f"/calls?since={first['sequence']}").json()
    assert [call["sequence"] for call in later] == [second["sequence"]]
    assert len(device.order("GET", "/calls?operation=LicenseAuth").json()) == 1


def test_rpc_signatures_are_masked_too(device: Any) -> None:
    device.send(httpx.Request("POST", "http://harness.test/?Action=ClientStart&Signature=c2VjcmV0&SecurityToken=tok"))
    (call,) = device.order("GET", "/calls").json()
    assert (call["parameters"]["Signature"], call["parameters"]["SecurityToken"]) == ("<hidden>", "<hidden>")


def test_a_licence_is_issued_as_a_private_file(device: Any) -> None:
    issued = device.order("POST", "/licenses", {"seats": 1, "app_id": "NEW"}).json()
    file = Path(issued["license_file"])
    assert file.stat().st_mode & 0o777 == 0o600
    licence = License.load(file)
    assert (licence.app_id, licence.tenant_id) == ("NEW", device.world.household.tenant_id)
    assert device.code("ClientAuth", AppId="NEW", License=licence.reveal()) == "0"
    listed = device.order("GET", "/licenses").json()
    assert [(x["app_id"], x["seats"], x["taken"]) for x in listed] == [
        (device.world.household.app_id, 2, 0),
        ("NEW", 1, 1),
    ]
    assert licence.reveal()[:64] not in device.order("GET", "/licenses").text


def test_a_licence_can_end(device: Any) -> None:
    assert device.order("PUT", "/licenses/1", {"state": "expired"}).status_code == 200
    assert device.code("ClientAuth") == "10020001"
    assert device.order("PUT", "/licenses/9", {"state": "expired"}).status_code == 404
    assert device.order("PUT", "/licenses/1", {"state": "lost"}).status_code == 400


def test_an_avatar_is_added_from_a_file(device: Any, tmp_path: Path) -> None:
    folder = tmp_path / "second"
    folder.mkdir()
    for name, data in {"character.glb": b"x", "character.config.json": b"{}"}.items():
        (folder / name).write_bytes(data)
    assert device.order("POST", "/avatars", {"path": str(folder)}).json() == {"code": "CH_3d_second"}
    data = json.loads(device.call("Render3dAvatar", Code="CH_3d_second")["Data"]["RenderData"])
    assert device.get(data["url"]).status_code == 200
    broken = device.order("POST", "/avatars", {"path": str(tmp_path / "nothing.glb")})
    assert (broken.status_code, "nothing.glb" in broken.json()["error"]) == (400, True)
    assert device.order("GET", "/avatars").json() == ["CH_3d_tiny", "CH_3d_second"]


def test_time_moves_for_requests_too(device: Any) -> None:
    assert device.order("POST", "/time", {"move": 901}).json()["now"] == device.time.at + 901
    assert device.code("LicenseAuth") == "InvalidTimeStamp.Expired"


def test_a_snapshot_is_gone_back_to(device: Any) -> None:
    device.call("ClientAuth", DeviceId="before")
    device.order("POST", "/time", {"move": 60})
    assert device.order("PUT", "/snapshots/one").status_code == 200
    first = device.call("LicenseAuth")["RequestId"]
    device.call("ClientUnbindDevice", DeviceId="before")
    device.call("ClientAuth", DeviceId="after")
    device.order("POST", "/time", {"move": 60})
    device.order("PUT", "/rules", {"repeat": "counted"})
    issued = device.order("POST", "/licenses", {"seats": 1, "app_id": "NEW"}).json()
    assert json.loads(device.call("Render3dAvatar")["Data"]["RenderData"])["version"] == 1
    assert device.order("POST", "/snapshots/one").status_code == 200
    assert [seat["device_id"] for seat in device.order("GET", "/seats").json()] == ["before"]
    assert device.world.clock.now() == device.time.at + 60
    assert device.order("GET", "/rules").json()["repeat"] == "free"
    assert issued["license_id"] not in [row["license_id"] for row in device.order("GET", "/licenses").json()]
    assert device.call("LicenseAuth")["RequestId"] != first
    assert json.loads(device.call("Render3dAvatar")["Data"]["RenderData"])["version"] == 1  # made after the snapshot
    assert device.order("GET", "/snapshots").json() == ["one"]
    assert device.order("POST", "/snapshots/two").status_code == 404


def test_rules_are_changed_one_by_one(device: Any) -> None:
    assert device.order("PUT", "/rules", {"full_code": "X"}).json()["full_code"] == "X"
    changed = device.order("PUT", "/rules", {"repeat": "counted"}).json()
    assert (changed["repeat"], changed["full_code"], changed["after_unbind"]) == ("counted", "X", "allowed")
    for wrong in ({"repeat": "maybe"}, {"other": 1}, [1]):
        assert device.order("PUT", "/rules", wrong).status_code == 400
    assert device.order("GET", "/rules").json() == changed


def test_the_same_seed_gives_the_same_ids(device: Any) -> None:
    def ids() -> list[str]:
        device.order("POST", "/seed", {"seed": "s"})
        return [device.call("LicenseAuth")["Data"]["Token"], device.call("ClientStart")["RequestId"]]

    assert ids() == ids()


@pytest.mark.parametrize("path", ["/nothing", "", "/faults/x"])
def test_what_is_not_there(device: Any, path: str) -> None:
    assert device.order("GET", path).status_code in (404, 405)


def test_a_wrong_method_or_a_wrong_body(device: Any) -> None:
    assert device.order("DELETE", "/seats").status_code == 405
    for body in (b"", b"{", b"[]", b"\xff", b'{"move":"x"}', b'{"move":1e400}', b"[" * 100_000):
        request = httpx.Request("POST", "http://localhost/_harness/time", content=body)
        assert device.send(request).status_code == 400, body[:20]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "localhost"}, 200),
        ({"host": "localhost:1234"}, 200),
        ({"host": "127.0.0.1:80"}, 200),
        ({"host": "127.8.9.10"}, 200),
        ({"host": "[::1]:80"}, 200),
        ({"host": "evil.example"}, 403),
        ({"host": "localhost.evil.example"}, 403),
        ({"host": "127.0.0.1.evil.example"}, 403),
        ({"host": "192.168.1.5"}, 403),
        ({"host": "[::1"}, 403),
        ({"host": "localhost", "origin": "http://evil.example"}, 403),
        ({"host": "localhost", "origin": "null"}, 403),
        ({"host": "localhost", "origin": "http://localhost:3000"}, 200),
    ],
)
def test_only_this_machine_reaches_the_console(device: Any, headers: dict[str, str], status: int) -> None:
    response = device.send(httpx.Request("GET", "http://localhost/_harness/seats", headers=headers))
    assert response.status_code == status
    assert response.headers["date"] == "Mon, 21 Sep 2026 14:13:20 GMT"
