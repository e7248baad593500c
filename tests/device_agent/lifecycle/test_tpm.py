"""The TPM as the root of the device's id: a real one where swtpm is installed, and a stand-in everywhere."""

from __future__ import annotations

import errno
import functools
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from device_agent.errors import ConfigurationError, StateError
from device_agent.lifecycle import clone
from device_agent.lifecycle.engine import Engine, this_machine
from device_agent.lifecycle.identity import Hardware, derive, identify
from device_agent.lifecycle.machine import Phase
from device_agent.tpm.endorsement import EndorsementKey

from .conftest import Kiosk


def machine(path: Path, serial: Path) -> Hardware:
    return Hardware(serial_files=[serial], random_bytes=os.urandom, tpm=EndorsementKey(path))


def test_the_id_comes_from_the_tpm_and_a_copied_disk_is_noticed(
    kiosk: Kiosk, new_tpm: Callable[[], Path], tmp_path: Path
) -> None:
    path = new_tpm()
    serial = tmp_path / "serial"
    serial.write_text("board-1")
    settings = kiosk.settings(tpm=str(path))
    options = {"environ": {}}
    with Engine.open(settings, hardware=machine(path, serial), client_options=options) as engine:
        engine.bind()
        record = engine.record
    name = EndorsementKey(path).name()
    assert record.id_source == "tpm"
    assert record.device_id == derive(name, tenant_id=record.tenant_id, app_id=record.app_id)
    assert name.hex().encode() not in b"".join(kiosk.files().values()), "the number itself is nowhere"
    serial.write_text("board-2")  # another board is no news where the id hangs on the TPM
    with Engine.open(settings, hardware=machine(path, serial), client_options=options) as engine:
        assert engine.record.phase is Phase.BOUND
    with Engine.open(settings, hardware=machine(new_tpm(), serial), client_options=options) as engine:
        assert engine.record.phase is Phase.CLONE_SUSPECT
        with pytest.raises(StateError):
            engine.start()


class Silent(EndorsementKey):
    """Is there, and cannot be asked."""

    def name(self) -> bytes:
        raise ConfigurationError("no", code="identity.tpm")


def prints(root: str, **parts: str) -> tuple[str, ...]:
    values = {part: parts.get(part, part) for part in clone.PARTS[1:]}
    readers = {part: functools.partial(values.get, part, "") for part in values}
    return clone.hw_print("ID", root=root, parts=clone.PartReaders(readers=readers))


def test_a_tpm_that_cannot_be_asked_is_no_alarm_and_one_that_is_gone_is(tmp_path: Path) -> None:
    there, gone = tmp_path / "tpm", tmp_path / "gone"
    there.touch()

    def root(path: Path) -> str | None:
        return Hardware(serial_files=[], random_bytes=os.urandom, tpm=Silent(path)).root("tpm")

    assert (root(there), root(gone)) == (None, "")
    kept = prints("ek")
    assert not clone.is_clone(kept, prints(""), id_source="tpm", is_root_known=False)
    assert clone.is_clone(kept, prints("", nic="x", cpu="y"), id_source="tpm", is_root_known=False), "the rest decides"
    assert clone.is_clone(kept, prints(""), id_source="tpm")
    assert clone.is_clone(kept, prints("other"), id_source="tpm")


@pytest.mark.parametrize("kind", ["missing", "file", "link", "silent socket"])
def test_a_tpm_that_is_set_and_cannot_be_asked_makes_no_other_id(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "tpm"
    if kind == "file":
        path.write_bytes(b"\0" * 100)
    elif kind == "link":
        path.symlink_to("/dev/zero")
    elif kind == "silent socket":
        socket.socket(socket.AF_UNIX).bind(str(path))
    with pytest.raises(ConfigurationError) as caught:
        identify("", tenant_id=1, app_id="a", hardware=this_machine(str(path)))
    assert caught.value.code == "identity.tpm"
    assert caught.value.hint
    assert ("firmware" in caught.value.hint) is (kind == "missing")
    if kind == "file":
        assert path.read_bytes() == bytes(100), "no command was written into it"
    if kind == "link":
        assert "symbolic" in caught.value.message, "not followed"
    assert identify("mine", tenant_id=1, app_id="a", hardware=this_machine(str(path))).source == "assigned"


def test_who_may_not_open_the_tpm_is_told_the_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tpm").touch()

    def refuse(*_arguments: object) -> int:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(ConfigurationError) as caught:
        this_machine(str(tmp_path / "tpm")).endorsement()
    assert "permission denied" in caught.value.message
    assert "tss" in caught.value.hint
