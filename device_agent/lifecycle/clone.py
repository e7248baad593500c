"""Whether a disk still sits in the machine whose identity it holds: five salted hashes, most of which must fit.

One replaced network card or disk is tolerated. The hashes do not make the id; they only notice a copy.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from device_agent.lifecycle.journal import Journal
from device_agent.lifecycle.machine import TRANSITIONS, Event
from device_agent.lifecycle.record import Record

PARTS = ("board", "cpu", "nic", "storage", "machine")
LEAST_KNOWN = 3
"""With fewer parts to compare than this, only the board's own number decides: a false alarm stops a kiosk."""

NET_FOLDER = Path("/sys/class/net")
BLOCK_FOLDER = Path("/sys/block")
CPU_FILE = Path("/proc/cpuinfo")
MACHINE_ID_FILE = Path("/etc/machine-id")


@dataclass(frozen=True, kw_only=True)
class PartReaders:
    """What tells machines apart, besides the board: a reader for each part, "" where nothing readable says."""

    readers: Mapping[str, Callable[[], str]] = field(default_factory=dict)

    def read(self, part: str) -> str:
        """The part's own number, or nothing."""
        reader = self.readers.get(part)
        if reader is None:
            return ""
        try:
            return reader()
        except (OSError, ValueError):
            return ""


def system_parts() -> PartReaders:
    """This machine's parts, from /sys and /proc."""
    return PartReaders(
        readers={
            "cpu": lambda: cpu_number(CPU_FILE.read_text("ascii", "ignore")),
            "nic": lambda: _first(NET_FOLDER.glob("*/address"), unless=_made_up_address),
            "storage": lambda: _first(
                path for name in ("cid", "serial", "wwid") for path in BLOCK_FOLDER.glob(f"*/device/{name}")
            ),
            "machine": lambda: MACHINE_ID_FILE.read_text("ascii", "ignore").strip(),
        }
    )


def cpu_number(cpuinfo: str) -> str:
    """The processor's serial where it has one (ARM boards), else its model: weak, but one of five."""
    found = dict(re.findall(r"(?m)^(Serial|model name|Hardware|CPU part)\s*:\s*(.+)$", cpuinfo))
    return found.get("Serial") or " ".join(found[name] for name in sorted(found))


def hw_print(record_id: str, *, root: str, parts: PartReaders) -> tuple[str, ...]:
    """The five hashes, salted with the device's id; empty where nothing is known of a part.

    ``root`` is the TPM's number where the id was made from that, else the board's.
    """
    values = {"board": root, **{part: parts.read(part) for part in PARTS[1:]}}
    return tuple(_hash(record_id, part, values[part]) for part in PARTS)


def is_clone(kept: tuple[str, ...], now: tuple[str, ...], *, id_source: str, is_root_known: bool = True) -> bool:
    """Whether the parts that were known when the identity was made say that this is another machine.

    Another root always does, where the id was made from it; else fewer than three in five that fit. A root that
    cannot be asked now (``is_root_known``) says neither.
    """
    if len(kept) != len(PARTS) or len(now) != len(PARTS):
        return False
    if is_root_known and id_source in ("board", "tpm") and kept[0] and kept[0] != now[0]:
        return True
    first = 0 if is_root_known else 1
    known = [(before, after) for before, after in zip(kept[first:], now[first:], strict=True) if before]
    fits = sum(before == after for before, after in known)
    return len(known) >= LEAST_KNOWN and fits < math.ceil(len(known) * 3 / 5)


def suspect(record: Record, *, root: Callable[[str], str | None], parts: PartReaders) -> bool:
    """Whether the record belongs to another machine than this one; False in phases where that does not matter.

    Args:
        root: an id's source -> the number that such an id hangs on now; see ``Hardware.root``.
    """
    if (record.phase, Event.HARDWARE_CHANGED) not in TRANSITIONS or not record.device_id:
        return False
    return is_another_s(record, root=root, parts=parts)


def is_another_s(record: Record, *, root: Callable[[str], str | None], parts: PartReaders) -> bool:
    """Whether a record's hashes are another machine's, whatever its phase; ``root`` as for ``suspect``."""
    found = root(record.id_source)
    now = hw_print(record.device_id, root=found or "", parts=parts)
    return is_clone(record.hw_print, now, id_source=record.id_source, is_root_known=found is not None)


def check(journal: Journal, *, root: Callable[[str], str | None], parts: PartReaders) -> None:
    """Write down that the disk came from other hardware, if it did.

    Raises:
        PrivateFileError: it cannot be written.
    """
    if suspect(journal.record, root=root, parts=parts):
        journal.write(journal.record.moved(Event.HARDWARE_CHANGED))


def _hash(salt: str, part: str, value: str) -> str:
    if not value:
        return ""
    return hashlib.sha256("\0".join(("avatar-agent-hw-v1", salt, part, value)).encode()).hexdigest()[:16]


def _made_up_address(address: str) -> bool:
    """Addresses that the system made, or that say nothing: they change with every start of a container."""
    return address == "00:00:00:00:00:00" or bool(int(address[:2], 16) & 0x02)


def _first(paths: Iterable[Path], *, unless: Callable[[str], bool] = lambda _text: False) -> str:
    for path in sorted(paths):
        text = path.read_text("ascii", "ignore").strip()
        if text and not unless(text):
            return text
    return ""
