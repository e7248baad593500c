"""The operator's signed list of packages, as the stand-in serves it: what is on its shelf, signed when asked for."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

from certs.files import write_private
from certs.manifest import Listed, Manifest, sign
from device_agent.harness.clock import HarnessClock
from device_agent.harness.packages.shelf import Shelf
from device_agent.harness.signing_key import kept_key, public_pem

LIFETIME = timedelta(days=7)


class Listing:
    """Attributes:
    keys_file: PEM file of the public key.
    """

    def __init__(self, *, shelf: Shelf, clock: HarnessClock, folder: Path, tenant_id: int, app_id: str) -> None:
        """The key is kept in ``folder``, and made when there is none.

        Raises:
            PrivateFileError: the folder cannot be used.
        """
        self._shelf = shelf
        self._clock = clock
        self._account = (tenant_id, app_id)
        self._key = kept_key(folder / "content-key.pem")
        self.keys_file = folder / "content-keys.pem"
        write_private(self.keys_file, public_pem(self._key))

    async def signed(self) -> bytes:
        """Signed now; packages that were only announced are made first."""
        for code in self._shelf.pending():
            self._shelf.keep(await asyncio.to_thread(self._shelf.seal, code))
        tenant_id, app_id = self._account
        rows = self._shelf.listed(tenant_id=tenant_id)
        manifest = Manifest(
            version=sum(row.version for row in rows) or 1,
            expires=datetime.fromtimestamp(self._clock.now(), tz=UTC) + LIFETIME,
            tenant_id=tenant_id,
            app_id=app_id,
            avatars={row.code: Listed(sha256=row.sha256, size=row.size) for row in rows},
        )
        return sign(manifest, key=self._key)
