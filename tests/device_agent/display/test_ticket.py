"""The ticket of a removal by force, from the command to the screen."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from certs.files import write_private
from device_agent.display.place import run_folder
from device_agent.display.ticket import NAME, leave, to_scan
from device_agent.lifecycle.identity import id_hash
from device_agent.lifecycle.journal import load
from device_agent.lifecycle.ticket import OrphanTicket
from device_agent.qr_code import BORDER, modules
from tests.device_agent.display.conftest import Site

TICKET = OrphanTicket(
    device_id="ECUR5MYFSCMXR5JQBU2L6I6PDE", tenant_id=7, app_id="app", endpoint="https://x.example", ordered_at=1.0,
    reason="moved away " * 50,
)  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    run = tmp_path / "run"
    run.mkdir(mode=0o700)
    return run


def test_it_is_scanned_only_for_the_device_that_it_is_of(folder: Path) -> None:
    assert to_scan(folder, removed=id_hash(TICKET.device_id)) is None
    leave(TICKET, folder)
    found = to_scan(folder, removed=id_hash(TICKET.device_id))
    assert found is not None
    text = (folder / NAME).read_text("ascii")
    assert "moved away" not in text
    whole = np.pad(found == 0, BORDER)
    assert (whole == np.array(modules(text))).all()
    assert to_scan(folder, removed=id_hash("another")) is None


@pytest.mark.parametrize("text", ["", "{", '{"device_id":7}', '{"x":' + "[" * 3000])
def test_what_is_no_ticket_is_not_scanned(folder: Path, text: str) -> None:
    write_private(folder / NAME, text.encode())
    assert to_scan(folder, removed=id_hash(TICKET.device_id)) is None


@pytest.mark.parametrize("data", [b"", b"{}", b'{"device_id": 7}', b"\xff", b'{"device_id": "' + b"a" * 5000 + b'"}'])
def test_what_is_no_ticket_is_none(folder: Path, data: bytes) -> None:
    (folder / NAME).write_bytes(data)
    (folder / NAME).chmod(0o600)
    assert to_scan(folder, removed=id_hash(TICKET.device_id)) is None


def test_no_display_is_no_reason_not_to_leave(tmp_path: Path) -> None:
    leave(TICKET, None)
    leave(TICKET, tmp_path / "nowhere")
    assert to_scan(None, removed="") is None


def test_the_command_leaves_it_for_the_display(site: Site, tmp_path: Path) -> None:
    environ = {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)}
    folder = run_folder(site.settings().state_dir, environ)
    assert folder is not None
    folder.mkdir(mode=0o700)
    for command in (["bind"], ["unbind", "--accept-seat-leak"]):
        program = [sys.executable, "-m", "device_agent.cli.main", *command, "--config", str(site.config)]
        subprocess.run(program, env=environ, check=True, capture_output=True, timeout=60)
    tombstone = load(site.settings().state_dir).record.tombstone
    assert tombstone is not None
    assert to_scan(folder, removed=tombstone.id_hash) is not None
