"""A small certificate authority, for the local stand-in and for tests: issues, revokes, and signs revocation lists.

Keys are EC P-256. Certificates follow RFC 5280: critical basic constraints and key usage, key identifiers, names as
subject alternative names. The clock is the caller's.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from certs.errors import IdentityError
from certs.identity import Identity, digital_signature_only, new_key
from certs.purpose import Purpose

BACKDATE = timedelta(minutes=5)
"""Certificates start this much before they are made, because the reader's clock may be slow."""


class Authority:
    """A key that signs certificates, with the list of what it has revoked.

    Attributes:
        identity: the authority's own key and certificate, and its issuers'.
    """

    def __init__(self, *, identity: Identity, revoked: Mapping[int, datetime] | None = None) -> None:
        """``revoked`` maps serial numbers to the time of revocation.

        Raises:
            IdentityError: the certificate is no authority's.
        """
        try:
            basic = identity.certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
        except x509.ExtensionNotFound:
            basic = None
        if basic is None or not basic.ca:
            raise IdentityError("this is not a certificate authority's certificate", code="identity.not_ca")
        self.identity = identity
        self._revoked = dict(revoked or {})

    @classmethod
    def create(cls, *, name: str, now: datetime, lifetime: timedelta) -> Authority:
        """A root: it signs its own certificate."""
        key = new_key()
        subject = _common_name(name)
        certificate = _ca_builder(subject, key, path_length=None, now=now, lifetime=lifetime).issuer_name(subject)
        return cls(identity=Identity(key=key, chain=[certificate.sign(key, hashes.SHA256())]))

    @property
    def certificate(self) -> x509.Certificate:
        """The authority's own certificate; of a root, what clients are given to trust."""
        return self.identity.certificate

    @property
    def revoked(self) -> Mapping[int, datetime]:
        """Serial number to time of revocation."""
        return dict(self._revoked)

    def intermediate(self, *, name: str, now: datetime, lifetime: timedelta) -> Authority:
        """An authority below this one that may issue to devices and servers, and to no further authority."""
        key = new_key()
        builder = _ca_builder(_common_name(name), key, path_length=0, now=now, lifetime=lifetime)
        return Authority(identity=Identity(key=key, chain=[self._sign(builder), *self.identity.chain]))

    def issue(
        self,
        public_key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey,
        *,
        subject: str,
        purpose: Purpose,
        now: datetime,
        lifetime: timedelta,
        names: Sequence[str] = (),
    ) -> tuple[x509.Certificate, ...]:
        """A certificate and those above it, without the root; it ends no later than this authority's own.

        Args:
            subject: the common name; for a device, its id.
            purpose: what the certificate is for.
            names: host names and IP addresses of a server.
        """
        ends = min(now + lifetime, self.certificate.not_valid_after_utc)
        builder = (
            x509.CertificateBuilder()
            .subject_name(_common_name(subject))
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(max(now - BACKDATE, self.certificate.not_valid_before_utc))
            .not_valid_after(ends)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(digital_signature_only(), critical=True)
            .add_extension(x509.ExtendedKeyUsage([purpose.oid]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(list(_names(names))), critical=False)
        return (self._sign(builder), *(c for c in self.identity.chain if c.subject != c.issuer))

    def issue_from(
        self, request: x509.CertificateSigningRequest, *, now: datetime, lifetime: timedelta, subject: str | None = None
    ) -> tuple[x509.Certificate, ...]:
        """A device's certificate from its request: only the key and the common name are taken from it.

        Raises:
            IdentityError: the request is not signed by its own key, has no single common name or another one than
                ``subject``, or carries a kind of key that is not accepted.
        """
        if not request.is_signature_valid:
            raise IdentityError("the request is not signed by its own key", code="identity.request")
        found = [str(attribute.value) for attribute in request.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
        if len(found) != 1 or not found[0] or (subject is not None and found[0] != subject):
            raise IdentityError(
                "the request does not name the device it should",
                code="identity.request",
                hint="its subject must be CN=<device id> and nothing else",
            )
        key = request.public_key()
        strong = isinstance(key, ec.EllipticCurvePublicKey) and key.curve.key_size >= 256
        if not strong and not (isinstance(key, rsa.RSAPublicKey) and key.key_size >= 2048):
            raise IdentityError("the request's key is too weak, or of another kind", code="identity.kind")
        assert isinstance(key, ec.EllipticCurvePublicKey | rsa.RSAPublicKey)
        return self.issue(key, subject=found[0], purpose=Purpose.CLIENT, now=now, lifetime=lifetime)

    def revoke(self, serial_number: int, *, now: datetime) -> None:
        """Put a certificate on the list; the first time counts."""
        self._revoked.setdefault(serial_number, now)

    def crl(self, *, now: datetime, lifetime: timedelta) -> x509.CertificateRevocationList:
        """The list of revoked certificates, good until ``now + lifetime``."""
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.certificate.subject)
            .last_update(now - BACKDATE)
            .next_update(now + lifetime)
            .add_extension(_above(self.certificate), critical=False)
            .add_extension(x509.CRLNumber(int(now.timestamp())), critical=False)
        )
        for serial, when in sorted(self._revoked.items()):
            entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(when).build()
            builder = builder.add_revoked_certificate(entry)
        return builder.sign(self.identity.key, hashes.SHA256())

    def _sign(self, builder: x509.CertificateBuilder) -> x509.Certificate:
        return (
            builder.issuer_name(self.certificate.subject)
            .add_extension(_above(self.certificate), critical=False)
            .sign(self.identity.key, hashes.SHA256())
        )


def _ca_builder(
    subject: x509.Name, key: ec.EllipticCurvePrivateKey, *, path_length: int | None, now: datetime, lifetime: timedelta
) -> x509.CertificateBuilder:
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATE)
        .not_valid_after(now + lifetime)
        .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _above(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    own = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own)


def _common_name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _names(names: Iterable[str]) -> Iterable[x509.GeneralName]:
    for name in names:
        try:
            yield x509.IPAddress(ipaddress.ip_address(name))
        except ValueError:
            yield x509.DNSName(name)
