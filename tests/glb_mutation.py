"""GLB files made bad by what is in them: the JSON's structure and numbers, stored numbers, bytes, the end."""

from __future__ import annotations

import json
import math
import random
import re
import struct
from typing import Any

NUMBER = re.compile(rb"-?\d+(\.\d+)?")
VALUES = (b"0", b"-1", b"1", b"3", b"5121", b"5126", b"99999", b"2147483647", b"4294967295", b"1e38", b"0.5", b"null",
          b'""', b"{}", b"[]")  # fmt: skip
WORDS = (
    "",
    "POSITION",
    "JOINTS_0",
    "WEIGHTS_0",
    "SCALAR",
    "VEC4",
    "MAT4",
    "CUBICSPLINE",
    "weights",
    "../../x",
    "data:,x",
)
FLOATS = tuple(struct.pack("<f", value) for value in (math.nan, math.inf, -math.inf, 3e38, -1e30, 1e-40, 0.0))


def packed(document: bytes, rest: bytes) -> bytes:
    document += b" " * (-len(document) % 4)
    size = 20 + len(document) + len(rest)
    return struct.pack("<4sIIII", b"glTF", 2, size, len(document), 0x4E4F534A) + document + rest


def restructured(document: Any, rng: random.Random) -> None:
    """Change one thing in the JSON: a value by another of its kind, an entry left out, doubled or moved."""
    holders: list[Any] = [document]
    for holder in holders:  # grows as it is walked
        inner = holder.values() if isinstance(holder, dict) else holder
        holders += [part for part in inner if isinstance(part, dict | list) and part]
    holder = rng.choice(holders)
    key = rng.choice(list(holder)) if isinstance(holder, dict) else rng.randrange(len(holder))
    value = holder[key]
    if rng.random() < 0.2:
        del holder[key]
    elif isinstance(value, bool):
        holder[key] = not value
    elif isinstance(value, int):
        holder[key] = rng.choice(
            (0, 1, value + 1, max(0, value - 1), 2 * value + 3, rng.randrange(12), 70_000, 1 << 30)
        )
    elif isinstance(value, float):
        holder[key] = rng.choice((0.0, -value, value * 1e20, 1e-30, 1e308, 0.5))
    elif isinstance(value, str):
        holder[key] = rng.choice(WORDS)
    elif isinstance(value, list):
        holder[key] = rng.choice((value[:-1], value + value[-1:], value[::-1], []))
    else:
        holder[key] = {}


def mutated(data: bytes, rng: random.Random) -> bytes:
    """The file with something changed: bytes, characters of its JSON, numbers or structure, stored numbers, end."""
    (length,) = struct.unpack_from("<I", data, 12)
    kind = rng.choice(
        ("bytes", "characters", "numbers", "numbers", "structure", "structure", "structure", "stored", "cut")
    )
    if kind == "cut":
        return data[: rng.randrange(len(data))]
    if kind == "structure":
        document = json.loads(data[20 : 20 + length])
        for _ in range(rng.randint(1, 3)):
            restructured(document, rng)
        return packed(json.dumps(document).encode(), data[20 + length :])
    if kind == "stored":
        changed = bytearray(data)
        for _ in range(rng.randint(1, 200)):
            place = 28 + length + 4 * rng.randrange((len(data) - 28 - length) // 4)
            changed[place : place + 4] = rng.choice(FLOATS)
        return bytes(changed)
    if kind == "numbers":
        text = data[20 : 20 + length]
        for _ in range(rng.randint(1, 3)):
            match = rng.choice(list(NUMBER.finditer(text)))
            text = text[: match.start()] + rng.choice(VALUES) + text[match.end() :]
        return packed(text, data[20 + length :])
    changed = bytearray(data)
    for _ in range(rng.randint(1, 8)):
        if kind == "bytes":
            changed[rng.randrange(len(data))] = rng.randrange(256)
        else:
            changed[20 + rng.randrange(length)] = rng.choice(b'0123456789-.e"[]{},:')
    return bytes(changed)
