"""What the doctor finds, and that nothing secret or personal gets into the bundle."""

from __future__ import annotations

import json
import socket
import stat
import tarfile
from pathlib import Path
from typing import Any

import msgspec
import pytest

from certs.license import License
from device_agent.config import Settings
from device_agent.errors import ConfigurationError
from device_agent.lifecycle.journal import opened
from device_agent.lifecycle.machine import Phase
from device_agent.service.checkup import checkup
from device_agent.service.finding import Finding, Level
from device_agent.service.scrubber import scrub
from device_agent.service.support import pages, write_bundle

from .conftest import Site


def found(settings: Settings, **more: Any) -> dict[str, Finding]:
    """The worst finding of each check."""
    worst: dict[str, Finding] = {}
    for finding in checkup(settings, environ=more.pop("environ", {}), **more):
        if finding.check not in worst or worst[finding.check].level < finding.level:
            worst[finding.check] = finding
    return worst


def test_a_healthy_device(site: Site) -> None:
    site.live(60)
    findings = found(site.settings())
    bad = {name: finding.says for name, finding in findings.items() if finding.level is Level.BAD}
    assert bad == {}
    assert set(findings) >= {"settings", "folders", "disk", "clock", "state", "licence", "certificate", "platform"}
    assert "long-lived access key" in findings["settings"].says


def test_every_bad_finding_says_what_to_do(site: Site) -> None:
    site.live(60)
    (site.folder / "state" / "state.0").chmod(0o644)
    site.harness.stop()
    broken = msgspec.structs.replace(
        site.settings(), license_file=site.folder / "none", enroll_url="https://est.example"
    )
    findings = found(broken)
    for name in ("folders", "licence", "certificate", "platform"):
        assert findings[name].level is Level.BAD, name
        assert findings[name].fix, name


def test_a_link_is_judged_by_its_owner_for_everybody_may_follow_it(site: Site) -> None:
    site.live(60)
    (site.folder / "state" / "link").symlink_to("state.0")
    assert found(site.settings(), network=False)["folders"].level is Level.OK


def test_damaged_state_and_a_lost_avatar(site: Site) -> None:
    site.live(4000)
    newest = max((site.folder / "state").glob("state.*"), key=lambda path: path.stat().st_mtime_ns)
    newest.write_bytes(bytes(100))
    for sealed in (site.folder / "cache").rglob("*.sealed"):
        sealed.unlink()
    findings = found(site.settings(), network=False)
    assert findings["state"].level is Level.WARNING
    assert findings["avatars"].level is Level.BAD
    assert "fetch" in findings["avatars"].fix


@pytest.mark.parametrize("kind", ["captive", "redirect"])
def test_somebody_else_in_the_platform_s_place(site: Site, kind: str) -> None:
    site.harness.fault(kind, times=None)
    finding = found(site.settings())["platform"]
    assert finding.level is Level.BAD
    assert "captive portal" in finding.says


def test_a_clock_that_is_off_is_told(site: Site) -> None:
    site.harness.move_time(-(site.time.now) + 1_700_000_000)
    with opened(site.folder / "state"):
        pass
    assert found(site.settings())["clock"].level is Level.WARNING


def test_a_proxy_is_named_without_its_password(site: Site) -> None:
    findings = found(site.settings(), environ={"https_proxy": "http://me:canary@proxy.example:3128"}, network=False)
    assert "proxy.example" in findings["proxy"].says
    assert "canary" not in findings["proxy"].says


def test_the_bundle_holds_nothing_secret(site: Site, tmp_path: Path) -> None:
    site.live(60)
    settings = site.settings()
    findings = checkup(settings, environ={})
    planted = f"at 10.1.2.3 and fe80::1:2:3:4 by ops@corp.example on {socket.gethostname()} mac 02:42:ac:11:00:02"
    findings.append(Finding(check="x", level=Level.OK, says=f"{planted} https://u:canary-pw@h/x?t=canary-query"))
    path = tmp_path / "bundle.tar.gz"
    held = pages(findings=findings, settings=settings)
    assert not path.exists(), "what it would hold is known before anything is written"
    write_bundle(path, held)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with tarfile.open(path) as archive:
        files = {entry.name: archive.extractfile(entry) for entry in archive}
        texts = {name: file.read().decode() for name, file in files.items() if file is not None}
    assert {page.name for page in held} == {"findings.txt", "versions.json", "settings.json", "state.json"}
    assert json.loads(texts["avatar-agent/settings.json"])["offline_budget_s"] == str(settings.offline_budget_s)
    assert {f"avatar-agent/{page.name}": page.data.decode() for page in held} == texts, (
        "what was shown is what is there"
    )
    (findings_page,) = [page for page in held if page.name == "findings.txt"]
    counted = {kind: findings_page.scrubbed[kind] for kind in ("e-mail", "mac", "login", "query")}
    assert counted == {"e-mail": 1, "mac": 1, "login": 1, "query": 1}
    assert findings_page.scrubbed["ip"] == texts["avatar-agent/findings.txt"].count("<ip>") == 2
    whole = "".join(texts.values())
    licence = License.load(Path(site.harness.ready.license_file)).reveal()
    for canary in (
        licence[:64], licence[64:128], site.harness.ready.access_key_id, site.harness.ready.access_key_secret,
        site.record.device_id, "10.1.2.3", "fe80::1:2:3:4", "ops@corp.example", "02:42:ac:11:00:02", "canary-pw",
        "canary-query",
    ):  # fmt: skip
        assert canary not in whole, canary
    if len(socket.gethostname()) > 2:
        assert socket.gethostname() not in whole
    state = json.loads(texts["avatar-agent/state.json"])
    assert (state["phase"], state["bind"]["outcome"]) == ("ready", "ok")
    with pytest.raises(ConfigurationError):
        write_bundle(path, held)


@pytest.mark.parametrize(
    ("text", "expected", "counts"),
    [
        ("127.0.0.1 stays", "127.0.0.1 stays", {}),
        ("1.2.3.4 goes", "<ip> goes", {"ip": 1}),
        ("1.2.3.4 and ::1 and fe80::2 go", "<ip> and <ip> and <ip> go", {"ip": 3}),
        ("at 12:30:45 it was", "at 12:30:45 it was", {}),
        ("A" * 90, "<hidden>", {"opaque": 1}),
        ("box-77 is a name", "<host> is a name", {"host": 1}),
        ("/home/ann/a and /home/bob/b of T1", "/home/<user>/a and /home/<user>/b of <id>", {"user": 2, "id": 1}),
        ("T1 T12 T1", "<id> T12 <id>", {"id": 2}),
        ("https://u:p@h/x?t=1 or https://h/y#z", "https://h/x or https://h/y", {"login": 1, "query": 2}),
    ],
)
def test_the_scrubber(text: str, expected: str, counts: dict[str, int]) -> None:
    assert scrub(text, hostname="box-77", names=["T1", ""]) == (expected, counts)


@pytest.mark.parametrize("phase", list(Phase))
def test_every_phase_that_needs_a_person_says_so(site: Site, phase: Phase) -> None:
    """A device without a picture is not ``ok``."""
    site.live(60)
    with opened(site.folder / "state") as journal:
        journal.write(msgspec.structs.replace(journal.record, phase=phase))
    fine = phase in (Phase.BOUND, Phase.READY)
    says = next(one for one in checkup(site.settings(), environ={}, network=False) if one.check == "state")
    assert says.says.startswith(str(phase))
    assert (says.level is Level.OK) == fine
    assert bool(says.fix) == (not fine)


def test_the_bundle_names_neither_tenant_nor_device_nor_person(site: Site, tmp_path: Path) -> None:
    site.live(60)
    settings = msgspec.structs.replace(site.settings(), device_id=site.record.device_id)
    findings = [
        Finding(check="folders", level=Level.OK, says="private: /home/ann.lee/.local/state/avatar-agent"),
        *checkup(settings, environ={}, network=False),
    ]
    assert any(str(settings.tenant_id) in finding.says for finding in findings)
    write_bundle(tmp_path / "b.tgz", pages(findings=findings, settings=settings))
    with tarfile.open(tmp_path / "b.tgz") as archive:
        text = "".join((archive.extractfile(entry) or archive).read().decode() for entry in archive)  # type: ignore[union-attr]
    for name in ("ann.lee", str(settings.tenant_id), site.record.device_id):
        assert name not in text
    assert "/home/<user>/.local/state" in text


def test_a_device_that_cannot_sign_is_told_before_it_tries(site: Site) -> None:
    settings = site.settings()
    assert found(settings, network=False)["credentials"].level is Level.OK
    half = msgspec.structs.replace(settings, access_key_secret=None)
    none = msgspec.structs.replace(half, access_key_id="")
    for broken, says in ((half, "access_key_secret is missing"), (none, "nothing can sign")):
        finding = found(broken, environ={"HOME": str(site.folder)}, network=False)["credentials"]
        assert finding.level is Level.BAD
        assert says in finding.says
        assert "settings file" in finding.fix
    brokered = msgspec.structs.replace(none, broker_url="https://broker.example")
    assert "credentials" not in found(brokered, network=False)


def test_a_clock_is_compared_only_with_one_that_was_asked(site: Site) -> None:
    assert "platform" not in found(site.settings(), network=False)["clock"].says
    site.live(60)
    assert "when last asked" in found(site.settings(), network=False)["clock"].says


def test_what_is_as_it_should_be_asks_for_nothing(site: Site) -> None:
    findings = checkup(site.settings(), environ={}, network=False)
    assert [finding.check for finding in findings if finding.level is Level.OK and finding.fix] == []
