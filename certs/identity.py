"""The device's identity: an EC P-256 key that is made here and stays here, and the certificates that vouch for it."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Sequence
from typing import NoReturn

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from certs.errors import IdentityError
from certs.parts import key_of, readable
from certs.secret import SecretBytes

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
"""What we make is EC P-256; what an operator imports may be EC P-256 to P-521, or RSA of 2048 bits and more."""

MIN_RSA_BITS = 2048
MAX_CHAIN = 10
_MAX_COMMON_NAME = 64  # X.520, ub-common-name


def new_key() -> ec.EllipticCurvePrivateKey:
    """A fresh key for this device."""
    return ec.generate_private_key(ec.SECP256R1())


def request(
    key: PrivateKey, *, device_id: str, renews: x509.Certificate | None = None
) -> x509.CertificateSigningRequest:
    """A certificate request (PKCS#10) for TLS client authentication in the name of the device.

    Args:
        renews: the certificate that the new one takes the place of: names that an authority has put into it beside
            the device's id are asked for as they are (RFC 7030, 4.2.2).

    Raises:
        IdentityError: the device id does not fit a certificate's common name.
    """
    if not 0 < len(device_id) <= _MAX_COMMON_NAME or not device_id.isprintable():
        raise IdentityError(
            f"the device id does not fit a certificate (1 to {_MAX_COMMON_NAME} printable characters)",
            code="identity.device_id",
        )
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, device_id)])
    builder = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(renews.subject if renews is not None else subject)
        .add_extension(digital_signature_only(), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
    )
    names = _alternative_names(renews) if renews is not None else None
    if names is not None:
        builder = builder.add_extension(names.value, critical=names.critical)
    return builder.sign(key, hashes.SHA256())


def _alternative_names(certificate: x509.Certificate) -> x509.Extension[x509.SubjectAlternativeName] | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return None  # what cannot be read cannot be asked for


class Identity:
    """A private key and its certificate, leaf first, with the intermediates that lead towards a root.

    It shows itself as subject, fingerprint and end of validity only, and is not pickled.
    """

    __slots__ = ("_chain", "_key")

    def __init__(self, *, key: PrivateKey, chain: Sequence[x509.Certificate], where: str = "") -> None:
        """Raises IdentityError if there is no certificate, or the first one is another key's."""
        if not chain:
            raise IdentityError("there is no certificate beside the key", code="identity.empty", where=where)
        if len(chain) > MAX_CHAIN:
            raise IdentityError(f"there are more than {MAX_CHAIN} certificates", code="identity.chain", where=where)
        if key_of(chain[0]) != key.public_key():
            raise IdentityError(
                "the key does not belong to the first certificate",
                code="identity.mismatch",
                where=where,
                hint="put the device's own certificate first",
            )
        self._key = key
        self._chain = tuple(chain)

    @classmethod
    def from_pem(cls, key_pem: bytes, chain_pem: bytes, *, password: bytes | None = None, where: str = "") -> Identity:
        """Read a key and its certificates, leaf first.

        Raises:
            IdentityError: one of them cannot be read, or they do not belong together.
        """
        return cls(
            key=read_key(key_pem, password=password, where=where), chain=read_chain(chain_pem, where=where), where=where
        )

    @classmethod
    def from_pkcs12(cls, data: bytes, *, password: bytes | None, where: str = "") -> Identity:
        """Read a PKCS#12 file (``.p12``, ``.pfx``) with one key and its certificates.

        Raises:
            IdentityError: wrong password, not PKCS#12, no key or no certificate in it, or they do not belong together.
        """
        problem, found = "", None
        try:
            loaded = pkcs12.load_pkcs12(data, password)
            readable(one.certificate for one in (loaded.cert, *loaded.additional_certs) if one is not None)
            found = loaded
        except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion) as error:
            problem = "password" if "password" in str(error).lower() or "mac" in str(error).lower() else "pkcs12"
        if found is None:
            wrong = problem == "password"
            raise IdentityError(
                "the password does not open the PKCS#12 file" if wrong else "this is no readable PKCS#12 file",
                code="identity.password" if wrong else "identity.pkcs12",
                where=where,
                hint="check the password" if wrong else "export key and certificate again",
            )
        if found.key is None or found.cert is None:
            raise IdentityError(
                "the PKCS#12 file lacks the key or its certificate",
                code="identity.empty",
                where=where,
                hint="export both together",
            )
        key = _accepted(found.key, where)
        others = [extra.certificate for extra in found.additional_certs]
        return cls(key=key, chain=_upward(found.cert.certificate, others), where=where)

    @property
    def key(self) -> PrivateKey:
        """The private key."""
        return self._key

    @property
    def certificate(self) -> x509.Certificate:
        """The device's own certificate."""
        return self._chain[0]

    @property
    def chain(self) -> tuple[x509.Certificate, ...]:
        """All certificates, the device's own first."""
        return self._chain

    @property
    def fingerprint(self) -> str:
        """First 16 hexadecimal digits of the SHA-256 of the device's own certificate."""
        return fingerprint(self.certificate)

    def key_pem(self) -> SecretBytes:
        """The key as PKCS#8 PEM, unencrypted: for a private file only."""
        return key_pem(self._key)

    def chain_pem(self) -> bytes:
        """The certificates as PEM, leaf first."""
        return b"".join(certificate.public_bytes(serialization.Encoding.PEM) for certificate in self._chain)

    def to_pkcs12(self, *, password: bytes, name: str) -> SecretBytes:
        """A PKCS#12 file, encrypted with AES-256 under the password; ``name`` is what key stores show.

        Raises:
            IdentityError: the password is empty.
        """
        if not password:
            raise IdentityError("a PKCS#12 file needs a password", code="identity.password", hint="give one")
        encryption = serialization.BestAvailableEncryption(password)
        return SecretBytes(
            pkcs12.serialize_key_and_certificates(
                name.encode(), self._key, self._chain[0], list(self._chain[1:]), encryption
            )
        )

    def __repr__(self) -> str:
        subject = self.certificate.subject.rfc4514_string()
        return f"Identity({subject!r}, {self.fingerprint!r}, until={self.certificate.not_valid_after_utc:%Y-%m-%d})"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("an identity is not pickled: its key would leave the process")


def fingerprint(certificate: x509.Certificate) -> str:
    """First 16 hexadecimal digits of the SHA-256 of a certificate's DER form."""
    return hashlib.sha256(certificate.public_bytes(serialization.Encoding.DER)).hexdigest()[:16]


def key_pem(key: PrivateKey) -> SecretBytes:
    """A key as PKCS#8 PEM, unencrypted: for a private file only."""
    return SecretBytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


def read_key(pem: bytes, *, password: bytes | None = None, where: str = "") -> PrivateKey:
    """A private key from PEM (PKCS#8, SEC 1 or PKCS#1).

    Raises:
        IdentityError: wrong or missing password, not PEM, or a kind of key that is not accepted.
    """
    problem, key = "", None
    try:
        key = serialization.load_pem_private_key(pem, password)
    except TypeError:  # a password is needed and missing, or given and not needed
        problem = "password"
    except (ValueError, UnsupportedAlgorithm):
        problem = "key" if password is None else "password"
    if key is None:
        raise IdentityError(
            "the password and the private key do not fit"
            if problem == "password"
            else "this is no readable private key",
            code="identity.password" if problem == "password" else "identity.key",
            where=where,
            hint="give the key as PEM, with its password if it has one",
        )
    return _accepted(key, where)


def read_chain(pem: bytes, *, where: str = "") -> tuple[x509.Certificate, ...]:
    """Certificates from PEM, in their order.

    Raises:
        IdentityError: there is none, or one cannot be read.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # old roots with odd serial numbers are the verifier's business
            chain = readable(x509.load_pem_x509_certificates(pem))
    except (ValueError, x509.InvalidVersion, UnsupportedAlgorithm) as error:
        raise IdentityError(
            "these are no readable certificates",
            code="identity.certificate",
            where=where,
            hint="give PEM, the device's own certificate first",
        ) from error
    return chain


def chain_of(
    key: PrivateKey, came: Sequence[x509.Certificate], *, authorities: Sequence[x509.Certificate] = ()
) -> tuple[x509.Certificate, ...]:
    """The key's own certificate, then those above it, without the root: what TLS wants to be shown.

    Certificates in PKCS#7 have no order, and many authorities send the new one alone (RFC 7030, 4.2.3).

    Args:
        came: what was sent, in any order.
        authorities: where the certificates above it may also be found.

    Raises:
        IdentityError: none of what came is the key's.
    """
    leaf = next((found for found in came if key_of(found) == key.public_key()), None)
    if leaf is None:
        raise IdentityError(
            "none of the certificates that came belongs to the key that was asked for",
            code="identity.mismatch",
            hint="ask whoever runs the EST server",
        )
    others = [found for found in (*came, *authorities) if found != leaf]
    chain = [leaf]
    while chain[-1].subject != chain[-1].issuer and len(chain) < MAX_CHAIN:
        above = next((found for found in others if _signed(chain[-1], by=found)), None)
        if above is None or above.subject == above.issuer:
            break
        others.remove(above)
        chain.append(above)
    return tuple(chain)


def _signed(certificate: x509.Certificate, *, by: x509.Certificate) -> bool:
    """By name and signature: after a change of keys an authority has one name and two certificates."""
    try:
        certificate.verify_directly_issued_by(by)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def digital_signature_only() -> x509.KeyUsage:
    """The key usage of a TLS client or server that signs and does nothing else."""
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _upward(leaf: x509.Certificate, others: Sequence[x509.Certificate]) -> list[x509.Certificate]:
    """The certificates from the leaf towards the root: a PKCS#12 file has no order, and TLS wants this one.

    What did not sign any of them is left out: tools put whatever else they have into the file, an authority's former
    certificate of the same name among it.
    """
    chain, rest = [leaf], [found for found in others if found != leaf]
    while rest and chain[-1].subject != chain[-1].issuer:
        above = next((found for found in rest if _signed(chain[-1], by=found)), None)
        if above is None:
            break
        rest.remove(above)
        chain.append(above)
    return chain


def _accepted(key: object, where: str) -> PrivateKey:
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(
        key.curve, ec.SECP256R1 | ec.SECP384R1 | ec.SECP521R1
    ):
        return key
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size >= MIN_RSA_BITS:
        return key
    raise IdentityError(
        "this kind of key is not accepted",
        code="identity.kind",
        where=where,
        hint=f"use EC P-256, P-384 or P-521, or RSA with {MIN_RSA_BITS} bits or more",
    )
