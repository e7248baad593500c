"""A harness in this process, and devices that work against it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from bench.simulation.site import device_settings
from certs.lineage import Lineage
from device_agent.api.retry import NEVER
from device_agent.api.trust import Trust
from device_agent.clock import SystemClock
from device_agent.config import Secret, Settings
from device_agent.harness.enrolment.server import Enrolment, open_office
from device_agent.harness.packages.source import PackageSource
from device_agent.harness.serve import RunningHarness
from device_agent.lifecycle.certificate import CertificateKeeper
from device_agent.lifecycle.engine import Engine
from device_agent.lifecycle.identity import Hardware
from device_agent.lifecycle.office import Office
from device_agent.tpm.endorsement import EndorsementKey
from device_agent.tpm.sealing import Sealer

CODE = "CH_3d_test"
FILES = {
    "character.glb": os.urandom(200_000),
    "animation.glb": b"glTF animation",
    "character.config.json": b"{}",
    "animation.config.json": b"{}",
    "motion.config.json": b"{}",
}


@pytest.fixture(scope="module", autouse=True)
def _few_authorities(few_authorities: None) -> None:
    """Not what these tests are about."""


@pytest.fixture(scope="session")
def licence_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def harness(licence_key: rsa.RSAPrivateKey) -> Iterator[RunningHarness]:
    package = PackageSource(code=CODE, name="test", read=lambda: FILES)
    with RunningHarness.start(avatars=[package], seats=2, keys=lambda: licence_key) as running:
        yield running


@dataclass
class Kiosk:
    """One machine: its folders, its board serial, its TPM (of which ids are made with ``id_from_tpm``), and engines."""

    folder: Path
    harness: RunningHarness
    serial: str = "board-1"
    overrides: dict[str, str] = field(default_factory=dict)
    tpm: Path | None = None
    id_from_tpm: bool = False

    def settings(self, **overrides: str) -> Settings:
        tpm = {"tpm": str(self.tpm)} if self.tpm else {}
        return device_settings(self.harness, self.folder, **{**tpm, **self.overrides, **overrides})

    def engine(self, **more: Any) -> AbstractContextManager[Engine]:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "serial").write_text(self.serial, encoding="ascii")
        hardware = Hardware(
            serial_files=[self.folder / "serial"],
            random_bytes=os.urandom,
            tpm=EndorsementKey(self.tpm) if self.tpm and self.id_from_tpm else None,
            sealer=Sealer(self.tpm) if self.tpm else None,
        )
        options = {"retry": NEVER, "environ": {}, **more.pop("client_options", {})}
        settings = self.settings(**more.pop("overrides", {}))
        return Engine.open(settings, hardware=hardware, client_options=options, **more)

    def files(self) -> dict[str, bytes]:
        return {str(p.relative_to(self.folder)): p.read_bytes() for p in self.folder.rglob("*") if p.is_file()}


class Off(SystemClock):
    """This device's clock, wrong by so many seconds."""

    def __init__(self, by_s: float) -> None:
        self._by_s = by_s

    def wall(self) -> float:
        return super().wall() + self._by_s


@pytest.fixture
def kiosk(tmp_path: Path, harness: RunningHarness) -> Kiosk:
    return Kiosk(folder=tmp_path / "kiosk", harness=harness)


@pytest.fixture
def another_kiosk(tmp_path: Path, harness: RunningHarness) -> Callable[[str], Kiosk]:
    return lambda serial: Kiosk(folder=tmp_path / f"kiosk-{serial}", harness=harness, serial=serial)


@pytest.fixture
def office(harness: RunningHarness, tmp_path: Path) -> Iterator[Enrolment]:
    with open_office(harness, tmp_path / "office") as opened:
        yield opened


@pytest.fixture
def managed(kiosk: Kiosk, office: Enrolment, monkeypatch: pytest.MonkeyPatch) -> Kiosk:
    """A kiosk without any access key: its certificate opens everything."""
    settings = kiosk.settings

    def without_keys(**overrides: str) -> Any:
        given = settings(
            enroll_url=office.est_url, broker_url=office.broker_url, ca_file=str(office.ca_file), **overrides
        )
        return msgspec.structs.replace(
            given, access_key_id="", access_key_secret=None, enroll_secret=Secret(office.office.invite())
        )

    monkeypatch.setattr(kiosk, "settings", without_keys)
    return kiosk


def certificate_keeper(office: Enrolment, folder: Path, device_id: str = "kiosk-1") -> CertificateKeeper:
    ours = Office(
        est_url=office.est_url,
        broker_url=office.broker_url,
        identity_folder=folder,
        trust=Trust(office.ca_file),
        timeout_s=5,
    )
    return CertificateKeeper(lineage=Lineage(root=folder), office=ours, device_id=device_id)


def now() -> datetime:
    return datetime.now(UTC)
