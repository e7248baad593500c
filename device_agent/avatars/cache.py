"""Sealed avatar packages on this device: fetched, verified, and switched in one step.

    root/                     0700
      <hash of the code>/     0700, one for each avatar; a code never becomes a path
        active.json           0600, the record: RenderData with its secret, and which package is the active one
        previous.json         0600, the record of the package before it, for a display that the active one makes crash
        <sha256>.sealed       0600, the packages as they came, never decrypted on disk
        <identity>.part       0600, a download that was cut; beside it <identity>.part.json

The record is replaced by one rename after the new package is complete and verified; until then the last good one stays.
"""

from __future__ import annotations

import hashlib
import math
import os
import re
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from certs.files import erase, open_private, private_directory
from certs.license import License
from device_agent.avatars.kept import folder_of, kept, sealed_in, size_of
from device_agent.avatars.package import DEFAULT_LIMITS, PackageLimits, check_package, content_key, open_package
from device_agent.avatars.partial import open_partial, storage
from device_agent.avatars.record import PREVIOUS, Record, read_record, write_record
from device_agent.avatars.render_data import RenderData
from device_agent.errors import ConfigurationError, PackageError

if TYPE_CHECKING:
    from device_agent.avatars.web import Web

DEFAULT_TIMEOUT_S = 30.0

_FOLDER = re.compile(r"[0-9a-f]{32}")
_LEFTOVERS = (".sealed", ".part", ".part.json")
_BLOCK = 1024 * 1024
_MARGIN = 64 * 1024
"""Bytes for records beside the packages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedPackage:
    """A verified, sealed package on disk.

    Attributes:
        code: the avatar's code.
        path: the sealed zip file.
        data: the RenderData it was fetched with.
        sha256: hash of the file, lower-case hexadecimal.
        size: its length in bytes.
        transferred: bytes that the fetch brought over the network; 0 if the package was there already.
    """

    code: str
    path: Path
    data: RenderData
    sha256: str
    size: int
    transferred: int = 0

    def open(self, license: License | None, *, limits: PackageLimits = DEFAULT_LIMITS) -> dict[str, bytes]:
        """The package's files, decrypted into memory; the sealed file is verified first, because disks forget.

        Raises:
            PackageError: the file has changed since it was fetched, or does not open.
            LicenseError: the licence holds no usable key.
            ConfigurationError: the file cannot be read, or others can reach it.
        """
        if _hash_of(self.path) != self.sha256:
            raise PackageError(
                "the package on this device has changed since it was fetched",
                code="package.sha256",
                where=self.code,
                hint="fetch the avatar again",
            )
        return open_package(self.path, key=content_key(self.data, license), limits=limits, label=self.code)


class AvatarCache:
    """The avatars of one device, below one private folder. One process may fetch while others read."""

    def __init__(
        self,
        root: Path,
        *,
        limits: PackageLimits = DEFAULT_LIMITS,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        deadline_s: float = math.inf,
        quota: int | None = None,
    ) -> None:
        """``quota`` is the room in bytes that everything below ``root`` may take, unfinished downloads included."""
        self._root = Path(root)
        self._limits = limits
        self._timeout_s = timeout_s
        self._deadline_s = deadline_s
        self._quota = quota

    def fetch(
        self,
        code: str,
        data: RenderData,
        *,
        web: Web | Callable[[], Web],
        progress: Callable[[int, int], None] | None = None,
        check: Callable[[Path], None] | None = None,
        keep: Collection[str] = (),
    ) -> CachedPackage:
        """Bring the avatar's package onto this device and make it the active one.

        Nothing is downloaded that is here already; a download that was cut goes on where it ended.

        Args:
            code: the avatar's code.
            data: what the platform said about it.
            web: the way to the content's host, or what makes it when something is to be downloaded.
            progress: called with the bytes that are here and the bytes of the whole (0 while unknown).
            check: called with the sealed file before it becomes active; what it raises keeps the last good one.
            keep: codes of avatars that are not removed to make room.

        Raises:
            NetworkError: no answer, a cut or a refusal; what has come is kept.
            PackageError: the package is not what was promised, or is no safe package; nothing of it is kept.
            ConfigurationError: the cache cannot be written, is not private, or another process is fetching.
            UsageError: the code is no avatar code.
        """
        folder = folder_of(self._root, code)
        with storage(folder):
            private_directory(self._root)
            private_directory(folder)
        here = self._already_here(folder, data)
        if here is None:
            _clear(folder, keep=_still_wanted(folder, data))
            self._make_room(code, data, keep=keep)
            here = self._download(folder, data, web=web() if callable(web) else web, progress=progress)
        sha256, etag, transferred = here
        path = sealed_in(folder, sha256)
        if check is not None:
            check(path)
        size = size_of(path) or 0
        before = read_record(folder)
        if before is not None and before.sha256 != sha256:
            write_record(folder, before, PREVIOUS)
        order = 1 + max((record.order for record in self._records()), default=0)
        write_record(folder, Record.of(data, code=code, sha256=sha256, size=size, etag=etag, order=order))
        _clear(folder, keep=(path.name, *_previous_names(folder)))
        return CachedPackage(code=code, path=path, data=data, sha256=sha256, size=size, transferred=transferred)

    def cached(self, code: str) -> CachedPackage | None:
        """The avatar's active package, or None; a damaged record counts as none, because fetching heals it.

        Raises:
            ConfigurationError: the cache is not private.
        """
        record = kept(self._root, code)
        return None if record is None else _package(folder_of(self._root, code), record)

    def previous(self, code: str) -> CachedPackage | None:
        """The avatar's package before the active one, while there is room for it, or None.

        Raises:
            ConfigurationError: the cache is not private.
        """
        folder = folder_of(self._root, code)
        record, active = read_record(folder, PREVIOUS), read_record(folder)
        if record is None or record.code != code or (active is not None and active.sha256 == record.sha256):
            return None
        return _package(folder, record) if size_of(sealed_in(folder, record.sha256)) == record.size else None

    def codes(self) -> tuple[str, ...]:
        """Codes of the avatars that are here, the one fetched last first."""
        records = sorted(self._records(), key=lambda record: record.order, reverse=True)
        return tuple(record.code for record in records if self.cached(record.code) is not None)

    def used(self) -> int:
        """Bytes of everything that the cache keeps."""
        with storage(self._root):
            return sum(_bytes_in(folder) for folder in self._folders())

    def erase(self, code: str | None = None) -> None:
        """Remove one avatar, or all of them, with records, secrets and partial downloads; fine if there is nothing.

        Whatever else lies in the root is not ours and stays.

        Raises:
            ConfigurationError: something could not be removed.
        """
        with storage(self._root):
            for folder in self._folders() if code is None else [folder_of(self._root, code)]:
                erase(folder)

    def _make_room(self, code: str, data: RenderData, *, keep: Collection[str]) -> None:
        """Remove packages that were superseded, then what never became an avatar, then avatars, those fetched longest
        ago first, until what is still to come fits into the quota; of an unknown size only that it is not nothing is
        known.
        """
        if self._quota is None:
            return
        folder, known = folder_of(self._root, code), data.size is not None
        more = max(0, (data.size or 0) - (size_of(_partial_in(folder, data)) or 0))
        records = sorted(self._records(), key=lambda record: record.order)
        for record in records:
            if known and self._fits(more):
                return
            self._forget_previous(record.code)
        if not self._fits(more):
            self._forget_unfinished(but=(code, *keep))
        for record in records:
            if self._fits(more):
                return
            if record.code != code and record.code not in keep:
                self.erase(record.code)
        if not self._fits(more):
            raise ConfigurationError(
                f"the avatar needs {more} bytes, and the cache may take {self._quota} with {self.used()} in use",
                code="cache.quota",
                where=str(self._root),
                hint="raise cache_quota_bytes",
            )

    def _fits(self, more: int) -> bool:
        return self._quota is None or self.used() + more + _MARGIN <= self._quota

    def _forget_unfinished(self, *, but: Collection[str]) -> None:
        """Folders without a record: of a download that was given up, nobody else would ever take the bytes away."""
        kept_folders = {folder_of(self._root, code) for code in but if code}
        with storage(self._root):
            for folder in self._folders():
                if folder not in kept_folders and read_record(folder) is None:
                    erase(folder)

    def _forget_previous(self, code: str) -> None:
        folder = folder_of(self._root, code)
        record, active = read_record(folder, PREVIOUS), read_record(folder)
        with storage(folder):
            erase(folder / PREVIOUS)
            if record is not None and (active is None or active.sha256 != record.sha256):
                erase(sealed_in(folder, record.sha256))

    def _folders(self) -> list[Path]:
        try:
            return [self._root / name for name in sorted(os.listdir(self._root)) if _FOLDER.fullmatch(name)]
        except FileNotFoundError:
            return []

    def _records(self) -> Iterator[Record]:
        with storage(self._root):
            folders = self._folders()
        return (record for record in map(read_record, folders) if record is not None)

    def _already_here(self, folder: Path, data: RenderData) -> tuple[str, str, int] | None:
        """Hash, entity tag and 0 if the promised bytes are on disk, from this or from an interrupted fetch."""
        if data.sha256 is None or size_of(sealed_in(folder, data.sha256)) is None:
            return None
        if _hash_of(sealed_in(folder, data.sha256)) != data.sha256:
            return None
        record = read_record(folder)
        return data.sha256, record.etag if record and record.sha256 == data.sha256 else "", 0

    def _download(
        self, folder: Path, data: RenderData, *, web: Web, progress: Callable[[int, int], None] | None
    ) -> tuple[str, str, int]:
        """Hash and entity tag of the package, now under its final name, and the bytes that came over the network."""
        from device_agent.avatars.download import Order, download  # late: reading what is here needs none of it

        record = read_record(folder)
        etag = ""
        if record is not None and data.sha256 is None and record.render_data().address == data.address:
            etag = record.etag if _intact(folder, record) else ""
        part = _partial_in(folder, data)
        with open_partial(part, address=data.address) as partial:
            room = self._limits.archive
            if self._quota is not None:
                room = min(room, self._quota - self.used() + partial.size)
            order = Order(data=data, limit=room, timeout_s=self._timeout_s, deadline_s=self._deadline_s, etag=etag)
            received = download(order, partial, web=web, progress=progress or _no_progress)
            if received is None and record is not None:
                with storage(part):
                    partial.discard()
                return record.sha256, record.etag, 0
            try:
                check_package(part, limits=self._limits, label=data.address)
            except PackageError:
                with storage(part):
                    partial.discard()
                raise
            with storage(part):
                partial.finish(sealed_in(folder, partial.sha256))
            return partial.sha256, received.etag if received else "", received.transferred if received else 0


def _package(folder: Path, record: Record) -> CachedPackage:
    return CachedPackage(
        code=record.code,
        path=sealed_in(folder, record.sha256),
        data=record.render_data(),
        sha256=record.sha256,
        size=record.size,
    )


def _previous_names(folder: Path) -> tuple[str, ...]:
    """Name of the package before the active one, where there is one."""
    record = read_record(folder, PREVIOUS)
    return () if record is None else (sealed_in(folder, record.sha256).name,)


def _partial_in(folder: Path, data: RenderData) -> Path:
    """Where an unfinished download of exactly these bytes is."""
    return folder / f"{_identity(data)}.part"


def _still_wanted(folder: Path, data: RenderData) -> tuple[str, ...]:
    """Names of what stays beside a download of ``data``: the active package, the one before, and its own beginning."""
    record, part = read_record(folder), _partial_in(folder, data).name
    active = () if record is None else (sealed_in(folder, record.sha256).name,)
    return (*active, *_previous_names(folder), part, f"{part}.json")


def _bytes_in(folder: Path) -> int:
    """Bytes of the files in a folder; one that goes away meanwhile counts as none."""
    total = 0
    with suppress(FileNotFoundError):
        for name in os.listdir(folder):
            total += size_of(folder / name) or 0
    return total


def _no_progress(_here: int, _whole: int) -> None:
    """Nobody watches."""


def _identity(data: RenderData) -> str:
    """The same for two fetches that want the same bytes, though the address may be signed anew each time."""
    facts = (data.address, data.sha256 or "", str(data.size or ""), data.version)
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:32]


def _clear(folder: Path, *, keep: tuple[str, ...]) -> None:
    """Remove packages and partial downloads that are superseded."""
    with storage(folder):
        for name in os.listdir(folder):
            if name.endswith(_LEFTOVERS) and name not in keep:
                erase(folder / name)


def _intact(folder: Path, record: Record) -> bool:
    path = sealed_in(folder, record.sha256)
    return size_of(path) == record.size and _hash_of(path) == record.sha256


def _hash_of(path: Path) -> str:
    digest = hashlib.sha256()
    with storage(path), os.fdopen(open_private(path, os.O_RDONLY), "rb", buffering=0) as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
