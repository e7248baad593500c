"""The operator's roots of keys, as the stand-in serves them: a folder of documents, of which it makes the first."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from certs.errors import PrivateFileError
from certs.files import private_directory, read_private, write_private
from certs.root import LONGEST, Claims, Roles, role, sign
from certs.signed import read_keys
from device_agent.harness.signing_key import kept_key

FOLDER = "roots"
LIFETIME = timedelta(days=365)


class Roots:
    """Whoever wants another root puts it into the folder, as ``2.json``; the key that has to sign it is there too.

    Attributes:
        first: file of version 1.
    """

    def __init__(
        self, folder: Path, *, tenant_id: int, app_id: str, content: bytes, order: bytes, now: datetime
    ) -> None:
        """Version 1 is made when there is none.

        Args:
            content, order: PEM of the keys that sign lists and orders.

        Raises:
            PrivateFileError: the folder cannot be used.
        """
        self._folder = private_directory(folder / FOLDER)
        self.first = self._folder / "1.json"
        key = kept_key(self._folder / "root-key.pem")
        if not self.first.exists():
            roles = Roles(
                root=role([key.public_key()], threshold=1),
                content=role(read_keys(content), threshold=1),
                order=role(read_keys(order), threshold=1),
            )
            said = Claims(version=1, expires=now + LIFETIME, tenant_id=tenant_id, app_id=app_id, roles=roles)
            write_private(self.first, sign(said, key=key))

    def served(self, version: str) -> bytes | None:
        """The document of a version (digits); ``None`` where there is none."""
        try:
            return read_private(self._folder / f"{version}.json", limit=LONGEST)
        except PrivateFileError:
            return None
