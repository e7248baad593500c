"""The commands around the device's certificate, each a process of its own."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from device_agent.harness.enrolment.server import open_office
from device_agent.harness.packages.source import PackageSource
from device_agent.harness.serve import RunningHarness
from tests.commands import avatar_agent

FILES = {"character.glb": b"x" * 1000, "character.config.json": b"{}"}


def run(folder: Path, *arguments: str, status: int = 0) -> dict[str, Any]:
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "AVATAR_AGENT_CONFIG": str(folder / "agent.toml")}
    done = avatar_agent(*arguments, "--json", environ=environ)
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize("license_bits", [2048])
def test_enroll_bind_renew_show_unbind_without_an_access_key(tmp_path: Path, license_bits: int) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=license_bits)
    package = PackageSource(code="CH_3d_test", name="test", read=lambda: FILES)
    with (
        RunningHarness.start(avatars=[package], seats=1, keys=lambda: key) as harness,
        open_office(harness, tmp_path / "office") as office,
    ):
        settings = {
            "endpoint": harness.ready.endpoint, "license_file": harness.ready.license_file, "device_id": "kiosk-1",
            "enroll_url": office.est_url, "broker_url": office.broker_url, "ca_file": str(office.ca_file),
            "enroll_secret": office.office.invite("kiosk-1"),
            "state_dir": str(tmp_path / "state"), "cache_dir": str(tmp_path / "cache"),
        }  # fmt: skip
        config = tmp_path / "agent.toml"
        config.touch(mode=0o600)
        config.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in settings.items()))
        assert run(tmp_path, "certs", "show")["certificates"] == []
        first = run(tmp_path, "certs", "enroll")
        assert first["device_id"] == "kiosk-1"
        assert run(tmp_path, "bind")["phase"] == "bound"
        assert run(tmp_path, "certs", "renew")["renewed"] is None
        second = run(tmp_path, "certs", "renew", "--force")["renewed"]
        assert second not in (None, first["fingerprint"])
        (shown,) = (found for found in run(tmp_path, "certs", "show")["certificates"] if found["in_use"])
        assert (shown["fingerprint"], shown["has_worked"], shown["subject"]) == (second, True, "CN=kiosk-1")
        assert run(tmp_path, "unbind")["phase"] == "decommissioned"
        assert harness.seats() == []
        assert len(office.office.authority.revoked) == 2
        assert run(tmp_path, "certs", "show")["certificates"] == []
        assert run(tmp_path, "certs", "renew", status=3)["code"] == "office.no_certificate"
