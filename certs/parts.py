"""Parts of a certificate, which its library parses when they are first asked for.

Whoever sent the certificate chose what is in them. A part that is damaged, or of a kind that the library does not know,
raises when it is first looked at; here that is expected, anywhere else it would be a surprise.
"""

from __future__ import annotations

from collections.abc import Iterable

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes


def readable(certificates: Iterable[x509.Certificate]) -> tuple[x509.Certificate, ...]:
    """The certificates, once their names and times have been parsed.

    Raises:
        ValueError: one is damaged.
    """
    found = tuple(certificates)
    for one in found:
        try:
            _ = one.subject, one.issuer, one.not_valid_before_utc, one.not_valid_after_utc
        except TypeError as error:  # a part of a name whose form its kind does not have
            raise ValueError("a certificate's name is damaged") from error
    return found


def key_of(certificate: x509.Certificate) -> CertificatePublicKeyTypes | None:
    """The certificate's key; ``None`` where it is damaged, or of a kind or curve that this library does not know."""
    try:
        return certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return None
