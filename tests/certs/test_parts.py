"""Certificates that are whole for the library that reads them, until somebody asks for a part of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from certs.authority import Authority
from certs.errors import CertError, IdentityError, TrustError
from certs.identity import Identity, chain_of, new_key, read_chain, request
from certs.parts import key_of
from certs.purpose import Purpose
from certs.revocation import check_list, read_list
from certs.trust import Trust

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
P256 = bytes.fromhex("2a8648ce3d030107")


@pytest.fixture(scope="module")
def root() -> Authority:
    return Authority.create(name="fuzz root", now=NOW, lifetime=900 * DAY)


@pytest.fixture(scope="module")
def device(root: Authority) -> Identity:
    key = new_key()
    return Identity(key=key, chain=root.issue_from(request(key, device_id="kiosk-1"), now=NOW, lifetime=DAY))


def changed(certificate: x509.Certificate, old: bytes, new: bytes) -> bytes:
    """As PEM, with bytes exchanged for as many others."""
    der = certificate.public_bytes(Encoding.DER)
    assert old in der
    return x509.load_der_x509_certificate(der.replace(old, new)).public_bytes(Encoding.PEM)


def of_unknown_curve(certificate: x509.Certificate) -> tuple[x509.Certificate, ...]:
    return read_chain(changed(certificate, P256, P256[:-1] + b"\x7f"))


def test_a_key_on_a_curve_that_nobody_knows_is_nobody_s(root: Authority, device: Identity) -> None:
    """It may be an authority's own choice: others that came with it are used all the same."""
    (strange,) = of_unknown_curve(device.certificate)
    assert key_of(strange) is None
    assert chain_of(device.key, [strange, device.certificate]) == (device.certificate,)
    for call in (lambda: chain_of(device.key, [strange]), lambda: Identity(key=device.key, chain=[strange])):
        with pytest.raises(IdentityError) as caught:
            call()
        assert caught.value.code == "identity.mismatch"
    with pytest.raises(TrustError):
        Trust(roots=[root.certificate]).verify([strange], purpose=Purpose.CLIENT, now=NOW)


def test_an_issuer_on_a_curve_that_nobody_knows_is_no_issuer(root: Authority, device: Identity) -> None:
    (strange,) = of_unknown_curve(root.certificate)
    assert chain_of(device.key, [device.certificate, strange]) == (device.certificate,)
    with pytest.raises(TrustError) as caught:
        check_list(root.crl(now=NOW, lifetime=DAY), authorities=[strange], now=NOW)
    assert caught.value.code == "trust.crl_signature"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"\x0c\x07kiosk-1", b"\x0c\x07kiosk-\xff"),  # no UTF-8
        (b"\x0c\x07kiosk-1", b"\x03\x07\x00iosk-1"),  # bits, where a name is text
    ],
)
def test_a_name_that_cannot_be_read_is_a_damaged_certificate(device: Identity, old: bytes, new: bytes) -> None:
    with pytest.raises(IdentityError) as caught:
        read_chain(changed(device.certificate, old, new))
    assert caught.value.code == "identity.certificate"


def test_a_list_of_an_authority_without_a_readable_name(root: Authority) -> None:
    der = root.crl(now=NOW, lifetime=DAY).public_bytes(Encoding.DER)
    for new in (b"\x0c\x09fuzz roo\xff", b"\x03\x09\x00uzz root"):
        with pytest.raises(CertError) as caught:
            read_list(der.replace(b"\x0c\x09fuzz root", new))
        assert caught.value.code == "trust.crl_damaged"
