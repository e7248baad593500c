"""Where an asset's other files come from: never from outside its own folder, never from the network."""

from __future__ import annotations

import base64
import binascii
import errno
import os
import stat
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Protocol
from urllib.parse import unquote, unquote_to_bytes

from renderer.assets.issues import refusal
from renderer.assets.limits import Limits

_PIECE = 1 << 20


class Resolver(Protocol):
    """Finds the bytes behind a relative URI."""

    def read(self, uri: str, *, where: str) -> bytes:
        """The bytes. Raises AssetError ``resource.outside``, ``resource.missing``, ``source.too-large``."""


class NoFiles:
    """For a single file that must not refer to others, such as bytes that came without a folder."""

    def read(self, uri: str, *, where: str) -> bytes:
        raise refusal(
            "resource.missing",
            f"the asset refers to the file {short(uri)}, but only its own bytes were given",
            where=where,
            hint="load it by its path, or pack it as .glb",
        )


class Folder:
    """Files of one folder and below; links that lead out of it count as outside."""

    def __init__(self, root: Path, *, limits: Limits) -> None:
        self._given = root
        self._limits = limits

    @cached_property
    def _root(self) -> Path:
        return self._given.resolve()

    def read(self, uri: str, *, where: str) -> bytes:
        name = relative_name(uri, where=where)
        try:
            path = (self._root / name).resolve()
            if not path.is_relative_to(self._root):
                raise refusal("resource.outside", f"{short(uri)} leads out of the asset's folder", where=where)
            return read_bounded(path, limit=self._limits.source_bytes, where=where)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else "not a usable name"
            raise refusal("resource.missing", f"cannot read {short(uri)}: {reason}", where=where) from error


class Files:
    """Files that are already in memory, by name."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = files

    def read(self, uri: str, *, where: str) -> bytes:
        name = relative_name(uri, where=where)
        if name not in self._files:
            raise refusal("resource.missing", f"there is no file {short(uri)}", where=where)
        return self._files[name]


def read_bounded(path: Path, *, limit: int, where: str) -> bytes:
    """A regular file's bytes. Raises OSError, and AssetError ``source.too-large`` before reading more than allowed."""
    # Opening must not wait for somebody to write into a pipe.
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NONBLOCK", 0))
    with open(handle, "rb", buffering=0) as file:
        facts = os.fstat(handle)
        if not stat.S_ISREG(facts.st_mode):
            raise OSError(errno.EINVAL, "it is no plain file", str(path))
        data = b"" if facts.st_size > limit else file.read(facts.st_size + 1)
        # A file that grew meanwhile is read on, but for no more than is allowed.
        while data and len(data) <= limit and (more := file.read(min(_PIECE, limit + 1 - len(data)))):
            data += more
    if len(data) > limit or facts.st_size > limit:
        raise refusal("source.too-large", f"{path.name} is larger than {limit} bytes", where=where)
    return data


def relative_name(uri: str, *, where: str) -> str:
    """The file name a relative URI reference means: percent-decoded, ``./`` removed.

    Raises AssetError ``resource.outside`` for schemes, hosts, absolute paths, backslashes, NUL and ``..`` that leaves.
    """
    name = unquote(uri.split("#", 1)[0].split("?", 1)[0])
    first = name.split("/", 1)[0]
    if not name or ":" in first or name.startswith("/") or "\\" in name or "\0" in name:
        raise refusal("resource.outside", f"{short(uri)} is not a file of the asset's own folder", where=where)
    parts: list[str] = []
    for part in PurePosixPath(name).parts:
        if part == "..":
            if not parts:
                raise refusal("resource.outside", f"{short(uri)} leads out of the asset's folder", where=where)
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts)


def is_data_uri(uri: str) -> bool:
    """Whether a URI carries its own bytes."""
    return uri[:5].lower() == "data:"


def decode_data_uri(uri: str, *, where: str) -> tuple[str, bytes]:
    """MIME type and bytes of a ``data:`` URI (RFC 2397). Raises AssetError ``resource.data-uri``."""
    head, comma, body = uri[5:].partition(",")
    if not comma:
        raise refusal("resource.data-uri", "a data: URI without a comma", where=where)
    mime, *parameters = head.split(";")
    if "base64" not in (parameter.strip().lower() for parameter in parameters):
        return mime.strip().lower(), unquote_to_bytes(body)
    text = unquote_to_bytes(body) if "%" in body else body.encode("ascii", "replace")
    text = text.rstrip(b"=")
    try:
        return mime.strip().lower(), base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise refusal("resource.data-uri", f"broken base64 in a data: URI: {error}", where=where) from error


def short(uri: str) -> str:
    """A URI for a message: quoted, and cut when it is long."""
    return repr(uri if len(uri) <= 80 else uri[:77] + "...")
