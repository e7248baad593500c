"""What the disk says, looked at cheaply: files are read again only when one of them has changed."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from certs.errors import CertError
from device_agent.avatars.cache import AvatarCache, CachedPackage
from device_agent.avatars.kept import folder_of
from device_agent.avatars.record import NAME
from device_agent.config import Settings
from device_agent.errors import AgentError
from device_agent.lifecycle.journal import load
from device_agent.lifecycle.keyring import reading
from device_agent.lifecycle.record import Record
from device_agent.lifecycle.slot import SLOTS
from device_agent.lifecycle.vault import AVATARS
from device_agent.tpm.sealing import Sealer

Stamp = tuple[tuple[int, int, int] | None, ...]

AGAIN_S = 5.0
"""Seconds between two tries to read what could not be read."""


@dataclass(frozen=True, kw_only=True)
class State:
    """One look.

    Attributes:
        settings: ``None`` while they cannot be read.
        record: the last one that could be read.
        packages: the avatars that may be shown, the one that is meant first, then those before it.
        damaged: the record is blank because both of its copies are damaged.
        fault: code of what keeps settings or state from being read.
    """

    settings: Settings | None = None
    record: Record = field(default_factory=Record)
    packages: tuple[CachedPackage, ...] = ()
    damaged: bool = False
    fault: str = ""


@dataclass
class Watcher:
    """Looks at one device.

    Args:
        load_settings: reads them, raising AgentError when they cannot be used.
        config: the settings file, where one is named: what changes in it is followed as well.
        steady: seconds that pass.
        sealer: the TPM's address in the settings -> that TPM, asked once while it stays the same.
    """

    load_settings: Callable[[], Settings]
    config: Path | None
    steady: Callable[[], float]
    sealer: Callable[[str], Sealer] = field(default_factory=lambda: functools.lru_cache(maxsize=1)(_sealer))
    _state: State = field(default_factory=State)
    _stamp: Stamp | None = None
    _tried_at: float = 0.0

    def look(self) -> State:
        """How it is now. Raises nothing: what cannot be read is a fault, and the last record stays."""
        stamp = self._now()
        again = self._state.fault and self.steady() - self._tried_at >= AGAIN_S
        if stamp != self._stamp or again:
            # The stamp is of before: what is written while files are read is seen by the next look.
            self._stamp, self._tried_at = stamp, self.steady()
            self._state = self._read()
        return self._state

    def _now(self) -> Stamp:
        return tuple(_stamp(path) for path in self._watched())

    def _watched(self) -> list[Path]:
        paths = [self.config] if self.config is not None else []
        settings, content = self._state.settings, self._state.record.content
        if settings is not None:
            paths += [settings.state_dir / name for name in SLOTS]
            root = settings.cache_dir / AVATARS
            paths += [folder_of(root, code) / NAME for code in (content.active, content.previous) if code]
        return paths

    def _read(self) -> State:
        before = self._state
        try:
            settings = self.load_settings()
        except AgentError as error:
            return State(settings=before.settings, record=before.record, packages=before.packages, fault=error.code)
        try:
            sealer = self.sealer(settings.tpm) if settings.tpm else None
            loaded = load(settings.state_dir, keyring=reading(settings.state_dir, sealer=sealer))
        except (AgentError, CertError) as error:
            return State(settings=settings, record=before.record, packages=before.packages, fault=error.code)
        record = loaded.record
        packages = tuple(_packages(settings, record))
        return State(settings=settings, record=record, packages=packages, damaged=loaded.blank_reason == "corrupt")


def _packages(settings: Settings, record: Record) -> list[CachedPackage]:
    cache, found = AvatarCache(settings.cache_dir / AVATARS), []
    for code in dict.fromkeys((record.content.active, record.content.previous)):
        if not code:
            continue
        for kept in (cache.cached, cache.previous):
            with suppress(AgentError):  # why it cannot be read is doctor's to say; another may be there
                if (package := kept(code)) is not None:
                    found.append(package)
    return found


def _sealer(tpm: str) -> Sealer:
    return Sealer(Path(tpm))


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
