"""``avatar-agent harness serve --office``: a device with no access key, by hand, from the two files that it writes."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import httpx
import pytest

from device_agent.harness.serve import RunningHarness

from .commands import agent, package, start


@pytest.mark.parametrize("more", [(), ("--tls",)])
def test_a_life_with_what_the_command_wrote(tmp_path: Path, more: tuple[str, ...]) -> None:
    settings = tmp_path / "agent.toml"
    process = start("--avatar", str(package(tmp_path)), "--office", "--settings", str(settings), *more)
    try:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        written = tomllib.loads(settings.read_text())
        assert "access_key_id" not in written
        assert "access_key_secret" not in written
        enrolled = agent(tmp_path, "certs", "enroll")
        bound = agent(tmp_path, "bind")
        assert bound["phase"] == "bound"
        with httpx.Client(base_url=ready["admin_url"], verify=_trusting(ready)) as admin:
            (device,) = admin.get("/devices").json()
            assert device["device_id"] == enrolled["device_id"]
            assert admin.put(f"/devices/{device['device_id']}", json={"removed": True}).status_code == 200
            assert agent(tmp_path, "start", status=6)["code"] == "office.removed"
            admin.put(f"/devices/{device['device_id']}", json={"removed": False})
            agent(tmp_path, "start")
            agent(tmp_path, "unbind")
            assert admin.get("/seats").json() == []
            assert all(found["revoked"] for found in admin.get("/devices").json()[0]["certificates"])
            assert agent(tmp_path, "bind", status=6)["code"] == "office.refused", "the secret works once"
            secret = admin.post("/invitations", json={}).json()["enroll_secret"]
            settings.write_text(settings.read_text().replace(ready["enroll_secret"], secret))
            assert agent(tmp_path, "bind")["phase"] == "bound"
            assert admin.post("/invitations", json={"device": "x"}).status_code == 400
    finally:
        process.terminate()
        process.communicate(timeout=30)


def test_without_an_office_the_console_says_so(tmp_path: Path) -> None:
    with RunningHarness.start(avatars=[package(tmp_path)]) as running:
        answer = httpx.post(f"{running.ready.admin_url}/invitations", json={})
        assert answer.status_code == 404
        assert "--office" in answer.json()["error"]
        assert "est_url" not in json.loads(running.ready.line())


def _trusting(ready: dict[str, Any]) -> Any:
    import ssl

    return ssl.create_default_context(cafile=ready["ca_file"])
