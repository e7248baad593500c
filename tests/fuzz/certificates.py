"""Certificates, keys and revocation lists, at the seam to the libraries that read them."""

from __future__ import annotations

import base64
import functools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from certs.authority import Authority
from certs.identity import Identity, chain_of, new_key, read_chain, read_key, request
from certs.purpose import Purpose
from certs.revocation import check_list, is_due, read_list
from certs.trust import Trust
from device_agent.lifecycle.office import Reply, _certificates
from tests.fuzz.target import Target

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Site:
    """An authority and one device of it, made once."""

    root: Authority
    identity: Identity


@functools.cache
def site() -> Site:
    root, own = Authority.create(name="fuzz", now=NOW, lifetime=timedelta(days=900)), new_key()
    chain = root.issue_from(request(own, device_id="kiosk-1"), now=NOW, lifetime=timedelta(days=90))
    return Site(root=root, identity=Identity(key=own, chain=[*chain, root.certificate]))


def pem_of(der: bytes) -> bytes:
    return b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(der) + b"-----END CERTIFICATE-----\n"


def judge(pem: bytes) -> None:
    here = site()
    chain = read_chain(pem)
    chain_of(here.identity.key, chain, authorities=[here.root.certificate])
    Trust(roots=[here.root.certificate]).verify(chain, purpose=Purpose.CLIENT, now=NOW, name="kiosk-1")


def believe(pem: bytes) -> None:
    """As a root, and the device's chain under it."""
    here = site()
    Trust(roots=read_chain(pem), strict=True).verify(here.identity.chain, purpose=Purpose.CLIENT, now=NOW)


def read_revocations(data: bytes) -> None:
    root = site().root
    found = read_list(data)
    is_due(found, came=NOW, now=NOW)
    check_list(found, authorities=[root.certificate], now=NOW, kept=None)


def enrolled(data: bytes) -> None:
    chain_of(site().identity.key, _certificates(Reply(body=data, headers={})))


def read_own_key(data: bytes) -> None:
    assert "PRIVATE" not in repr(read_key(data))


def read_bundle(data: bytes) -> None:
    Identity.from_pkcs12(data, password=b"p")


def ders() -> Sequence[bytes]:
    return [one.public_bytes(Encoding.DER) for one in site().identity.chain]


def lists() -> Sequence[bytes]:
    found = site().root.crl(now=NOW, lifetime=timedelta(days=3))
    return [found.public_bytes(Encoding.DER), found.public_bytes(Encoding.PEM)]


def enrolments() -> Sequence[bytes]:
    return [base64.encodebytes(pkcs7.serialize_certificates(list(site().identity.chain), Encoding.DER))]


TARGETS = {
    "certificate": Target(run=judge, seeds=lambda: [site().identity.chain_pem()]),
    "certificate-der": Target(run=lambda der: judge(pem_of(der)), seeds=ders, longest=2048),
    "root-der": Target(run=lambda der: believe(pem_of(der)), seeds=ders, longest=2048),
    "revocation-list": Target(run=read_revocations, seeds=lists, longest=2048),
    "enrolment": Target(run=enrolled, seeds=enrolments),
    "private-key": Target(run=read_own_key, seeds=lambda: [site().identity.key_pem()], longest=2048, few=True),
    "pkcs12": Target(run=read_bundle, seeds=lambda: [site().identity.to_pkcs12(password=b"p", name="x")], few=True),
}
