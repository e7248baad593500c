"""`certs import` and `certs export`, each a process of its own, held to the openssl command in both directions."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from certs.authority import Authority
from certs.identity import Identity, new_key, request
from certs.purpose import Purpose
from device_agent.harness.enrolment.server import Enrolment, open_office
from device_agent.harness.packages.source import PackageSource
from device_agent.harness.serve import RunningHarness
from tests.commands import avatar_agent

PHRASE = "p4ss phrase ü"
openssl_needed = pytest.mark.skipif(not shutil.which("openssl"), reason="the openssl command is not installed")


class Desk:
    """A device's folders, its commands, and the office it belongs to."""

    def __init__(self, folder: Path, harness: RunningHarness, office: Enrolment) -> None:
        self.folder, self.office = folder, office
        self.settings = {
            "endpoint": harness.ready.endpoint, "license_file": harness.ready.license_file, "device_id": "kiosk-1",
            "broker_url": office.broker_url, "ca_file": str(office.ca_file),
            "state_dir": str(folder / "state"), "cache_dir": str(folder / "cache"),
        }  # fmt: skip
        self.phrase_file = folder / "phrase"
        self.phrase_file.touch(mode=0o600)
        self.phrase_file.write_text(PHRASE + "\n", encoding="utf-8")

    def run(self, *arguments: str, status: int = 0, stdin: str = "") -> dict[str, Any]:
        config = self.folder / "agent.toml"
        config.touch(mode=0o600)
        config.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in self.settings.items()))
        environ = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "AVATAR_AGENT_CONFIG": str(config)}
        done = avatar_agent("certs", *arguments, "--json", environ=environ, stdin=stdin)
        assert done.returncode == status, done.stderr
        assert PHRASE not in done.stdout + done.stderr
        assert "PRIVATE KEY" not in done.stdout + done.stderr
        return dict(json.loads(done.stdout))

    def made_elsewhere(
        self, *, device_id: str = "kiosk-1", authority: Authority | None = None, **more: Any
    ) -> Identity:
        authority = authority or self.office.office.authority
        key, now = new_key(), more.pop("now", datetime.now(UTC))
        asked = request(key, device_id=device_id)
        chain = authority.issue_from(asked, now=now, lifetime=more.pop("lifetime", timedelta(days=30)))
        return Identity(key=key, chain=[*chain, authority.certificate])

    def put(self, identity: Identity, name: str = "theirs.p12") -> str:
        path = self.folder / name
        path.write_bytes(identity.to_pkcs12(password=PHRASE.encode(), name="x"))
        return str(path)


@pytest.fixture(scope="module")
def platform() -> Iterator[RunningHarness]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    package = PackageSource(code="CH_3d_test", name="test", read=lambda: {"character.glb": b"x"})
    with RunningHarness.start(avatars=[package], seats=1, keys=lambda: key) as harness:
        yield harness


@pytest.fixture
def desk(platform: RunningHarness, tmp_path: Path) -> Iterator[Desk]:
    with open_office(platform, tmp_path / "office") as office:
        yield Desk(tmp_path, platform, office)


@openssl_needed
def test_what_openssl_made_is_imported_and_opens_the_broker(desk: Desk) -> None:
    identity = desk.made_elsewhere()
    (desk.folder / "key.pem").write_bytes(identity.key_pem())
    (desk.folder / "chain.pem").write_bytes(identity.chain_pem())
    subprocess.run(
        ["openssl", "pkcs12", "-export", "-inkey", "key.pem", "-in", "chain.pem", "-out", "theirs.p12",
         "-passout", "file:phrase"],
        check=True, cwd=desk.folder,
    )  # fmt: skip
    done = desk.run("import", str(desk.folder / "theirs.p12"), "--pass-file", str(desk.phrase_file))
    assert done["fingerprint"] == identity.fingerprint
    assert done["has_worked"] is True, "the broker was asked"
    assert done["device_id"] == "kiosk-1"
    (shown,) = desk.run("show")["certificates"]
    assert (shown["fingerprint"], shown["in_use"], shown["has_worked"]) == (identity.fingerprint, True, True)


@openssl_needed
def test_what_is_exported_openssl_opens(desk: Desk) -> None:
    identity = desk.made_elsewhere()
    desk.run("import", desk.put(identity), "--pass-file", "-", stdin=PHRASE + "\n")
    out = desk.folder / "ours.p12"
    assert desk.run("export", str(out), "--pass-file", str(desk.phrase_file))["fingerprint"] == identity.fingerprint
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    shown = subprocess.run(
        ["openssl", "pkcs12", "-in", str(out), "-nodes", "-passin", f"file:{desk.phrase_file}"],
        capture_output=True, check=True,
    ).stdout  # fmt: skip
    again = Identity.from_pem(shown, shown)
    assert again.key.private_numbers() == identity.key.private_numbers()
    assert again.chain == identity.chain
    facts = subprocess.run(
        ["openssl", "pkcs12", "-in", str(out), "-info", "-noout", "-passin", f"file:{desk.phrase_file}"],
        capture_output=True, check=True, text=True,
    ).stderr  # fmt: skip
    assert "AES-256-CBC" in facts
    assert "RC2" not in facts
    assert desk.run("export", str(out), "--pass-file", str(desk.phrase_file), status=3)["code"] == "certs.file"


def test_a_pass_phrase_never_comes_from_the_command_line(desk: Desk) -> None:
    bundle = desk.put(desk.made_elsewhere())
    assert desk.run("import", bundle, status=2)["code"] == "usage.passphrase"
    assert desk.run("import", bundle, "--pass-file", "-", status=2)["code"] == "usage.passphrase"
    desk.phrase_file.chmod(0o644)
    assert desk.run("import", bundle, "--pass-file", str(desk.phrase_file), status=3)["code"] == "file.mode"
    wrong = desk.run("import", bundle, "--pass-file", "-", stdin="wrong\n", status=3)
    assert wrong["code"] == "identity.password"
    assert desk.run("show")["certificates"] == []


def test_certificates_that_are_not_this_device_s_are_not_taken(desk: Desk) -> None:
    root = desk.office.office.authority
    server_key = new_key()
    server = root.issue(
        server_key.public_key(), subject="kiosk-1", purpose=Purpose.SERVER, now=datetime.now(UTC),
        lifetime=timedelta(days=1),
    )  # fmt: skip
    long_ago = datetime.now(UTC) - timedelta(days=3)
    old_root = Authority.create(name="old", now=long_ago, lifetime=timedelta(days=900))
    for code, identity in (
        ("trust.name", desk.made_elsewhere(device_id="kiosk-2")),
        ("trust.purpose", Identity(key=server_key, chain=server)),
        ("trust.expired", desk.made_elsewhere(authority=old_root, now=long_ago, lifetime=timedelta(days=2))),
    ):
        done = desk.run("import", desk.put(identity), "--pass-file", str(desk.phrase_file), status=3)
        assert done["code"] == code
        assert "of device kiosk-1" in done["hint"]
    assert desk.run("show")["certificates"] == []
    (desk.folder / "text.p12").write_text("no PKCS#12")
    done = desk.run("import", str(desk.folder / "text.p12"), "--pass-file", str(desk.phrase_file), status=3)
    assert done["code"] == "identity.pkcs12"
    assert desk.run("export", str(desk.folder / "out.p12"), status=3)["code"] == "office.no_certificate"


def test_a_certificate_that_the_broker_refuses_is_put_back(desk: Desk) -> None:
    good, stranger = (
        desk.made_elsewhere(),
        Authority.create(name="stranger", now=datetime.now(UTC), lifetime=timedelta(days=90)),
    )
    desk.run("import", desk.put(good), "--pass-file", str(desk.phrase_file))
    bad = desk.put(desk.made_elsewhere(authority=stranger), "bad.p12")
    desk.run("import", bad, "--pass-file", str(desk.phrase_file), status=5)
    (used,) = (found for found in desk.run("show")["certificates"] if found["in_use"])
    assert used["fingerprint"] == good.fingerprint
    out = desk.folder / "out.p12"
    desk.run("export", str(out), "--pass-file", str(desk.phrase_file))
    again = Identity.from_pkcs12(out.read_bytes(), password=PHRASE.encode())
    assert again.fingerprint == good.fingerprint
    assert isinstance(again.certificate, x509.Certificate)


def test_without_an_office_nothing_is_said_to_have_worked(desk: Desk) -> None:
    del desk.settings["broker_url"]
    first, second = desk.made_elsewhere(), desk.made_elsewhere()
    assert desk.run("import", desk.put(first), "--pass-file", str(desk.phrase_file))["has_worked"] is False
    assert desk.run("import", desk.put(second), "--pass-file", str(desk.phrase_file))["has_worked"] is False
    shown = {found["fingerprint"]: found["in_use"] for found in desk.run("show")["certificates"]}
    assert shown == {first.fingerprint: False, second.fingerprint: True}, "the older one stays to fall back to"


def test_a_version_that_the_disk_has_damaged_hides_no_other(desk: Desk) -> None:
    bundle = desk.folder / "kiosk.p12"
    bundle.write_bytes(desk.made_elsewhere().to_pkcs12(password=PHRASE.encode(), name="kiosk-1"))
    desk.run("import", str(bundle), "--pass-file", str(desk.phrase_file))
    archive = desk.folder / "state/secrets/identity/archive"
    shutil.copytree(archive / "0001", archive / "0002")
    chain = archive / "0002" / "chain.pem"
    chain.write_bytes(bytes(chain.stat().st_size))  # as a power failure leaves it on an SD card
    first, second = desk.run("show")["certificates"]
    assert (first["standing"], first["in_use"]) == ("fresh", True)
    assert second == {"version": 2, "standing": "damaged", "in_use": False, "has_worked": False}
    shutil.rmtree(archive)
    archive.touch(mode=0o600)
    assert desk.run("show", status=3)["code"] == "file.not_directory"
