"""Who may tell devices to leave: the operator's key, and the orders it signed. Away from the office in real life."""

from __future__ import annotations

import secrets
import threading
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

import msgspec

from certs.errors import OrderError, PrivateFileError
from certs.files import read_private, write_private
from certs.order import REMOVE, Order, sign, verify
from device_agent.harness.signing_key import kept_key, public_pem

Removal = Literal["signed", "unsigned", "other-device", "replayed", "expired"]
"""What an office sends along with ``Removed``; all but the first is what a hostile one could send."""

LIFETIME = timedelta(days=7)
KEY = "operator-key.pem"
KEYS = "operator-keys.pem"
ORDERS = "orders.json"
LIMIT = 16 * 1024 * 1024
STRANGER = "A-DEVICE-OF-SOMEBODY-ELSE"


class _Kept(msgspec.Struct, frozen=True, kw_only=True):
    """Signed orders by device id: the one for its removal now, and the one before that."""

    before: dict[str, str] = {}
    now: dict[str, str] = {}


class Headquarters:
    """Attributes:
    keys_file: PEM file of the public key.
    """

    def __init__(self, folder: Path, *, tenant_id: int, app_id: str) -> None:
        """Key and orders are kept in ``folder``; the key is made when there is none.

        Raises:
            PrivateFileError: the folder cannot be used.
        """
        self._key = kept_key(folder / KEY)
        self._account = (tenant_id, app_id)
        self._file = folder / ORDERS
        self._lock = threading.Lock()
        self._kept = self._read()
        self.keys_file = folder / KEYS
        write_private(self.keys_file, public_pem(self._key))

    def order(self, device_id: str, *, now: datetime, how: Removal = "signed") -> bytes:
        """The order to remove a device: the same each time until it is admitted again, or the order's end has come."""
        if how == "unsigned":
            return b""
        if how == "expired":
            return self._signed(device_id, issued=now - 2 * LIFETIME)
        if how == "other-device":
            return self._signed(STRANGER, issued=now)
        with self._lock:
            signed = self._kept.now.get(device_id, "")
            if not signed or self._ended(signed, now):
                signed = self._signed(device_id, issued=now).decode()
                self._keep(msgspec.structs.replace(self._kept, now={**self._kept.now, device_id: signed}))
            return (self._kept.before.get(device_id, signed) if how == "replayed" else signed).encode()

    def admitted(self, device_id: str) -> None:
        """The next removal of this device is another, with an order of its own."""
        with self._lock:
            if device_id in self._kept.now:
                left = {name: order for name, order in self._kept.now.items() if name != device_id}
                before = {**self._kept.before, device_id: self._kept.now[device_id]}
                self._keep(_Kept(before=before, now=left))

    def _signed(self, device_id: str, *, issued: datetime) -> bytes:
        tenant_id, app_id = self._account
        order = Order(
            verb=REMOVE, id=secrets.token_hex(8), device_id=device_id, tenant_id=tenant_id, app_id=app_id,
            issued=issued, expires=issued + LIFETIME,
        )  # fmt: skip
        return sign(order, key=self._key)

    def _ended(self, signed: str, now: datetime) -> bool:
        try:
            verify(signed.encode(), keys=[self._key.public_key()], now=now)
        except OrderError:
            return True
        return False

    def _read(self) -> _Kept:
        try:
            return msgspec.json.decode(read_private(self._file, limit=LIMIT), type=_Kept)
        except PrivateFileError as error:
            if error.code == "file.missing":
                return _Kept()
            raise
        except msgspec.MsgspecError:
            return _Kept()  # a new order is as good as the lost one

    def _keep(self, kept: _Kept) -> None:
        write_private(self._file, msgspec.json.encode(kept))
        self._kept = kept
