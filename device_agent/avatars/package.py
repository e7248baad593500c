"""A sealed avatar package, opened into memory: root folder stripped, ``.lm`` entries decrypted, nothing on disk."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from certs.envelope import KEY_LENGTHS, check_sealed, decode_base64, open_sealed, unwrap_key
from certs.errors import EnvelopeError
from certs.license import License
from device_agent.avatars.archive import Archive, Entry, PackageLimits, open_archive
from device_agent.avatars.render_data import RenderData
from device_agent.errors import PackageError

__all__ = ["DEFAULT_LIMITS", "PackageLimits", "check_opens", "check_package", "content_key", "open_package"]

DEFAULT_LIMITS = PackageLimits()

SEALED = ".lm"
_MARKERS = frozenset(name + suffix for name in ("metaInfo.json", "character.config.json") for suffix in ("", SEALED))


def open_package(
    source: Path | str | bytes, *, key: bytes, limits: PackageLimits = DEFAULT_LIMITS, label: str = ""
) -> dict[str, bytes]:
    """Every file of the package by its name below the root folder, without ``.lm``, all in memory.

    A sealed file replaces an open one of the same name, as in the vendor's reader. Entries outside the root folder
    (``__MACOSX/`` and the like) are not read.

    Args:
        source: path of the zip file, or its bytes.
        key: the content key, see ``content_key``.
        limits: what the package may ask of this device.
        label: what messages call the package; by default the file's name.

    Raises:
        PackageError: it is no zip, is damaged, breaks a rule or a limit, or a sealed entry does not open with the key.
    """
    with open_archive(source, limits=limits, label=label) as archive:
        return {name: _opened(archive, *file, key=key) for name, file in _files(archive).items()}


def check_opens(
    source: Path | str | bytes, *, key: bytes, limits: PackageLimits = DEFAULT_LIMITS, label: str = ""
) -> int:
    """As ``open_package``, but only whether it would open: gives the number of files, and needs little memory."""
    with open_archive(source, limits=limits, label=label) as archive:
        files = _files(archive)
        for sealed, entry in files.values():
            if not sealed:
                _pass(archive.pieces(entry))
                continue
            try:
                check_sealed(archive.pieces(entry), key=key, where=archive.where(entry.name))
            except EnvelopeError as error:
                raise _translated(error) from error
        return len(files)


def check_package(source: Path | str | bytes, *, limits: PackageLimits = DEFAULT_LIMITS, label: str = "") -> None:
    """Check all that can be checked without the key: structure, names, limits, and every entry's checksum.

    Raises:
        PackageError: as ``open_package``.
    """
    with open_archive(source, limits=limits, label=label) as archive:
        _root(archive)
        for entry in archive.entries:
            _pass(archive.pieces(entry))


def content_key(render_data: RenderData, license: License | None) -> bytes:
    """The AES key that opens the package's sealed entries.

    The secret is either the key itself (16 or 32 bytes) or the key wrapped for the licence; its length tells which.

    Raises:
        PackageError: the secret is missing or damaged, belongs to another licence, or needs one and there is none.
        LicenseError: the licence holds no usable key.
    """
    where = "RenderData"
    try:
        decoded = decode_base64(render_data.secret, where=where)
        if len(decoded) in KEY_LENGTHS:
            return decoded
        if license is None:
            raise PackageError(
                "the package's key is wrapped for a licence, and no licence is set",
                code="package.license",
                where=where,
                hint="set license_file to this app's licence",
            )
        return unwrap_key(render_data.secret, private_key=license.private_key(), where=where)
    except EnvelopeError as error:
        raise _translated(error) from error


def _files(archive: Archive) -> dict[str, tuple[bool, Entry]]:
    """By the name below the root folder: whether it is sealed, and the entry."""
    root = _root(archive)
    entries = {
        entry.name.removeprefix(root): entry
        for entry in archive.entries
        if entry.name.startswith(root) and not entry.is_folder
    }
    files = {}
    for name, entry in entries.items():
        if name + SEALED in entries:
            continue
        bare = name.removesuffix(SEALED)
        if bare != name and (not bare or bare.endswith("/")):
            raise PackageError(
                "a sealed entry has no name of its own",
                code="package.name",
                where=archive.where(entry.name),
                hint="the package was made wrongly; report it",
            )
        files[bare] = (bare != name, entry)
    return files


def _opened(archive: Archive, sealed: bool, entry: Entry, *, key: bytes) -> bytes:
    data = archive.read(entry)
    if not sealed:
        return data
    try:
        return open_sealed(data, key=key, where=archive.where(entry.name))
    except EnvelopeError as error:
        raise _translated(error) from error


def _pass(pieces: Iterable[bytes | memoryview]) -> None:
    """Read to the end: only then it shows whether they are what was promised."""
    for _ in pieces:
        pass


def _translated(error: EnvelopeError) -> PackageError:
    return PackageError(error.message, code=error.code, where=error.where, hint=error.hint)


def _root(archive: Archive) -> str:
    """The root folder with its slash, or nothing: the one place that holds a file that every package has.

    The vendor's reader takes the first folder entry instead, and so stumbles over ``__MACOSX/``. A package without
    those files (2D avatars) has its root at the top, or in its only folder.
    """
    names = [entry.name for entry in archive.entries if not entry.is_folder]
    if not names:
        raise PackageError(
            "the package is empty", code="package.empty", where=archive.where(""), hint="fetch the avatar again"
        )
    roots = {"" if "/" not in name else name.partition("/")[0] + "/" for name in names if _is_marker(name)}
    if len(roots) > 1:
        shown = ", ".join(archive.where(root) if root else "the top" for root in sorted(roots))
        raise PackageError(
            f"more than one folder could be the package's root: {shown}",
            code="package.root",
            where=archive.where(""),
            hint="the package was made wrongly; report it",
        )
    return roots.pop() if roots else _only_folder(names)


def _is_marker(name: str) -> bool:
    return name.count("/") <= 1 and name.rpartition("/")[2] in _MARKERS


def _only_folder(names: Iterable[str]) -> str:
    tops = {name.partition("/")[0] + "/" if "/" in name else "" for name in names if not name.startswith("__MACOSX/")}
    return tops.pop() if len(tops) == 1 else ""
