"""A strict zip reader for packages that may be hostile: everything is checked, nothing is written, nothing runs away.

The directory's size and the number of entries are checked before the directory is read; every name, type and position
before the first entry is; and an entry is inflated into no more room than it promised. A package that the directory
and the local headers describe differently is refused: two readers would see two packages. Format: APPNOTE 6.3.
"""

from __future__ import annotations

import os
import re
import stat
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path

from device_agent.errors import ConfigurationError, PackageError

_END = struct.Struct("<4s4H2LH")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_MAX_COMMENT = 0xFFFF
_ZIP64_LOCATOR = b"PK\x06\x07"
_ENCRYPTED = 0x0001 | 0x0040 | 0x2000
_SIZES_FOLLOW = 0x0008
_UTF8 = 0x0800
_STORED, _DEFLATED = 0, 8
_SMALL = 1024 * 1024
"""Inflated bytes up to which the ratio does not matter: a short text of one character packs 1000 to 1."""

PIECE = 64 * 1024
"""Bytes of an entry that are in memory at once where it is read piece by piece. An allocator keeps what is smaller than
its threshold for big blocks (128 KiB) in the little that it keeps anyway.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageLimits:
    """What a package may ask of this device. Sizes are bytes, inflated unless it says otherwise.

    Attributes:
        archive: the zip file itself.
        entries: entries, folders included.
        entry: one entry.
        total: all entries together.
        ratio: inflated to packed bytes of an entry of more than a mebibyte.
        name: one entry's name.
    """

    archive: int = 512 * 1024 * 1024
    entries: int = 2048
    entry: int = 256 * 1024 * 1024
    total: int = 768 * 1024 * 1024
    ratio: int = 200
    name: int = 512

    def __post_init__(self) -> None:
        for field in fields(self):
            if getattr(self, field.name) <= 0:
                raise ConfigurationError(f"the package limit {field.name} must be above 0", code="package.limits")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry: its checked name, and where and how its bytes lie in the archive."""

    name: str
    method: int
    checksum: int
    packed: int
    size: int
    header: int
    start: int

    @property
    def is_folder(self) -> bool:
        return self.name.endswith("/")


class Archive:
    """A checked zip archive; ``entries`` are in the directory's order. Make one with ``open_archive``."""

    def __init__(self, *, source: _Source, limits: PackageLimits) -> None:
        self._source = source
        self._limits = limits
        self.entries: tuple[Entry, ...] = self._read_directory()

    def read(self, entry: Entry) -> bytes:
        """The entry's bytes, inflated, with length and checksum verified.

        Raises:
            PackageError: the data is damaged, or is longer or shorter than promised.
        """
        return b"".join(self.pieces(entry))

    def pieces(self, entry: Entry) -> Iterator[bytes | memoryview]:
        """As ``read``, in pieces of ``PIECE`` bytes at most; whether they are what was promised shows after the last.

        Raises:
            PackageError: as ``read``.
        """
        size = checksum = 0
        for piece in self._packed(entry) if entry.method == _STORED else self._inflated(entry):
            size += len(piece)
            if size > entry.size:
                raise self._bad("size", "an entry is longer than the directory promises", entry.name)
            checksum = zlib.crc32(piece, checksum)
            yield piece
        if size != entry.size or checksum != entry.checksum:
            raise self._damaged("checksum", "an entry's bytes do not match their checksum", entry.name)

    def _packed(self, entry: Entry) -> Iterator[memoryview]:
        for start in range(0, entry.packed, PIECE):
            yield self._source.read(entry.start + start, min(PIECE, entry.packed - start))

    def _inflated(self, entry: Entry) -> Iterator[bytes]:
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        surplus = False
        for packed in self._packed(entry):
            surplus = inflater.eof  # and so it stays
            rest: bytes | memoryview = packed
            while not inflater.eof:
                try:
                    piece = inflater.decompress(rest, PIECE)
                except zlib.error as error:
                    raise self._damaged("checksum", "an entry does not inflate", entry.name) from error
                rest = inflater.unconsumed_tail
                if piece:
                    yield piece
                if not rest and len(piece) < PIECE:  # a full piece may have more behind it that needs no more input
                    break
        if surplus or not inflater.eof or inflater.unused_data:
            raise self._damaged("checksum", "an entry's compressed data is cut or has more behind it", entry.name)

    def where(self, name: str) -> str:
        """How messages name an entry: with the archive's file name, unprintable characters escaped, not too long."""
        shown = name.encode("unicode_escape").decode()
        shown = shown if len(shown) <= 80 else f"{shown[:77]}..."
        return f"{self._source.name}: {shown}" if self._source.name and shown else shown or self._source.name

    def _bad(self, code: str, what: str, name: str = "") -> PackageError:
        return PackageError(
            what, code=f"package.{code}", where=self.where(name), hint="the package is not safe to open; report it"
        )

    def _damaged(self, code: str, what: str, name: str = "") -> PackageError:
        return PackageError(what, code=f"package.{code}", where=self.where(name), hint="fetch the avatar again")

    def _read_directory(self) -> tuple[Entry, ...]:
        if self._source.size > self._limits.archive:
            raise self._bad("limit", f"the package is larger than {self._limits.archive} bytes")
        count, length, start = self._read_end()
        if count > self._limits.entries:
            raise self._bad("limit", f"the package has {count} entries, more than {self._limits.entries}")
        if length > count * (_CENTRAL.size + self._limits.name + 1024):
            raise self._bad("limit", "the package's directory is too long for its entries")
        directory = self._source.read(start, length)
        entries: list[Entry] = []
        position = total = 0
        names: set[str] = set()
        for _ in range(count):
            entry, position = self._read_entry(directory, position, start)
            bare = entry.name.rstrip("/")
            if bare in names:
                raise self._bad("duplicate", "a name occurs twice", entry.name)
            names.add(bare)
            total += entry.size
            if total > self._limits.total:
                raise self._bad("limit", f"the entries hold more than {self._limits.total} bytes", entry.name)
            entries.append(entry)
        if position != length:
            raise self._damaged("structure", "the package's directory has more in it than its entries")
        self._check_overlap(entries)
        return tuple(entries)

    def _read_end(self) -> tuple[int, int, int]:
        """Entry count, directory length and directory start, from the end record."""
        tail_start = max(0, self._source.size - _END.size - _MAX_COMMENT)
        tail = bytes(self._source.read(tail_start, self._source.size - tail_start))
        at = len(tail)
        while (at := tail.rfind(b"PK\x05\x06", 0, at)) >= 0:
            if len(tail) - at < _END.size:
                continue
            _, disk, first_disk, here, count, length, start, comment = _END.unpack_from(tail, at)
            if at + _END.size + comment == len(tail):
                break
        else:
            raise PackageError(
                "this is not a zip archive, or its end is missing",
                code="package.not_zip",
                where=self._source.name,
                hint="fetch the avatar again; a proxy or login page may have answered in its place",
            )
        if tail[max(0, at - 20) : at].startswith(_ZIP64_LOCATOR) or count == 0xFFFF or 0xFFFFFFFF in (length, start):
            raise self._bad("zip64", "the package is in the Zip64 format, which no avatar package needs")
        if disk or first_disk or here != count:
            raise self._bad("structure", "the package is a part of a split archive")
        if start + length != tail_start + at:
            raise self._damaged("structure", "the package's directory is not where its end record says")
        return count, length, start

    def _read_entry(self, directory: memoryview, position: int, directory_start: int) -> tuple[Entry, int]:
        """The directory's entry at ``position``, checked against its local header, and the next position."""
        if len(directory) - position < _CENTRAL.size:
            raise self._damaged("structure", "the package's directory is cut")
        record = _CENTRAL.unpack_from(directory, position)
        signature, _made, _needed, flags, method, _time, _date, checksum, packed, size = record[:10]
        name_length, extra, comment, disk, _inner, attributes, header = record[10:]
        if signature != b"PK\x01\x02":
            raise self._damaged("structure", "the package's directory is damaged")
        position += _CENTRAL.size
        raw_name = bytes(directory[position : position + name_length])
        name = self._name(raw_name, flags)
        position += name_length + extra + comment
        if position > len(directory) or disk:
            raise self._damaged("structure", "the package's directory is damaged", name)
        self._check_kind(name, flags, method, attributes, packed, size)
        start = self._check_local(name, raw_name, header, (flags, method, checksum, packed, size))
        if start + packed > directory_start:
            raise self._damaged("structure", "an entry reaches into the directory", name)
        entry = Entry(name=name, method=method, checksum=checksum, packed=packed, size=size, header=header, start=start)
        return entry, position

    def _name(self, raw: bytes, flags: int) -> str:
        try:
            name = raw.decode("utf-8" if flags & _UTF8 else "ascii")
        except UnicodeDecodeError:
            name = raw.decode("cp437")
        problem = _name_problem(name, self._limits.name)
        if problem:
            raise self._bad("name", f"a name {problem}", name)
        return name

    def _check_kind(self, name: str, flags: int, method: int, attributes: int, packed: int, size: int) -> None:
        if flags & _ENCRYPTED:
            raise self._bad("encrypted", "an entry is encrypted by zip itself; avatar packages use .lm entries", name)
        if method not in (_STORED, _DEFLATED):
            raise self._bad("method", f"an entry uses compression method {method}; only stored and deflate fit", name)
        kind = stat.S_IFMT(attributes >> 16)
        if kind not in (0, stat.S_IFDIR if name.endswith("/") else stat.S_IFREG):
            what = (
                "a symbolic link" if kind == stat.S_IFLNK else "neither a file nor a folder, or not what its name says"
            )
            raise self._bad("type", f"an entry is {what}", name)
        if (method == _STORED and packed != size) or (name.endswith("/") and size):
            raise self._bad("structure", "an entry's sizes contradict each other", name)
        if size > self._limits.entry:
            raise self._bad("limit", f"an entry holds more than {self._limits.entry} bytes", name)
        if size > max(_SMALL, packed * self._limits.ratio):
            raise self._bad("limit", f"an entry inflates more than {self._limits.ratio} to 1", name)

    def _check_local(self, name: str, raw_name: bytes, header: int, promised: tuple[int, int, int, int, int]) -> int:
        """The position of the entry's data; its local header must say what the directory says."""
        flags, method, checksum, packed, size = promised
        if header + _LOCAL.size > self._source.size:
            raise self._damaged("structure", "an entry lies outside the package", name)
        local = _LOCAL.unpack(self._source.read(header, _LOCAL.size))
        signature, _needed, local_flags, local_method, _time, _date, *numbers, name_length, extra = local
        start: int = header + _LOCAL.size + name_length + extra
        if signature != b"PK\x03\x04" or start > self._source.size:
            raise self._damaged("structure", "an entry's header is damaged", name)
        same = bytes(self._source.read(header + _LOCAL.size, name_length)) == raw_name
        same = same and local_method == method and (local_flags ^ flags) & (_ENCRYPTED | _SIZES_FOLLOW) == 0
        if not flags & _SIZES_FOLLOW:
            same = same and numbers == [checksum, packed, size]
        if not same:
            raise self._bad("structure", "an entry's header and the directory contradict each other", name)
        return start

    def _check_overlap(self, entries: list[Entry]) -> None:
        end = 0
        for entry in sorted(entries, key=lambda entry: entry.header):
            if entry.header < end:
                raise self._bad("overlap", "two entries share bytes", entry.name)
            end = entry.start + entry.packed


@contextmanager
def open_archive(source: Path | str | bytes, *, limits: PackageLimits, label: str = "") -> Iterator[Archive]:
    """Open a package file (kept open, read piece by piece) or a package in memory.

    ``label`` is what messages call it; by default the file's name.

    Raises:
        PackageError: it cannot be read, is no zip, or breaks a rule or a limit; ``code`` says which.
    """
    if isinstance(source, bytes):
        yield Archive(
            source=_Source(data=memoryview(source), descriptor=-1, size=len(source), name=label), limits=limits
        )
        return
    path = Path(source)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise _unreadable(label or path.name, error) from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise PackageError("this is no plain file", code="package.file", where=str(path), hint="give a .zip file")
        yield Archive(
            source=_Source(data=None, descriptor=descriptor, size=status.st_size, name=label or path.name),
            limits=limits,
        )
    finally:
        os.close(descriptor)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    """Bytes in memory, or an open file that is read where it is needed."""

    data: memoryview | None
    descriptor: int
    size: int
    name: str

    def read(self, start: int, length: int) -> memoryview:
        """Exactly ``length`` bytes from ``start``."""
        if self.data is not None:
            piece = self.data[start : start + length]
        else:
            try:
                piece = memoryview(os.pread(self.descriptor, length, start))
            except OSError as error:
                raise _unreadable(self.name, error) from error
        if len(piece) != length:
            raise PackageError(
                "the package ends too early", code="package.structure", where=self.name, hint="fetch the avatar again"
            )
        return piece


def _unreadable(name: str, error: OSError) -> PackageError:
    return PackageError(
        f"the package cannot be read: {(error.strerror or 'unknown').lower()}",
        code="package.file",
        where=name,
        hint="check the path and its permissions",
    )


def _name_problem(name: str, limit: int) -> str:
    """What makes a name unfit, or nothing: it must be a plain relative path with ``/`` between its parts."""
    if not name or len(name) > limit:
        return "is empty" if not name else f"is longer than {limit} characters"
    if not name.isprintable():
        return "holds unprintable characters"
    if "\\" in name:
        return "holds a backslash"
    if name.startswith("/"):
        return "is absolute"
    if re.match(r"[A-Za-z]:", name):
        return "starts with a drive letter"
    parts = name.removesuffix("/").split("/")
    if any(part in ("", ".", "..") for part in parts):
        return "leaves its folder or has an empty part"
    return ""
