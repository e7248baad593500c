"""What the agent keeps about itself: the record, the sealed storage key, tokens, and the display's notes."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import msgspec

from certs.cover import KeyedCover
from device_agent.config import Secret, Settings
from device_agent.display import notes, trial
from device_agent.display.messages import NotOpened, Wanted
from device_agent.display.opener import Opener
from device_agent.lifecycle import sealed_key
from device_agent.lifecycle.budget import may_show
from device_agent.lifecycle.machine import Phase
from device_agent.lifecycle.record import Bind, Bound, Contact, Content, Record, Unbind
from device_agent.lifecycle.slot import decode, encode, parse
from device_agent.lifecycle.token import kept_token
from device_agent.tpm.sealing import SealedObject
from tests.fuzz.folder import kept
from tests.fuzz.target import Target, of_json

SETTINGS = Settings.load(None, environ={"HOME": "/nowhere"}, overrides={}, system_file=Path("/nowhere"))
RECORD = Record(
    gen=7, phase=Phase.READY, device_id="KIOSK1", id_source="board", hw_print=("a", "b", "c", "d", "e"),
    tenant_id=1, app_id="app", license_fp="f" * 16, bind=Bind(intent_id="i", attempts=2, outcome="ok"),
    bound=Bound(at=1.7e9, request_id="R", license_fp="f" * 16), contact=Contact(last_ok=1.7e9, offline_s=3.5),
    content=Content(active="CH", packages={"CH": "ab" * 32}), unbind=Unbind(intent_id="u", request_ids=("R",)),
)  # fmt: skip
SEALED = SealedObject(parent=bytes(32), public=b"p" * 40, private=b"q" * 90)
COVER = KeyedCover(bytes(range(32)), random_bytes=bytes)


def summed(body: bytes) -> bytes:
    """With a right checksum: as a program with a defect, or somebody with the device's rights, would write it."""
    return hashlib.sha256(body).hexdigest().encode() + b"\n" + body + b"\n"


def bodies() -> Sequence[bytes]:
    vouched = encode(RECORD, mac=lambda data: hashlib.sha256(data).digest())
    return [msgspec.json.encode(RECORD, order="sorted"), msgspec.json.encode(Record(), order="sorted"), vouched[65:-1]]


def read_slot(data: bytes) -> None:
    found = decode(data)
    assert found is None or may_show(found, budget_s=604800.0) is not None


def read_vouched(data: bytes) -> None:
    slot = parse(data)
    assert slot is None or slot.mac is None or len(slot.mac) == 32


def read_sealed_key(data: bytes) -> None:
    found = sealed_key.decode(data)
    assert found is None or sealed_key.encode(found) == data


def read_covered(data: bytes) -> None:
    COVER.open("token", data)


def read_notes(data: bytes) -> None:
    notes.read(kept(notes.NAME, data))


def read_token(data: bytes) -> None:
    found = kept_token(Shelf(data))  # type: ignore[arg-type]
    assert found is None or found.token.reveal()


def read_verdict(data: bytes) -> None:
    """What a child says that has opened a hostile package."""
    child = SimpleNamespace(stdout=io.BytesIO(data), returncode=0)
    assert isinstance(trial._verdict(child).code, str)  # type: ignore[arg-type]


def read_request(data: bytes) -> None:
    """What the display asks of its opener, taken over: always an answer."""
    opener = object.__new__(Opener)
    opener._watcher = SimpleNamespace(settings=SETTINGS)  # type: ignore[assignment]
    assert isinstance(opener._opened(bytearray(data)), NotOpened)


class Shelf:
    """A vault that holds one text."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def token(self) -> Secret:
        return Secret(self._data.decode())

    def bare_tokens(self) -> tuple[Secret, Secret]:
        return Secret(""), Secret("")


TARGETS = {
    "slot": Target(run=read_slot, seeds=lambda: [encode(RECORD), encode(Record())]),
    "slot-payload": Target(run=lambda data: read_slot(summed(data)), seeds=bodies, mutate=of_json),
    "slot-vouched": Target(run=lambda data: read_vouched(summed(data)), seeds=bodies, mutate=of_json),
    "sealed-key": Target(run=read_sealed_key, seeds=lambda: [sealed_key.encode(SEALED)]),
    "sealed-key-payload": Target(
        run=lambda data: read_sealed_key(summed(data)), seeds=lambda: [msgspec.json.encode(SEALED)], mutate=of_json
    ),
    "covered-secret": Target(run=read_covered, seeds=lambda: [COVER.close("token", b"a token")]),
    "token": Target(
        run=read_token, seeds=lambda: [b'{"token":"t","at":1.0,"before":"b","before_worked":true,"life_s":600.0}'],
        mutate=of_json,
    ),
    "trial-verdict": Target(
        run=read_verdict, seeds=lambda: [msgspec.json.encode(trial.Verdict(code="display.drawn", message="m"))],
        mutate=of_json,
    ),
    "opener-request": Target(
        run=read_request, seeds=lambda: [msgspec.msgpack.encode(Wanted(code="CH_3d_x", sha256="ab" * 32))]
    ),
    "display-notes": Target(
        run=read_notes,
        seeds=lambda: [msgspec.json.encode(notes.Kept(
            proved=["ab" * 32], refused={"cd" * 32: notes.Refusal(code="display.died", until=3.0)},
            starts={"ef" * 32: notes.Start(count=2, at=1.0)}))],
        mutate=of_json,
    ),
}  # fmt: skip
