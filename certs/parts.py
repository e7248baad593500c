"""Parts of a certificate, which its library parses when they are first asked for.

Who sent it chose what is in them: asked for anywhere else, one that is damaged, or of a kind that this library does not
know, would be an error that nobody there expects.
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
