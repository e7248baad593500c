"""Issuing licences: a key per licence, its text in a private file, its public half in the state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from certs.files import write_private
from certs.license import PREFIX_LENGTH, License
from device_agent.harness.ids import Ids
from device_agent.harness.state.accounts import Accounts
from device_agent.harness.state.seats import Seats

KEY_BITS = 2048


def make_key() -> rsa.RSAPrivateKey:
    """A fresh RSA key; takes 20 to 500 ms, as chance has it."""
    return rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)


@dataclass(frozen=True, kw_only=True)
class Issued:
    """A licence that was just issued; only here is its text at hand."""

    license_id: int
    tenant_id: int
    app_id: str
    seats: int
    file: Path
    license: License = field(repr=False)


class LicenseOffice:
    """Issues licences for applications, and admits the applications."""

    def __init__(
        self,
        *,
        accounts: Accounts,
        seats: Seats,
        ids: Ids,
        folder: Path,
        keys: Callable[[], rsa.RSAPrivateKey] = make_key,
    ) -> None:
        self._accounts = accounts
        self._seats = seats
        self._ids = ids
        self._folder = folder
        self._keys = keys

    def issue(self, *, tenant_id: int, app_id: str, seats: int) -> Issued:
        """A new licence as a JSON file of mode 0600.

        Raises:
            PrivateFileError: the folder cannot be written.
        """
        key = self._keys()
        licence = License.issue(key, prefix=self._ids.hexadecimal(PREFIX_LENGTH), tenant_id=tenant_id, app_id=app_id)
        file = self._folder / f"license-{licence.fingerprint}.json"
        write_private(file, licence.to_json().encode() + b"\n")
        self._accounts.add_app(app_id, tenant_id=tenant_id)
        license_id = self._seats.add_license(
            licence.reveal(),
            tenant_id=tenant_id,
            app_id=app_id,
            public_key=key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
            seats=seats,
            file=str(file),
        )
        return Issued(
            license_id=license_id, tenant_id=tenant_id, app_id=app_id, seats=seats, file=file, license=licence
        )
