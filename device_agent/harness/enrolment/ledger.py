"""What an office may not forget when it closes: whom it gave certificates, which it revoked, and who was taken out."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import msgspec

from certs.errors import PrivateFileError
from certs.files import read_private, write_private
from device_agent.errors import ConfigurationError

LEDGER = "office.json"
LIMIT = 16 * 1024 * 1024


class Ledger(msgspec.Struct, frozen=True, kw_only=True):
    """Serial numbers in hexadecimal: JSON's numbers are too short for them.

    Attributes:
        issued: device id and serial number, oldest first.
        revoked: serial number to the time of revocation.
        removed: device ids that headquarters took out.
    """

    issued: list[tuple[str, str]] = []
    revoked: dict[str, datetime] = {}
    removed: list[str] = []

    def write(self, folder: Path) -> None:
        """Into the office's folder, replaced whole.

        Raises:
            PrivateFileError: it cannot be written.
        """
        write_private(folder / LEDGER, msgspec.json.encode(self))

    @classmethod
    def read(cls, folder: Path) -> Ledger:
        """An empty one where there is none.

        Raises:
            PrivateFileError: it cannot be read, or others can.
            ConfigurationError: it is damaged; an office that went on without it would let in whom it has locked out.
        """
        try:
            data = read_private(folder / LEDGER, limit=LIMIT)
        except PrivateFileError as error:
            if error.code == "file.missing":
                return cls()
            raise
        try:
            return msgspec.json.decode(data, type=cls)
        except msgspec.MsgspecError as error:
            raise ConfigurationError(
                "the office's list of certificates is damaged",
                code="harness.office_ledger",
                where=str(folder / LEDGER),
                hint="put a copy back, or remove it: everybody whose certificate was revoked is let in again then",
            ) from error
