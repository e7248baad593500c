"""What people write: settings, tables of devices, tickets, and the journal of a release."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from device_agent import code_patterns
from device_agent.config import Settings
from device_agent.fleet.journal import Journal, Line, Plan
from device_agent.fleet.targets import from_file, merged
from device_agent.lifecycle.ticket import OrphanTicket
from tests.fuzz.folder import kept
from tests.fuzz.target import Target, of_json

NOWHERE = Path("/nonexistent")
TOML = b"""\
endpoint = "https://a.example"  # the platform
tenant_id = 1
timeout_s = 5.0
tpm = ""
order_threshold = 2
seat_full_codes = ["x", "/a|b/"]
license_file = "l"
ca_files = {"a.example" = "ca.pem"}
[crl_urls]
"a.example" = "http://a/c"
[asset_limits]
picture_pixels = 16777216
"""
TICKET = OrphanTicket(device_id="A1", tenant_id=7, app_id="app", endpoint="https://a", ordered_at=1.0, reason="späť")
TABLES = (b"device_id\nA1\nB2\n", b'site;device_id\r\n"Hall; 1";A1\r\n', "\ufeffDevice_ID\tx\nA1\t'\n".encode())
PLAN = Plan(tenant_id=1, endpoint="https://a", late_window_s=60.0, devices=["A1", "B2"])


def read_settings(data: bytes) -> None:
    file = kept("config.toml", data) / "config.toml"
    found = Settings.load(file, environ={}, overrides={}, system_file=NOWHERE)
    assert all(found.where(name) for name in Settings.names())


def read_environment(data: bytes) -> None:
    """Variables as ``NAME=value``, one in each line, where every value is text."""
    lines = data.decode("utf-8", "surrogateescape").replace("\0", "").split("\n")
    given = dict(line.split("=", 1) for line in lines if "=" in line)
    Settings.load(
        None, environ={f"AVATAR_AGENT_{name}": value for name, value in given.items()}, overrides={},
        system_file=NOWHERE,
    )  # fmt: skip


def read_targets(data: bytes) -> None:
    found = merged(from_file(kept("devices.csv", data) / "devices.csv"))
    assert all(target.device_id.isascii() and 0 < len(target.device_id) <= 64 for target in found)


def read_journal(data: bytes) -> None:
    found = Journal.go_on(kept("release.journal", data) / "release.journal")
    for number in (1, 2):
        assert all(isinstance(device_id, str) for device_id in found.left(number))


def read_pattern(data: bytes) -> None:
    """An operator's expression, and a text that it is looked for in; what is none is refused, what is one soon ends."""
    entry, _, text = data.decode("utf-8", "replace").partition("\n")
    entries = code_patterns.split(entry)
    try:
        code_patterns.check(entries)
    except ValueError:
        return
    code_patterns.names(entries, code=text[:20], message=text * 9)


def journals() -> Sequence[bytes]:
    done = (Line(device_id="A1", round=1, at=1.0, result="released"), Line(device_id="B2", round=2, at=2.0, result="x"))
    return [b"".join(msgspec.json.encode(one) + b"\n" for one in (PLAN, *done)) + b'{"cut']


def environment() -> Sequence[bytes]:
    return [b'TENANT_ID=1\nTIMEOUT_S=2.5\nCA_FILES={"a":"b"}\nSEAT_FULL_CODES=x,/a,b/\nTPM=/dev/x\nSERVICE_HOST=h\nX=']


TARGETS = {
    "settings": Target(run=read_settings, seeds=lambda: [TOML]),
    "environment": Target(run=read_environment, seeds=environment),
    "fleet-targets": Target(
        run=read_targets, seeds=lambda: [*TABLES, TICKET.text().encode(), f"[{TICKET.text()}]".encode()], mutate=of_json
    ),
    "release-journal": Target(run=read_journal, seeds=journals, mutate=of_json),
    "code-pattern": Target(run=read_pattern, seeds=lambda: [b"x,/a|b/\nsome a", b"/^(ab?)[c-]*$/\nab"], longest=512),
}
