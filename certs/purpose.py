"""What a certificate is for: the two uses that matter here."""

from __future__ import annotations

from enum import Enum

from cryptography.x509 import ObjectIdentifier
from cryptography.x509.oid import ExtendedKeyUsageOID


class Purpose(Enum):
    """The use of a certificate in TLS."""

    SERVER = "server"
    CLIENT = "client"

    @property
    def oid(self) -> ObjectIdentifier:
        """The extended key usage (RFC 5280, 4.2.1.12)."""
        return ExtendedKeyUsageOID.SERVER_AUTH if self is Purpose.SERVER else ExtendedKeyUsageOID.CLIENT_AUTH
