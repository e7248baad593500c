"""Whether a certificate is to be trusted: chain, time, revocation by OpenSSL's store; purpose, name, strength here.

pyOpenSSL's store does not take a purpose or a name, and sets no bar for keys and hashes; these checks are our own,
after OpenSSL has built the chain. Every refusal has a code of its own, and names the certificate.
"""

from __future__ import annotations

import ipaddress
import warnings
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from enum import Enum
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from OpenSSL import crypto

from certs.errors import TrustError
from certs.parts import key_of
from certs.purpose import Purpose

MAX_CHAIN = 10

_Extension = TypeVar("_Extension", bound=x509.ExtensionType)

_WEAK_HASHES = (hashes.MD5, hashes.SHA1)
_CODES = {
    2: "unknown_issuer", 18: "unknown_issuer", 19: "unknown_issuer", 20: "unknown_issuer", 21: "unknown_issuer",
    3: "crl_missing", 33: "crl_missing", 44: "crl_missing",
    4: "signature", 7: "signature",
    5: "crl_signature", 8: "crl_signature", 35: "crl_signature",
    6: "damaged", 13: "damaged", 14: "damaged", 15: "damaged", 16: "damaged", 24: "damaged", 41: "damaged",
    9: "not_yet_valid", 10: "expired", 11: "crl_not_yet_valid", 12: "crl_expired",
    22: "chain_too_long", 23: "revoked", 25: "path_length",
    32: "not_ca", 79: "not_ca",
    34: "critical_extension", 36: "critical_extension",
    47: "name_constraint", 48: "name_constraint",
    **dict.fromkeys(range(80, 95), "form"),
}  # fmt: skip
"""OpenSSL's X509_V_ERR_* numbers (x509_vfy.h) to ours; what is not here is ``refused``."""

_HINTS = {
    "unknown_issuer": "if this host's certificates come from an authority of your own, set ca_file to it",
    "expired": "check this device's clock; if it is right, the other side must renew its certificate",
    "not_yet_valid": "check this device's clock",
    "crl_missing": "fetch the authority's revocation list, or check revocation less strictly",
    "crl_expired": "fetch the authority's revocation list again, and check this device's clock",
    "name": "check the address; a proxy or another host may answer in its place",
}


class Revocation(Enum):
    """How far revocation is checked; what is checked must have a list that is valid now."""

    NONE = "none"
    LEAF = "leaf"
    CHAIN = "chain"


class Trust:
    """Roots, and revocation lists, to judge certificates by."""

    def __init__(
        self,
        *,
        roots: Iterable[x509.Certificate],
        crls: Iterable[x509.CertificateRevocationList] = (),
        revocation: Revocation = Revocation.NONE,
        strict: bool = False,
        partial: bool = False,
    ) -> None:
        """``strict`` holds every certificate to RFC 5280's letter; many in-house authorities do not live up to it.
        ``partial`` also takes roots that somebody else has signed: the chain ends at the first one it meets.

        Raises:
            TrustError: there is no root.
        """
        self._roots = tuple(roots)
        self._crls = tuple(crls)
        self._revocation = revocation
        self._strict = strict
        self._partial = partial
        if not self._roots:
            raise TrustError(
                "there is no root to trust", code="trust.no_roots", hint="give at least one root certificate"
            )

    def verify(
        self,
        chain: Sequence[x509.Certificate],
        *,
        purpose: Purpose,
        now: datetime,
        name: str = "",
    ) -> tuple[x509.Certificate, ...]:
        """The verified chain, from the judged certificate to its root.

        Args:
            chain: the judged certificate first, then what its owner sent to lead to a root, in any order.
            purpose: what it is used for now.
            now: the time to judge by, with its zone.
            name: for a server, the host name or IP address that was asked for; for a client, the device id that it
                must be of (the only common name). Empty: any.

        Raises:
            TrustError: with a code that says why: ``trust.expired``, ``trust.revoked``, ``trust.name`` and so on.
        """
        if now.tzinfo is None:
            raise ValueError("the time needs a zone")
        if not chain:
            raise TrustError("the other side sent no certificate", code="trust.empty")
        if len(chain) > MAX_CHAIN:
            raise TrustError(f"the other side sent more than {MAX_CHAIN} certificates", code="trust.chain_too_long")
        verified = self._build(chain, now)
        for position, certificate in enumerate(verified):
            _check_strength(certificate, is_root=position == len(verified) - 1)
            _check_purpose(certificate, purpose, is_leaf=position == 0)
        if name:
            (_check_host if purpose is Purpose.SERVER else _check_device)(verified[0], name)
        return verified

    def _build(self, chain: Sequence[x509.Certificate], now: datetime) -> tuple[x509.Certificate, ...]:
        store = crypto.X509Store()
        flags = crypto.X509StoreFlags.X509_STRICT if self._strict else 0
        if self._partial:
            flags |= crypto.X509StoreFlags.PARTIAL_CHAIN
        if self._revocation is not Revocation.NONE:
            flags |= crypto.X509StoreFlags.CRL_CHECK
        if self._revocation is Revocation.CHAIN:
            flags |= crypto.X509StoreFlags.CRL_CHECK_ALL
        try:
            for root in self._roots:
                store.add_cert(crypto.X509.from_cryptography(root))
            for crl in self._crls:
                store.add_crl(crl)
            store.set_time(now.astimezone(UTC))
            store.set_flags(flags)
            leaf, *others = (crypto.X509.from_cryptography(certificate) for certificate in chain)
            context = crypto.X509StoreContext(store, leaf, others)
            return tuple(found.to_cryptography() for found in context.get_verified_chain())
        except crypto.X509StoreContextError as error:
            raise _refusal(error) from error
        except crypto.Error as error:
            raise TrustError("OpenSSL cannot use the certificates", code="trust.damaged") from error


def _refusal(error: crypto.X509StoreContextError) -> TrustError:
    number, _depth, text = error.errors
    code = _CODES.get(number, "refused")
    try:
        where = _shown(error.certificate.to_cryptography())
    except (crypto.Error, ValueError, TypeError, x509.InvalidVersion):  # so damaged that OpenSSL cannot even name it
        where = ""
    return TrustError(
        f"the certificate is not trusted: {text}",
        code=f"trust.{code}",
        where=where,
        hint=_HINTS.get(code, ""),
    )


def _bad(certificate: x509.Certificate, code: str, what: str) -> TrustError:
    return TrustError(what, code=f"trust.{code}", where=_shown(certificate), hint=_HINTS.get(code, ""))


def _shown(certificate: x509.Certificate) -> str:
    """Subject and issuer on one line, not too long: both were written by whoever made the certificate."""
    names = (certificate.subject, certificate.issuer)
    subject, issuer = (name.rfc4514_string().encode("unicode_escape").decode()[:80] for name in names)
    return f"{subject or 'no subject'}, issued by {issuer or 'nobody'}"


def _check_strength(certificate: x509.Certificate, *, is_root: bool) -> None:
    key = key_of(certificate)
    strong = (
        (isinstance(key, rsa.RSAPublicKey) and key.key_size >= 2048)
        or (isinstance(key, ec.EllipticCurvePublicKey) and key.curve.key_size >= 256)
        or isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey)
    )
    if not strong:
        raise _bad(certificate, "weak", "the certificate's key is too short, or of a kind that is not accepted")
    # A root is trusted for being in the list, not for its signature on itself.
    if not is_root and _is_broken(certificate):
        raise _bad(certificate, "weak", "the certificate is signed with a broken hash (MD5 or SHA-1)")


def _is_broken(certificate: x509.Certificate) -> bool:
    try:
        return isinstance(certificate.signature_hash_algorithm, _WEAK_HASHES)
    except UnsupportedAlgorithm:  # OpenSSL knows more kinds of signatures than the library that names their hash
        return True


def _check_purpose(certificate: x509.Certificate, purpose: Purpose, *, is_leaf: bool) -> None:
    """Extended key usage wherever there is one, as OpenSSL's own purpose check does; the leaf must have one."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            extensions = certificate.extensions
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
        raise _bad(certificate, "damaged", "the certificate's extensions cannot be read") from error
    usages = _extension(extensions, x509.ExtendedKeyUsage)
    if usages is None and is_leaf:
        raise _bad(certificate, "purpose", "the certificate does not say what it may be used for")
    if usages is not None and purpose.oid not in usages:
        any_use = ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE in usages
        if is_leaf or not any_use:
            raise _bad(certificate, "purpose", f"the certificate is not for use by a {purpose.value}")
    if is_leaf:
        usage = _extension(extensions, x509.KeyUsage)
        if usage is not None and not usage.digital_signature:
            raise _bad(certificate, "purpose", "the certificate's key may not sign, which TLS needs")
        basic = _extension(extensions, x509.BasicConstraints)
        if basic is not None and basic.ca:
            raise _bad(certificate, "purpose", f"this is an authority's certificate, not a {purpose.value}'s")


def _check_host(certificate: x509.Certificate, host: str) -> None:
    """RFC 9525: alternative names only, a wildcard only as the whole first label, addresses only as addresses."""
    names = _extension(certificate.extensions, x509.SubjectAlternativeName)
    if names is None:
        raise _bad(certificate, "name", f"the certificate names no host, and {host!r} was asked for")
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        asked = _ascii(host)
        if any(_matches(pattern, asked) for pattern in names.get_values_for_type(x509.DNSName)):
            return
    else:
        if address in names.get_values_for_type(x509.IPAddress):
            return
    raise _bad(certificate, "name", f"the certificate is not for {host!r}")


def _check_device(certificate: x509.Certificate, device_id: str) -> None:
    found = [attribute.value for attribute in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    if found != [device_id]:
        raise _bad(certificate, "name", f"the certificate is not of device {device_id!r}")


def _matches(pattern: str, host: str) -> bool:
    wanted = pattern.lower().rstrip(".").split(".")
    asked = host.lower().rstrip(".").split(".")
    if wanted[0] == "*":
        return len(wanted) >= 3 and len(wanted) == len(asked) and wanted[1:] == asked[1:] and bool(asked[0])
    return wanted == asked and all(wanted)


def _ascii(host: str) -> str:
    try:
        return host.encode("ascii").decode() if host.isascii() else host.encode("idna").decode()
    except UnicodeError:
        return ""


def _extension(extensions: x509.Extensions, kind: type[_Extension]) -> _Extension | None:
    try:
        return extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
