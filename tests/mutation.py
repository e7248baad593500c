"""Good input made bad, the same way for the same seed: bytes of any kind, and documents by their structure."""

from __future__ import annotations

import copy
import json
import random
import struct
from collections.abc import Sequence
from typing import Any

EDGES = tuple(
    struct.pack(form, value & ((1 << 8 * struct.calcsize(form)) - 1))
    for form in ("<B", "<H", "<I", "<Q", ">H", ">I")
    for value in (0, 1, -1, 0x7F, 0x80, 0x7FFF, 0x8000, 0x7FFFFFFF, 0x80000000)
)
VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**63, 2**64, -(2**63) - 1, 10**400, 0.5, 1e308, -1e308, 5e-324, "", " ", "0",
    "\0", "\ud800", "true", "nan", "a" * 70_000, "\u202e", "../../etc/passwd", "http://[::1", [], [[]], {}, {"": {}},
    [None] * 1000, {"a": [{"b": {}}]},
)  # fmt: skip


def bytes_of(good: Sequence[bytes], dice: random.Random) -> bytes:
    """One of the good ones after one to six changes."""
    data = bytearray(dice.choice(good))
    for _ in range(dice.choice((1, 1, 1, 2, 3, 6))):
        at = dice.randrange(len(data) + 1)
        match dice.randrange(8):
            case 0 if data:
                data[at % len(data)] ^= 1 << dice.randrange(8)
            case 1 if data:
                data[at % len(data)] = dice.randrange(256)
            case 2:
                edge = dice.choice(EDGES)
                data[at : at + len(edge)] = edge
            case 3:
                del data[at:]
            case 4:
                del data[at : at + dice.randrange(1, 40)]
            case 5:
                data[at:at] = data[at : at + dice.randrange(1, 200)]
            case 6:
                data[at:at] = dice.randbytes(dice.randrange(1, 20))
            case _:
                other = dice.choice(good)
                cut = dice.randrange(len(other) + 1)
                data[at:] = other[cut:]
    return bytes(data)


def document_of(good: Sequence[Any], dice: random.Random) -> bytes:
    """JSON of one of the good documents with one to four values changed, lost, doubled or nested; at times damaged."""
    document = json.loads(json.dumps(dice.choice(good)))
    for _ in range(dice.choice((1, 1, 2, 4))):
        document = _changed(document, dice)
    text = json.dumps(document, ensure_ascii=dice.random() < 0.5).encode("utf-8", "surrogatepass")
    if dice.random() < 0.1:
        deep = dice.randrange(1, 3000)
        text = text.replace(b"null", b"[" * deep + b"]" * deep, 1)
    return bytes_of([text], dice) if dice.random() < 0.25 else text


def _changed(value: Any, dice: random.Random) -> Any:
    if isinstance(value, dict) and value and dice.random() < 0.85:
        name = dice.choice(list(value))
        kind = dice.randrange(6)
        if kind == 0:
            del value[name]
        elif kind == 1:
            value[name + dice.choice(("", " ", "x", "\0"))] = copy.deepcopy(dice.choice(VALUES))
        else:
            value[name] = _changed(value[name], dice)
        return value
    if isinstance(value, list) and value and dice.random() < 0.8:
        place = dice.randrange(len(value))
        value[place] = _changed(value[place], dice)
        return value
    if isinstance(value, str) and value and dice.random() < 0.4:
        return bytes_of([value.encode("utf-8", "surrogatepass")], dice).decode("utf-8", "replace")
    return copy.deepcopy(dice.choice(VALUES))
