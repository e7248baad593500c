"""Revocation lists (RFC 5280, section 5): read, held to their authority, and judged for their age.

A list is signed, so it may come over any way; what must not happen is that an old or foreign one takes a good one's
place. Time is passed in.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa

from certs.errors import TrustError
from certs.parts import key_of

CLOCK_TOLERANCE = timedelta(hours=1)
LONGEST_TRUST = timedelta(hours=12)
"""A list is asked for again this long after it came, also when its authority would let it live for weeks."""

_HINT = "check the address of the list, and that its authority's certificate is in ca_file or ca_files"


def read_list(data: bytes, *, where: str = "") -> x509.CertificateRevocationList:
    """A list from DER, as RFC 5280 has it on the wire, or PEM.

    Raises:
        TrustError: it is no revocation list, only the changes since an earlier one (a delta list), not about servers
            and devices, or has a critical part that is not understood here.
    """
    try:
        load = x509.load_pem_x509_crl if data.lstrip().startswith(b"-----") else x509.load_der_x509_crl
        found = load(data)
        unfit = next(filter(None, map(_unfit, found.extensions)), "")
        # They are parsed when they are first asked for: here, where an error has somebody to catch it.
        _ = found.issuer, found.last_update_utc, found.next_update_utc, found.signature_algorithm_oid
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.DuplicateExtension, x509.InvalidVersion) as error:
        raise TrustError(
            "this is no readable revocation list", code="trust.crl_damaged", where=where, hint=_HINT
        ) from error
    if unfit:
        raise TrustError(
            f"this is a list {unfit}", code="trust.crl_damaged", where=where,
            hint="name the authority's whole list of the certificates that it gives to servers and devices",
        )  # fmt: skip
    return found


def _unfit(extension: x509.Extension[x509.ExtensionType]) -> str:
    """Why a list with this extension does not say whether a certificate was revoked; empty where it does."""
    value = extension.value
    if isinstance(value, x509.DeltaCRLIndicator):
        return "of changes only"
    if isinstance(value, x509.IssuingDistributionPoint):
        others = value.only_contains_ca_certs or value.only_contains_attribute_certs
        if others or value.indirect_crl or value.only_some_reasons:
            return "of some certificates only, or for some reasons only"
    if extension.critical and isinstance(value, x509.UnrecognizedExtension):
        return "with a critical extension that is not understood"
    return ""


def check_list(
    found: x509.CertificateRevocationList,
    *,
    authorities: Iterable[x509.Certificate],
    now: datetime,
    kept: x509.CertificateRevocationList | None = None,
    where: str = "",
) -> None:
    """Whether a list may be used now, and in the place of the one that is ``kept``.

    Raises:
        TrustError: none of the authorities signed it, it is from the future, over, without an end, or older than the
            kept one.
    """
    if not any(_signed_by(found, authority) for authority in authorities):
        raise TrustError(
            "the revocation list is not signed by a known authority",
            code="trust.crl_signature",
            where=where,
            hint=_HINT,
        )
    if found.last_update_utc > now + CLOCK_TOLERANCE:
        raise TrustError(
            "the revocation list is from the future", code="trust.crl_not_yet_valid", where=where,
            hint="check this device's clock",
        )  # fmt: skip
    if found.next_update_utc is None or found.next_update_utc <= now:
        raise TrustError(
            "the revocation list is over", code="trust.crl_expired", where=where,
            hint="its authority must publish a new one; check this device's clock too",
        )  # fmt: skip
    if kept is not None and kept.issuer == found.issuer and _age(found) < _age(kept):
        raise TrustError(
            "the revocation list is older than the one that is here", code="trust.crl_older", where=where,
            hint="somebody may be serving an old copy; look at how it travels",
        )  # fmt: skip


def is_due(found: x509.CertificateRevocationList, *, came: datetime, now: datetime) -> bool:
    """Whether to ask for a newer one: at half of its life, and never later than 12 hours after it came."""
    ends = found.next_update_utc
    if ends is None or now >= came + LONGEST_TRUST or came > now + CLOCK_TOLERANCE:
        return True
    return now >= found.last_update_utc + (ends - found.last_update_utc) / 2


def _age(found: x509.CertificateRevocationList) -> tuple[datetime, int]:
    try:
        number = found.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    except x509.ExtensionNotFound:
        number = 0
    return found.last_update_utc, number


def _signed_by(found: x509.CertificateRevocationList, authority: x509.Certificate) -> bool:
    key = key_of(authority)
    if authority.subject != found.issuer:
        return False
    if not isinstance(
        key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | ed448.Ed448PublicKey
    ):
        return False
    try:
        return bool(found.is_signature_valid(key))
    except (InvalidSignature, UnsupportedAlgorithm, TypeError, ValueError):
        return False
