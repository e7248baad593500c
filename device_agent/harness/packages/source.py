"""Where an avatar's package comes from: an avatar file, a ready open package, or the sample avatar."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from device_agent.plain_file import read_plain
from renderer.errors import AssetError

SAMPLE_CODE = "CH_3d_sample"

MAX_PACKAGE = 512 * 1024 * 1024
"""Bytes of a ready package's files that are read at most."""


@dataclass(frozen=True, kw_only=True)
class PackageSource:
    """An avatar that can be packed.

    Attributes:
        code: the platform's code of the avatar.
        name: name for people, and of the package's folder.
        read: the open package's files by name; slow, and may raise ``AssetError``.
    """

    code: str
    name: str
    read: Callable[[], dict[str, bytes]]


def sample_source() -> PackageSource:
    """The avatar that comes with the program."""

    def read() -> dict[str, bytes]:
        # Late: the renderer needs numpy, and a stand-in that nobody asks for a package should start without it.
        from renderer.assets.repack import package_files
        from renderer.sample import sample_avatar

        return package_files(sample_avatar(), name="sample")

    return PackageSource(code=SAMPLE_CODE, name="sample", read=read)


def file_source(path: Path, *, code: str = "", name: str = "") -> PackageSource:
    """An avatar file (``.glb``, ``.vrm``), or an open package as a folder or a zip.

    ``code`` defaults to ``CH_3d_`` and the file's name.
    """
    label = re.sub(r"[^A-Za-z0-9_-]+", "_", name or path.stem).strip("_") or "avatar"

    def read() -> dict[str, bytes]:
        if path.is_dir():
            return _folder(path)
        try:
            data, _ = read_plain(path, limit=MAX_PACKAGE)
        except OSError as error:
            raise AssetError(
                f"the avatar file cannot be read: {(error.strerror or 'unknown').lower()}",
                code="asset.unreadable",
                where=str(path),
                hint="give --avatar a .glb or .vrm file, or an open package",
            ) from error
        if data.startswith(b"PK\x03\x04"):
            return _zip(data, where=str(path))
        from renderer.assets.repack import package_files

        return package_files(path, name=label)

    return PackageSource(code=code or f"CH_3d_{label}", name=label, read=read)


def _folder(path: Path) -> dict[str, bytes]:
    try:
        return _checked({file.name: file.read_bytes() for file in sorted(path.iterdir()) if file.is_file()}, str(path))
    except OSError as error:
        raise AssetError(
            f"the package folder cannot be read: {(error.strerror or 'unknown').lower()}",
            code="asset.unreadable",
            where=str(path),
        ) from error


def _zip(data: bytes, *, where: str) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            if sum(entry.file_size for entry in entries) > MAX_PACKAGE:
                raise AssetError("the package is too large", code="asset.limit", where=where)
            return _checked({entry.filename.rsplit("/", 1)[-1]: archive.read(entry) for entry in entries}, where)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError) as error:
        raise AssetError("the zip cannot be read", code="asset.zip", where=where) from error


def _checked(files: dict[str, bytes], where: str) -> dict[str, bytes]:
    if "character.glb" not in files or "character.config.json" not in files:
        raise AssetError(
            "this is no open avatar package: character.glb and character.config.json are needed",
            code="asset.package",
            where=where,
            hint="give an avatar file instead, and the package is made from it",
        )
    return files
