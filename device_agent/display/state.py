"""What the disk says, looked at cheaply: files are read again only when one of them has changed.

Reading it takes the device's keys, so that this is the opener's to do; what is found may be told to the display.
"""

from __future__ import annotations

import functools
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from certs.errors import CertError
from device_agent.avatars.cache import AvatarCache, CachedPackage
from device_agent.avatars.kept import folder_of
from device_agent.avatars.record import NAME
from device_agent.config import Settings
from device_agent.display.seen import Kept, PictureFile, Rules, State
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


MOST_BYTES = 64 * 1024**2
"""Of the operator's picture."""


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
    settings: Settings | None = None
    """The last that could be read."""
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
        settings, content = self.settings, self._state.record.content
        if settings is not None:
            paths += [settings.fallback_picture] if settings.fallback_picture is not None else []
            paths += [settings.state_dir / name for name in SLOTS]
            root = settings.cache_dir / AVATARS
            paths += [folder_of(root, code) / NAME for code in (content.active, content.previous) if code]
        return paths

    def _read(self) -> State:
        before = self._state
        try:
            settings = self.settings = self.load_settings()
        except AgentError as error:
            return State(rules=before.rules, record=before.record, packages=before.packages, fault=error.code)
        rules = Rules(
            offline_budget_s=settings.offline_budget_s,
            asset_limits=settings.asset_limits,
            limits_from=settings.where("asset_limits"),
            fallback_picture=picture_file(settings.fallback_picture),
        )
        try:
            sealer = self.sealer(settings.tpm) if settings.tpm else None
            loaded = load(settings.state_dir, keyring=reading(settings.state_dir, sealer=sealer))
        except (AgentError, CertError) as error:
            return State(rules=rules, record=before.record, packages=before.packages, fault=error.code)
        record = loaded.record
        packages = tuple(Kept(code=one.code, sha256=one.sha256) for one in _packages(settings, record))
        return State(rules=rules, record=record, packages=packages, damaged=loaded.blank_reason == "corrupt")


def picture_file(path: Path | None) -> PictureFile | None:
    """The operator's picture as it lies there; ``None`` where none is named, or it cannot be read."""
    stamp = None if path is None else _stamp(path)
    if path is None or stamp is None or stamp[1] > MOST_BYTES:
        return None
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # whoever reads a pipe waits
            return None
        return PictureFile(stamp=stamp, data=path.read_bytes())
    except OSError:
        return None


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
