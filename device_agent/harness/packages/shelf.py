"""The packages that the stand-in hands out: sealed once, kept as files, found by their hash."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from certs.envelope import wrap_key
from certs.files import write_private
from device_agent.harness.ids import Ids
from device_agent.harness.packages.sealing import AVATAR_TYPE, seal_package
from device_agent.harness.packages.source import PackageSource
from device_agent.harness.refusal import BAD_PARAMETER, BusinessRefusal
from device_agent.harness.state.seats import KnownLicense
from device_agent.harness.state.store import Store


@dataclass(frozen=True, kw_only=True)
class MadePackage:
    """A package that was sealed and written, and has still to be noted."""

    source: PackageSource
    sha256: str
    size: int
    content_key: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class OnShelf:
    """A package that is there."""

    code: str
    version: int
    sha256: str
    size: int


class Shelf:
    """Avatars by code, their sealed archives by hash."""

    def __init__(self, *, store: Store, ids: Ids, folder: Path) -> None:
        self._store = store
        self._ids = ids
        self._folder = folder
        self._pending: dict[str, PackageSource] = {}
        self._building = threading.Lock()

    def offer(self, source: PackageSource, *, tenant_id: int) -> None:
        """Announce an avatar; its package is made when it is first asked for (or by ``build``)."""
        self._store.run(
            "INSERT INTO packages (code, tenant_id, name) VALUES (?, ?, ?)"
            " ON CONFLICT (code) DO UPDATE SET tenant_id = excluded.tenant_id, name = excluded.name",
            (source.code, tenant_id, source.name),
        )
        self._pending[source.code] = source

    def codes(self) -> list[str]:
        """Codes of all avatars, in the order they came."""
        return [row["code"] for row in self._store.all("SELECT code FROM packages ORDER BY rowid")]

    def offered(self, *, tenant_id: int) -> list[tuple[str, str]]:
        """Code and name of a tenant's avatars, newest first."""
        rows = self._store.all("SELECT code, name FROM packages WHERE tenant_id = ? ORDER BY rowid DESC", (tenant_id,))
        return [(row["code"], row["name"]) for row in rows]

    def listed(self, *, tenant_id: int) -> list[OnShelf]:
        """A tenant's packages that were made."""
        rows = self._store.all(
            "SELECT code, version, sha256, size FROM packages WHERE tenant_id = ? AND sha256 IS NOT NULL", (tenant_id,)
        )
        return [OnShelf(**{name: row[name] for name in ("code", "version", "sha256", "size")}) for row in rows]

    def is_pending(self, code: str) -> bool:
        """Whether the package has still to be made."""
        return code in self._pending

    def pending(self) -> list[str]:
        """Codes of the packages that have still to be made."""
        return list(self._pending)

    def seal(self, code: str) -> MadePackage | None:
        """Make a pending package and write its archive; safe to call from a worker thread, does not touch the state.

        Returns:
            What ``keep`` notes, or None when nothing was pending.

        Raises:
            AssetError: the source is no avatar.
            PrivateFileError: the folder cannot be written.
        """
        with self._building:
            source = self._pending.get(code)
            if source is None:
                return None
            package = seal_package(source.read(), name=source.name, ids=self._ids)
            sha256 = package.sha256
            write_private(self._folder / f"{sha256}.zip", package.archive)
            return MadePackage(source=source, sha256=sha256, size=len(package.archive), content_key=package.content_key)

    def keep(self, made: MadePackage | None) -> None:
        """Note a package that ``seal`` made; another archive than before gets the next version."""
        if made is None or self._pending.get(made.source.code) is not made.source:
            return
        del self._pending[made.source.code]
        self._store.run(
            "UPDATE packages SET version = version + (sha256 IS NOT :sha256),"
            " sha256 = :sha256, size = :size, content_key = :content_key WHERE code = :code",
            {"code": made.source.code, "sha256": made.sha256, "size": made.size, "content_key": made.content_key},
        )

    def build(self, code: str) -> None:
        """``seal`` and ``keep`` in one go."""
        self.keep(self.seal(code))

    def find(self, sha256: str) -> Path | None:
        """The archive with this hash."""
        known = self._store.value("SELECT 1 FROM packages WHERE sha256 = ?", (sha256,))
        return self._folder / f"{sha256}.zip" if known else None

    def render_data(self, code: str, *, tenant_id: int, known: KnownLicense, origin: str) -> str:
        """What ``Render3dAvatar`` answers: address of the package, and its key wrapped for the licence.

        Raises:
            BusinessRefusal: 10010002, no such avatar.
        """
        row = self._store.one(
            "SELECT * FROM packages WHERE code = ? AND tenant_id = ? AND sha256 IS NOT NULL", (code, tenant_id)
        )
        if row is None:
            raise BusinessRefusal(BAD_PARAMETER, "Code names no 3D avatar of this tenant")
        return json.dumps(
            {
                "url": f"{origin}/assets/{row['sha256']}/{row['name']}.zip",
                "secret": self._wrapped(row["content_key"], sha256=row["sha256"], known=known),
                "type": AVATAR_TYPE,
                "sha256": row["sha256"],
                "size": row["size"],
                "version": row["version"],
            },
            separators=(",", ":"),
        )

    def _wrapped(self, content_key: bytes, *, sha256: str, known: KnownLicense) -> str:
        kept = self._store.value(
            "SELECT secret FROM wrapped_keys WHERE license_id = ? AND sha256 = ?", (known.license_id, sha256)
        )
        if kept is not None:
            return str(kept)
        public_key = load_pem_public_key(known.public_key.encode())
        if not isinstance(public_key, RSAPublicKey):
            raise TypeError("a licence's key is an RSA key")
        secret = wrap_key(content_key, public_key=public_key)
        self._store.run("INSERT INTO wrapped_keys VALUES (?, ?, ?)", (known.license_id, sha256, secret))
        return secret
