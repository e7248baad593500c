"""An open package's files as one sealed zip, byte for byte the same whenever it is made from the same files."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field

from certs.envelope import seal
from device_agent.harness.ids import Ids

META = "metaInfo.json"
SEALED_SUFFIX = ".lm"
AVATAR_TYPE = "AVATAR_3D_TRADITIONAL"

_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, kw_only=True)
class SealedPackage:
    """The archive and what opens it."""

    archive: bytes = field(repr=False)
    content_key: bytes = field(repr=False)

    @property
    def sha256(self) -> str:
        """Hexadecimal hash of the archive."""
        return hashlib.sha256(self.archive).hexdigest()


def seal_package(files: Mapping[str, bytes], *, name: str, ids: Ids) -> SealedPackage:
    """Seal every file but ``metaInfo.json`` and put them into one folder of a zip.

    Key and nonces come from the seed and the files' own hash: the same avatar under the same seed gives the same
    archive, so that a device's cache stays good when the stand-in starts anew, and no nonce ever meets the
    same key with other bytes.
    """
    whole = hashlib.sha256()
    for entry in sorted(files):
        whole.update(f"{entry}\0{len(files[entry])}\0".encode())
        whole.update(files[entry])
    identity = whole.hexdigest()
    key = ids.derived(f"content-key {identity}")
    meta = _meta(files)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:  # sealed bytes do not compress
        _put(archive, f"{name}/", b"")
        _put(archive, f"{name}/{META}", meta)
        for entry in sorted(set(files) - {META}):
            nonce = ids.derived(f"nonce {identity} {entry}", 12)
            _put(archive, f"{name}/{entry}{SEALED_SUFFIX}", seal(files[entry], key=key, nonce=nonce))
    return SealedPackage(archive=out.getvalue(), content_key=key)


def _meta(files: Mapping[str, bytes]) -> bytes:
    """The package's own description with the list of what is sealed put right."""
    try:
        described = json.loads(files.get(META, b"{}"))
    except ValueError:
        described = {}
    described = described if isinstance(described, dict) else {}
    web = described.get("web")
    described["web"] = (web if isinstance(web, dict) else {}) | {"encrypt_list": sorted(set(files) - {META})}
    return json.dumps(described, ensure_ascii=False, sort_keys=True).encode()


def _put(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.create_system = 3
    entry.external_attr = (0o40755 << 16) | 0x10 if name.endswith("/") else 0o100644 << 16
    archive.writestr(entry, data)
