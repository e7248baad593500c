"""The commands of a device whose secrets are sealed to a TPM, each a process of its own."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from certs.identity import Identity
from device_agent.harness.enrolment.server import open_office
from device_agent.harness.packages.source import PackageSource
from device_agent.harness.serve import RunningHarness
from tests.commands import avatar_agent

FILES = {"character.glb": b"x" * 1000, "character.config.json": b"{}"}
PHRASE = "correct horse"


class Desk:
    """A managed device's folder, and commands in it."""

    def __init__(self, folder: Path, settings: dict[str, str]) -> None:
        self.folder, self.settings = folder, settings

    def run(self, *arguments: str, status: int = 0, **without: None) -> Any:
        done = self._done(arguments, without)
        assert done.returncode == status, done.stderr + done.stdout
        assert "Traceback" not in done.stderr
        return json.loads(done.stdout)

    def doctor(self, check: str, **without: None) -> dict[str, dict[str, str]]:
        """Findings of one check by level."""
        found = json.loads(self._done(("doctor", "--offline"), without).stdout)["findings"]
        return {finding["level"]: finding for finding in found if finding["check"] == check}

    def _done(self, arguments: tuple[str, ...], without: Mapping[str, None]) -> Any:
        config = self.folder / "agent.toml"
        config.touch(mode=0o600)
        settings = {name: value for name, value in self.settings.items() if name not in without}
        config.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in settings.items()))
        environ = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "AVATAR_AGENT_CONFIG": str(config)}
        return avatar_agent(*arguments, "--json", environ=environ)


@pytest.fixture
def desk(tmp_path: Path, new_tpm: Callable[[], Path]) -> Iterator[Desk]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    package = PackageSource(code="CH_3d_test", name="test", read=lambda: FILES)
    with (
        RunningHarness.start(avatars=[package], seats=1, keys=lambda: key) as harness,
        open_office(harness, tmp_path / "office") as office,
    ):
        yield Desk(
            tmp_path,
            {
                "endpoint": harness.ready.endpoint, "license_file": harness.ready.license_file, "device_id": "kiosk-1",
                "enroll_url": office.est_url, "broker_url": office.broker_url, "ca_file": str(office.ca_file),
                "enroll_secret": office.office.invite("kiosk-1"), "tpm": str(new_tpm()),
                "state_dir": str(tmp_path / "state"), "cache_dir": str(tmp_path / "cache"),
            },
        )  # fmt: skip


def test_what_the_commands_say_of_a_sealed_device(desk: Desk) -> None:
    desk.run("bind", tpm=None)
    assert desk.run("status", tpm=None)["secrets"] == "in files"
    (shown,) = desk.run("certs", "show", tpm=None)["certificates"]
    assert shown["key"] == "in a file"
    told = desk.doctor("secrets", tpm=None)["warning"]
    assert "whoever has the disk" in told["says"]
    assert told["fix"]
    told = desk.doctor("secrets")["warning"]
    assert "start" in told["fix"], "the TPM is named, and nothing was sealed yet"

    steps = desk.run("start")["steps"]
    assert steps[0]["step"] == "storage key"
    assert desk.run("status")["secrets"] == "sealed to the TPM"
    (shown,) = desk.run("certs", "show")["certificates"]
    assert shown["key"] == "sealed to the TPM"
    found = desk.doctor("secrets")
    assert "sealed to the TPM" in found["ok"]["says"]
    assert "license_file" in found["warning"]["fix"], "the licence as it was downloaded is still there"
    assert set(desk.doctor("secrets", license_file=None)) == {"ok"}
    assert set(desk.doctor("licence", license_file=None)) == {"ok"}, "the sealed copy serves"
    assert desk.run("certs", "renew", "--force")["renewed"]

    told = desk.run("start", status=3, tpm=None)
    assert told["code"] == "identity.tpm_unset"
    assert told["hint"]
    assert desk.doctor("secrets", tpm=None)["bad"]["fix"]
    assert desk.run("certs", "show", tpm=None)["certificates"], "asks nobody, the TPM neither"
    assert desk.run("unbind")["phase"] == "decommissioned"
    assert desk.run("status")["secrets"] == "in files"


def test_a_sealed_key_can_be_taken_out_on_an_operator_s_word(desk: Desk) -> None:
    desk.run("bind")
    phrase, out = desk.folder / "phrase", desk.folder / "out.p12"
    phrase.touch(mode=0o600)
    phrase.write_text(PHRASE)
    fingerprint = desk.run("certs", "export", str(out), "--pass-file", str(phrase))["fingerprint"]
    assert Identity.from_pkcs12(out.read_bytes(), password=PHRASE.encode()).fingerprint == fingerprint
    desk.run("certs", "import", str(out), "--pass-file", str(phrase))
    assert {found["key"] for found in desk.run("certs", "show")["certificates"]} == {"sealed to the TPM"}
