"""A sealed avatar package, opened into memory: root folder stripped, ``.lm`` entries decrypted, nothing on disk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from certs.envelope import KEY_LENGTHS, decode_base64, open_sealed, unwrap_key
from certs.errors import EnvelopeError
from certs.license import License
from device_agent.avatars.archive import Archive, PackageLimits, open_archive
from device_agent.avatars.render_data import RenderData
from device_agent.errors import PackageError

__all__ = ["DEFAULT_LIMITS", "PackageLimits", "check_package", "content_key", "open_package", "opened_entries"]

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
    return dict(opened_entries(source, key=key, limits=limits, label=label))


def opened_entries(
    source: Path | str | bytes, *, key: bytes, limits: PackageLimits = DEFAULT_LIMITS, label: str = ""
) -> Iterator[tuple[str, bytes]]:
    """As ``open_package``, one file after the other: who only wants to know that they open needs the memory of one."""
    with open_archive(source, limits=limits, label=label) as archive:
        root = _root(archive)
        entries = {
            entry.name.removeprefix(root): entry
            for entry in archive.entries
            if entry.name.startswith(root) and not entry.is_folder
        }
        for name, entry in entries.items():
            if name + SEALED in entries:
                continue
            data = archive.read(entry)
            if name.endswith(SEALED):
                name = name.removesuffix(SEALED)
                if not name or name.endswith("/"):
                    raise PackageError(
                        "a sealed entry has no name of its own",
                        code="package.name",
                        where=archive.where(entry.name),
                        hint="the package was made wrongly; report it",
                    )
                try:
                    data = open_sealed(data, key=key, where=archive.where(entry.name))
                except EnvelopeError as error:
                    raise _translated(error) from error
            yield name, data


def check_package(source: Path | str | bytes, *, limits: PackageLimits = DEFAULT_LIMITS, label: str = "") -> None:
    """Check all that can be checked without the key: structure, names, limits, and every entry's checksum.

    Raises:
        PackageError: as ``open_package``.
    """
    with open_archive(source, limits=limits, label=label) as archive:
        _root(archive)
        for entry in archive.entries:
            archive.read(entry)


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
