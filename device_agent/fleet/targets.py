"""Which devices are meant: ids by hand, a table (CSV), or the tickets that devices left behind."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from device_agent.errors import ConfigurationError, UsageError
from device_agent.fleet.files import read_file
from device_agent.lifecycle.ticket import OrphanTicket

LONGEST = 16 * 1024 * 1024
COLUMN = "device_id"
_DEVICE_ID = re.compile(r"[!-~]{1,64}")


@dataclass(frozen=True, kw_only=True)
class Target:
    """One device; what a ticket does not say is empty, or 0."""

    device_id: str
    tenant_id: int = 0
    app_id: str = ""
    endpoint: str = ""
    origin: str = ""


def checked_id(device_id: str, *, where: str = "") -> str:
    """The id, if it can be one.

    Raises:
        UsageError: it cannot: empty, too long, or with other than printable ASCII.
    """
    if not _DEVICE_ID.fullmatch(device_id):
        shown = device_id[:80].encode("unicode_escape").decode() or "an empty one"
        raise UsageError(
            f"this can be no device's id: {shown}", code="fleet.device_id", where=where,
            hint="1 to 64 printable ASCII characters without blanks; nothing was sent",
        )  # fmt: skip
    return device_id


def by_hand(device_ids: Iterable[str]) -> list[Target]:
    """Ids from the command line.

    Raises:
        UsageError: one can be none.
    """
    return [Target(device_id=checked_id(device_id), origin="command line") for device_id in device_ids]


def from_file(file: Path) -> list[Target]:
    """The devices of a table with a column ``device_id``, or of tickets: one, a list, or one in each line.

    Raises:
        ConfigurationError: it cannot be read, or is neither.
        UsageError: an id can be none.
    """
    try:
        text = read_file(file, limit=LONGEST).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _neither(file, "it is no UTF-8 text (save it as CSV UTF-8)") from None
    found = list(_tickets(text, file) if text.lstrip()[:1] in ("{", "[") else _rows(text, file))
    if not found:
        raise _neither(file, "it names no device")
    return found


def merged(targets: Iterable[Target]) -> list[Target]:
    """Each device once, in the order in which they came."""
    found: dict[str, Target] = {}
    for target in targets:
        if target.device_id not in found or (target.tenant_id and not found[target.device_id].tenant_id):
            found[target.device_id] = target
    return list(found.values())


def _rows(text: str, file: Path) -> Iterator[Target]:
    head = text.splitlines()[:1]
    try:
        delimiter = next((mark for mark in ",;\t" if _named(next(csv.reader(head, delimiter=mark), []))), ",")
        # Strict: a quote that does not end would move what follows into another column.
        rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        names = _named(rows.fieldnames or ())
        if len(names) != 1:
            raise _neither(file, f"its first line names {'no' if not names else 'more than one'} column {COLUMN}")
        for row in rows:
            value = (row[names[0]] or "").strip()
            if value or any(other for other in row.values()):
                yield Target(device_id=checked_id(value, where=f"{file}, line {rows.line_num}"), origin=f"{file.name}")
    except csv.Error:
        raise _neither(file, "it is no table") from None


def _named(columns: Iterable[str]) -> list[str]:
    return [name for name in columns if name.strip().lower() == COLUMN]


def _tickets(text: str, file: Path) -> Iterator[Target]:
    try:
        try:
            found = msgspec.json.decode(text, type=OrphanTicket | list[OrphanTicket])
            tickets = found if isinstance(found, list) else [found]
        except msgspec.DecodeError:
            tickets = [msgspec.json.decode(line, type=OrphanTicket) for line in text.splitlines() if line.strip()]
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise _neither(file, "it holds no tickets") from None
    for ticket in tickets:
        yield Target(
            device_id=checked_id(ticket.device_id, where=str(file)), tenant_id=ticket.tenant_id, app_id=ticket.app_id,
            endpoint=ticket.endpoint, origin=f"ticket in {file.name}",
        )  # fmt: skip


def _neither(file: Path, why: str) -> ConfigurationError:
    return ConfigurationError(
        f"this is neither a table of devices nor their tickets: {why}",
        code="fleet.targets",
        where=str(file),
        hint=f"a CSV whose first line has {COLUMN}, or the line that unbind --accept-seat-leak printed",
    )
