"""What was asked and answered, for tests and for people who look for a mistake; secrets are masked on the way in."""

from __future__ import annotations

import functools
import json
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from device_agent.harness.wire import Pairs
from device_agent.spec.operations import OPERATIONS
from device_agent.spec.parameter import Parameter

MASK = "<hidden>"
KEPT = 10_000

_ALWAYS_SECRET = frozenset({"license", "signature", "securitytoken", "accesskeysecret", "token", "bearertoken"})


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One exchange.

    Attributes:
        sequence: counts from 1 and never repeats, also over a reset.
        at: the stand-in's time.
        operation: name of the operation, ``assets`` for a download, empty when it never got that far.
        parameters: name -> value as sent, secrets masked.
        outcome: the platform's code, ``"0"`` for success; ``dropped`` when nothing was answered.
        sent: bytes of the body that were sent.
    """

    sequence: int
    at: float
    method: str
    path: str
    operation: str
    status: int
    outcome: str
    request_id: str = ""
    access_key_id: str = ""
    signature: str = ""
    parameters: dict[str, str] = {}
    range: str = ""
    sent: int = 0
    fault: str = ""


class Recorder:
    """The last ``KEPT`` exchanges."""

    def __init__(self) -> None:
        self._records: deque[Record] = deque(maxlen=KEPT)
        self._sequence = 0

    def note(self, **facts: Any) -> Record:
        """Keep one exchange; ``facts`` are the fields of ``Record`` without the sequence."""
        self._sequence += 1
        record = Record(sequence=self._sequence, **facts)
        self._records.append(record)
        return record

    def records(self, *, operation: str = "", since: int = 0) -> list[Record]:
        """Exchanges after number ``since``, oldest first, of one operation or of all."""
        return [r for r in self._records if r.sequence > since and operation in ("", r.operation)]

    def forget(self) -> None:
        """Drop everything that was kept."""
        self._records.clear()


def masked(operation: str, pairs: Pairs) -> dict[str, str]:
    """Parameters fit to be shown: texts, with secret ones masked, also inside JSON documents."""
    fields = _fields(operation if operation in OPERATIONS else "")
    shown: dict[str, str] = {}
    for raw_name, raw in pairs:
        name, value = raw_name.decode("utf-8", "replace"), raw.decode("utf-8", "replace")
        shown[name] = _value(fields.get(name), name, value)
    return shown


@functools.cache
def _fields(operation: str) -> Mapping[str, Parameter]:
    table = OPERATIONS.get(operation)
    return {field.name: field for field in table.parameters} if table else {}


def _value(field: Parameter | None, name: str, value: str) -> str:
    if name.casefold() in _ALWAYS_SECRET or (field is not None and field.secret):
        return MASK
    if field is not None and field.json_style and _any_secret(field.fields):
        try:
            document = json.loads(value)
        except ValueError:
            return MASK
        return json.dumps(_inside(document, field.fields), ensure_ascii=False, separators=(",", ":"))
    return value


def _any_secret(fields: Iterable[Parameter]) -> bool:
    return any(field.secret or _any_secret(field.fields) for field in fields)


def _inside(document: Any, fields: tuple[Parameter, ...]) -> Any:
    if not isinstance(document, Mapping):
        return document
    known = {field.name: field for field in fields}
    return {name: _piece(known.get(name), value) for name, value in document.items()}


def _piece(field: Parameter | None, value: Any) -> Any:
    if field is None:
        return value
    return MASK if field.secret else _inside(value, field.fields)
