"""A kiosk whose secrets lie under a key that is sealed to a stand-in for its TPM, and what can be seen on its disk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from certs.cover import is_covered
from certs.license import License
from device_agent.lifecycle.journal import load
from device_agent.lifecycle.keyring import read_with
from device_agent.lifecycle.slot import SLOTS, encode
from device_agent.lifecycle.vault import Vault
from tests.device_agent.lifecycle.conftest import CODE, Kiosk
from tests.stand_in_tpm import StandInTpm

KEY = b"PRIVATE KEY"


@pytest.fixture
def chip() -> StandInTpm:
    return StandInTpm()


@pytest.fixture
def sealed(kiosk: Kiosk, chip: StandInTpm, tmp_path: Path) -> Iterator[Kiosk]:
    """A kiosk whose settings name a TPM."""
    with chip.serving(tmp_path / "tpm") as path:
        kiosk.tpm = path
        yield kiosk


def state(kiosk: Kiosk) -> Path:
    return kiosk.folder / "state"


def secrets(kiosk: Kiosk) -> list[bytes]:
    """What must not be on the disk: pieces of the licence, of any key, of tokens as the platform gives them."""
    text = License.load(Path(kiosk.harness.ready.license_file)).reveal()
    return [text[:48].encode(), text[64:112].encode(), KEY, b'"License"']


def exposed(kiosk: Kiosk) -> list[str]:
    return [name for name, data in kiosk.files().items() if any(secret in data for secret in secrets(kiosk))]


def bare(kiosk: Kiosk) -> list[str]:
    """Files among the secrets, whatever their names, that no key covers; certificates are no secret."""
    found = kiosk.files().items()
    secret = ((name, data) for name, data in found if "/secrets/" in name and not name.endswith("chain.pem"))
    return [name for name, data in secret if not is_covered(data)]


def live(kiosk: Kiosk, *stages: str) -> None:
    for stage in stages:
        with kiosk.engine() as engine:
            {
                "bind": engine.bind,
                "start": engine.start,
                "fetch": lambda engine=engine: engine.fetch(CODE),
                "renew": lambda engine=engine: engine.renew_certificate(force=True),
                "unbind": engine.unbind,
            }[stage]()


def vault(kiosk: Kiosk) -> Vault:
    return Vault(state(kiosk), cover=read_with(kiosk.settings()))


def forge(kiosk: Kiosk, **changes: object) -> None:
    """What somebody with the disk in another machine can write: whole, newest, and without an HMAC."""
    newest = load(state(kiosk)).record
    for number, name in enumerate(SLOTS):
        record = newest.changed(gen=newest.gen + 5 + number, **changes)
        (state(kiosk) / name).write_bytes(encode(record))


class PowerFails(BaseException):
    pass


def cut_before_the_first_record(sealed: Kiosk, **opening: object) -> None:
    """Power fails after the new key is durable and before anything lies under it."""

    def reach(point: str) -> None:
        if point == "record.write":
            raise PowerFails

    with pytest.raises(PowerFails), sealed.engine(reach=reach, **opening) as engine:
        _ = engine.accept_hardware() or engine.bind()
    assert read_with(sealed.settings()).seals, "the new key is there"
