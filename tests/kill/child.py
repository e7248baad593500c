"""A program that lives a device's life and is killed on the way.

It loads everything once, then forks a child for each line of JSON on stdin and says on stdout how the child ended. The
child ends itself with SIGKILL at the named point, or at the numbered operation of the disk or the network: nothing of
Python's own tidying up runs, as when power fails (but for what the kernel has not written yet; test_power_loss.py).
"""

from __future__ import annotations

import base64
import encodings.idna  # noqa: F401 -- with those below: loaded before the fork, not after each
import gc
import json
import os
import random
import signal
import socket
import ssl
import stat
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import certifi
import cryptography.hazmat.primitives.kdf.hkdf
import cryptography.hazmat.primitives.serialization.pkcs7  # noqa: F401

import device_agent.api.transport
import device_agent.avatars.download  # noqa: F401
from certs.errors import CertError
from device_agent.api.retry import NEVER
from device_agent.config import Settings
from device_agent.errors import AgentError
from device_agent.lifecycle.engine import Engine
from device_agent.lifecycle.identity import Hardware
from device_agent.lifecycle.points import Point
from device_agent.tpm.endorsement import EndorsementKey
from device_agent.tpm.sealing import Sealer

LINK = "link to "
"""Begins what an image says of a symbolic link; no base64 has a blank."""

DISK = ("open", "write", "fsync", "rename", "replace", "unlink", "rmdir", "mkdir", "symlink", "ftruncate")
"""Operations that change the disk; of ``open``, those that may write."""

WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT


class Clock:
    """The system's clock, moved."""

    def __init__(self, moved: float) -> None:
        self._moved = moved

    def wall(self) -> float:
        return time.time() + self._moved

    def steady(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        del seconds


class Unsynced:
    """What of a folder is surely on the disk, and what it may look like after the power failed.

    A file's bytes are sure when it was synced, a name (and a link, which is nothing else) when its folder was, under
    whatever name the folder is later. What is not sure may be lost (``old``), or its names may be there with zeros for
    bytes, as SD cards leave them (``zeros``), or with half of them (``half``), or any part of it may be there and the
    rest not (``some:`` and a number, which decides).
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._bytes: dict[int, bytes] = {}
        self._names: dict[int, dict[str, int]] = {}
        self._folders: set[int] = set()
        self._links: dict[int, str] = {}
        self._held: dict[int, int] = {}
        self._open = os.open
        for folder in [root, *(path for path in root.rglob("*") if path.is_dir() and not path.is_symlink())]:
            self._take_names(folder)
            for path in folder.iterdir():
                if path.is_file() and not path.is_symlink():
                    self._bytes[path.stat().st_ino] = path.read_bytes()

    def synced(self, descriptor: int) -> None:
        path = Path(os.readlink(f"/proc/self/fd/{descriptor}"))
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            self._take_names(path)
        else:
            self._bytes[status.st_ino] = path.read_bytes() if path.exists() else b""

    def dump(self, how: str, image: Path) -> None:
        """Write the folder as it may be found after the failure."""
        found: dict[str, str | None] = {}
        if how == "old":
            self._old(self.root, found)
        elif how.startswith("some:"):
            self._some(self.root, "", found, Coins(how))
        else:
            for path in self.root.rglob("*"):
                name = str(path.relative_to(self.root))
                if path.is_symlink():
                    found[name] = LINK + os.readlink(path)
                else:
                    found[name] = None if path.is_dir() else self._torn(path, how)
        image.write_text(json.dumps(found))

    def _old(self, folder: Path, found: dict[str, str | None]) -> None:
        self._old_below("", folder.stat().st_ino, found)

    def _old_below(self, above: str, folder: int, found: dict[str, str | None]) -> None:
        for name, number in self._names.get(folder, {}).items():
            self._old_entry(f"{above}{name}", number, found)

    def _old_entry(self, relative: str, number: int, found: dict[str, str | None]) -> None:
        if number in self._links:
            found[relative] = LINK + self._links[number]
        elif number in self._folders:
            found[relative] = None
            self._old_below(f"{relative}/", number, found)
        else:
            found[relative] = base64.b64encode(self._bytes.get(number, b"")).decode()

    def _some(self, folder: Path, above: str, found: dict[str, str | None], coins: Coins) -> None:
        """Each change of a name is there or is not, a rename as a whole; of bytes that are not sure, any part."""
        was = self._names.get(folder.stat().st_ino, {})
        with os.scandir(folder) as entries:
            now = {entry.name: entry.inode() for entry in entries}
        for name in sorted({*was, *now}):
            before, after = was.get(name), now.get(name)
            changed = before != after and coins.yes(after or before)
            number = after if changed or before == after else before
            path, relative = folder / name, f"{above}{name}"
            if number is None:
                continue
            if number != after:
                self._old_entry(relative, number, found)
            elif path.is_symlink():
                found[relative] = LINK + os.readlink(path)
            elif path.is_dir():
                found[relative] = None
                self._some(path, f"{relative}/", found, coins)
            else:
                found[relative] = self._torn(path, coins.one_of("old", "zeros", "half", "whole"))

    def _torn(self, path: Path, how: str) -> str:
        data = path.read_bytes()
        sure = self._bytes.get(path.stat().st_ino)
        if sure != data:
            half = data[: len(data) // 2]
            data = {"zeros": bytes(len(data)), "half": half, "whole": data, "old": sure or b""}[how]
        return base64.b64encode(data).decode()

    def _take_names(self, folder: Path) -> None:
        with os.scandir(folder) as entries:
            known = {entry.name: entry for entry in entries}
        self._names[folder.stat().st_ino] = {name: entry.inode() for name, entry in known.items()}
        for entry in known.values():
            # Held open, so that the number of what is removed is not given out again.
            if entry.inode() not in self._held:
                self._held[entry.inode()] = self._open(entry.path, os.O_PATH | os.O_NOFOLLOW)
            self._links.pop(entry.inode(), None)
            self._folders.discard(entry.inode())
            if entry.is_symlink():
                self._links[entry.inode()] = os.readlink(entry.path)
            elif entry.is_dir():
                self._folders.add(entry.inode())


class Coins:
    """Chance that is the same each time: one throw for each inode, so that a rename happens as a whole or not."""

    def __init__(self, seed: str) -> None:
        self._chance = random.Random(seed)
        self._thrown: dict[int | None, bool] = {}

    def yes(self, number: int | None) -> bool:
        if number not in self._thrown:
            self._thrown[number] = self._chance.random() < 0.5
        return self._thrown[number]

    def one_of(self, *choices: str) -> str:
        return self._chance.choice(choices)


def order_image(disk: Unsynced) -> str:
    """Where the image goes: beside the folder, which is not part of it."""
    return f"{disk.root}.image"


class Doom:
    """Counts points and operations, writes them down, and kills at the one that was ordered."""

    def __init__(self, order: dict[str, Any]) -> None:
        self._log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._kill = order.get("kill") or {}
        self._operations = 0
        self._points: dict[str, int] = {}
        self._write = os.write
        self._disk = Unsynced(Path(order["disk"])) if self._kill.get("lose") else None

    def note(self, kind: str, text: str) -> None:
        self._write(self._log, f"{kind} {text}\n".encode())

    def point(self, point: Point) -> None:
        self._points[point] = self._points.get(point, 0) + 1
        self.note("point", f"{point.value}#{self._points[point]}")
        if self._kill.get("point") == point.value and self._points[point] >= self._kill.get("from", 1):
            self._end()

    def operation(self, name: str) -> None:
        self._operations += 1
        self.note("op", f"{self._operations} {name}")
        if "errno" in self._kill:
            if name in DISK and self._kill["from"] <= self._operations < self._kill["until"]:
                raise OSError(self._kill["errno"], os.strerror(self._kill["errno"]))
        elif self._kill.get("op") == self._operations:
            if self._disk is not None:
                self._disk.dump(self._kill["lose"], Path(order_image(self._disk)))
            self._end()

    def _end(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def watch(self) -> None:
        """Stand before every operation that changes the disk, and around every piece that leaves over the network."""
        for name in DISK:
            setattr(os, name, self._counted(name, getattr(os, name)))
        for kind in (socket.socket, ssl.SSLSocket):
            for name in ("send", "sendall"):
                setattr(kind, name, self._around(getattr(kind, name)))

    def _around(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def sent(connection: socket.socket, *arguments: Any) -> Any:
            self.operation("net.before")
            result = real(connection, *arguments)
            self.operation("net.sent")
            return result

        return sent

    def _counted(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **more: Any) -> Any:
            if name != "open" or arguments[1] & WRITES:
                self.operation(name)
            result = real(*arguments, **more)
            if name == "fsync" and self._disk is not None:
                self._disk.synced(arguments[0])
            return result

        return counted


def live(order: dict[str, Any]) -> None:
    """Go through the stages; one that is refused is written down and the next is tried."""
    doom = Doom(order)
    doom.watch()
    settings = Settings.load(None, environ=order["environ"], overrides=order["overrides"], system_file=Path("/none"))
    sealer = Sealer(Path(settings.tpm)) if settings.tpm else None
    hardware = Hardware(
        serial_files=[Path(order["serial"])], random_bytes=os.urandom, sealer=sealer,
        tpm=EndorsementKey(Path(settings.tpm)) if settings.tpm and order["id_from_tpm"] else None,
    )  # fmt: skip
    for stage in order["stages"]:
        doom.note("stage", stage)
        try:
            with Engine.open(
                settings,
                hardware=hardware,
                clock=Clock(order.get("moved", 0.0)),
                client_options={"retry": NEVER, "environ": {}},
                reach=doom.point,
            ) as engine:
                acts: dict[str, Callable[[], object]] = {
                    "bind": engine.bind,
                    "start": engine.start,
                    "fetch": lambda engine=engine: engine.fetch(order["code"]),
                    "renew": lambda engine=engine: engine.renew_certificate(force=True),
                    "obey": engine.ask_for_order,
                    "refresh": engine.refresh_token,
                    "worked": lambda engine=engine: engine.token_worked(engine.token.token),
                    "rejected": lambda engine=engine: engine.token_rejected(engine.token.token),
                    "unbind": engine.unbind,
                }
                acts[stage]()
                doom.note("phase", str(engine.record.phase))
        except (AgentError, CertError) as error:
            doom.note("refused", error.code)
    doom.note("end", "ok")


def main() -> None:
    """Trusts publicly whom the file trusts that is named first."""
    certifi.where = lambda: sys.argv[1]
    gc.freeze()  # what is loaded is shared with every child, and none looks through it
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if child == 0:
            status = 70
            try:
                live(order)
                status = 0
            finally:
                sys.stderr.flush()
                os._exit(status)
        _, ended = os.waitpid(child, 0)
        sys.stdout.write(
            json.dumps({"killed": os.WIFSIGNALED(ended), "status": os.waitstatus_to_exitcode(ended)}) + "\n"
        )
        sys.stdout.flush()


if __name__ == "__main__":
    main()
