"""One generation of the record as bytes: a checksum line, canonical JSON, a line's end.

A record that the storage key vouches for is of schema 2 and ends with the member ``"~"``: HMAC-SHA256 over the same
JSON without it. A version of this program that knows no keys says so (``state.newer``), and changes nothing.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from device_agent.errors import StateError
from device_agent.lifecycle.record import SCHEMA, Record

SLOTS = ("state.0", "state.1")
LIMIT = 256 * 1024
"""Bytes; a record has about one thousand."""

KEYED = 2
"""Schema of a record that carries an HMAC."""

_KEYED_BODY = re.compile(rb'(.*),"~":"([0-9a-f]{64})"\}', re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Slot:
    """What is whole in a slot.

    Attributes:
        data: all its bytes.
        signed: what the HMAC is over.
        mac: the HMAC, 32 bytes; ``None`` where nobody vouches.
    """

    record: Record
    data: bytes
    signed: bytes
    mac: bytes | None


class _Versioned(msgspec.Struct):
    v: int = SCHEMA


def encode(record: Record, *, mac: Callable[[bytes], bytes | None] = lambda _signed: None) -> bytes:
    """A slot's bytes; ``mac`` gives the HMAC, or nothing."""
    signed = msgspec.json.encode(record.changed(v=KEYED), order="sorted")
    tag = mac(signed)
    if tag is None:
        body = msgspec.json.encode(record.changed(v=SCHEMA) if record.v == KEYED else record, order="sorted")
    else:
        body = signed[:-1] + b',"~":"' + tag.hex().encode() + b'"}'
    return hashlib.sha256(body).hexdigest().encode() + b"\n" + body + b"\n"


def parse(data: bytes) -> Slot | None:
    """What is in a slot's bytes; ``None`` for anything but exactly what ``encode`` writes. Who vouches is not checked.

    Raises:
        StateError: it is whole but was written by a newer version of this program.
    """
    head, separator, rest = data.partition(b"\n")
    if not separator or not rest.endswith(b"\n"):
        return None
    body = rest[:-1]
    if head != hashlib.sha256(body).hexdigest().encode():
        return None
    keyed = _KEYED_BODY.fullmatch(body)
    try:
        version = msgspec.json.decode(body, type=_Versioned).v
        if version > KEYED:
            raise StateError(
                f"the device's record was written by a newer version (schema {version})",
                code="state.newer",
                hint="install that version again; nothing was changed",
            )
        record = msgspec.json.decode(body, type=Record)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if (version == KEYED) is (keyed is None):
        return None
    signed = body if keyed is None else keyed[1] + b"}"
    return Slot(record=record, data=data, signed=signed, mac=bytes.fromhex(keyed[2].decode()) if keyed else None)


def decode(data: bytes) -> Record | None:
    """The record in a slot's bytes, whoever wrote it; as ``parse``."""
    slot = parse(data)
    return None if slot is None else slot.record
