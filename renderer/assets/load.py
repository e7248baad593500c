"""The front door for any avatar: a file, a package folder, an open zip, or bytes."""

from __future__ import annotations

from pathlib import Path

from renderer.assets import archive, glb
from renderer.assets.asset import Asset
from renderer.assets.issues import refusal
from renderer.assets.limits import Limits
from renderer.assets.link import link
from renderer.assets.package import load_package
from renderer.assets.resolver import Folder, NoFiles, Resolver, read_bounded

_DEFAULT_LIMITS = Limits()
_JSON_START = (b"{", b"\xef\xbb\xbf{")


def load(source: str | Path | bytes, *, name: str = "", limits: Limits = _DEFAULT_LIMITS) -> Asset:
    """An avatar from a .glb, .vrm or .gltf file, an open avatar package (folder or zip), or the bytes of one.

    Args:
        source: a path, or the bytes themselves; bytes cannot refer to other files.
        name: stands in issues and errors; the path where it is left empty.
        limits: how much the source may ask for.

    Raises:
        AssetError: the source cannot be used; ``code`` is in ``renderer.assets.issues.TABLE``.
    """
    if isinstance(source, bytes):
        return _from_bytes(source, name=name or "asset", resolver=NoFiles(), limits=limits)
    path = Path(source)
    name = name or str(source)
    if path.is_dir():
        return load_package(archive.read_folder(path, limits=limits, where=name), name=name, limits=limits)
    try:
        data = read_bounded(path, limit=limits.source_bytes, where=name)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise refusal("source.unreadable", f"cannot read the file: {reason}", where=name) from error
    return _from_bytes(data, name=name, resolver=Folder(path.parent, limits=limits), limits=limits)


def _from_bytes(data: bytes, *, name: str, resolver: Resolver, limits: Limits) -> Asset:
    if data[:4] == archive.MAGIC:
        return load_package(archive.read_archive(data, limits=limits, where=name), name=name, limits=limits)
    if data[:4] == glb.MAGIC or data.lstrip()[:4].startswith(_JSON_START):
        return link(data, name=name, resolver=resolver, limits=limits)
    raise refusal(
        "source.unknown",
        "not an avatar: neither GLB, glTF JSON nor a zip archive" if data else "the file is empty",
        where=name,
        hint="give a .glb, .gltf or .vrm file, or an open avatar package",
    )
