"""Keys, requests, PEM and PKCS#12, in and out, ours and openssl's; and that no key ever shows."""

from __future__ import annotations

import pickle
import shutil
import subprocess
import traceback
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from certs.authority import Authority
from certs.errors import IdentityError
from certs.identity import Identity, PrivateKey, chain_of, key_pem, new_key, read_chain, read_key, request
from certs.purpose import Purpose
from certs.trust import Trust

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
YEAR = timedelta(days=365)


@pytest.fixture(scope="module")
def root() -> Authority:
    return Authority.create(name="Test Root", now=NOW, lifetime=10 * YEAR)


@pytest.fixture(scope="module")
def identity(root: Authority) -> Identity:
    issuer = root.intermediate(name="Devices", now=NOW, lifetime=5 * YEAR)
    key = new_key()
    return Identity(key=key, chain=issuer.issue_from(request(key, device_id="kiosk-1"), now=NOW, lifetime=YEAR))


def refusal(call: Callable[[], object]) -> IdentityError:
    with pytest.raises(IdentityError) as caught:
        call()
    return caught.value


def raw(key: PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def test_a_request_names_the_device_and_is_for_tls_clients() -> None:
    key = new_key()
    made = request(key, device_id="kiosk-1")
    assert made.is_signature_valid
    assert made.public_key() == key.public_key()
    assert isinstance(key.curve, ec.SECP256R1)
    assert made.subject.rfc4514_string() == "CN=kiosk-1"
    assert list(made.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [
        ExtendedKeyUsageOID.CLIENT_AUTH
    ]
    assert raw(key) != raw(new_key())


@pytest.mark.parametrize("device_id", ["", "x" * 65, "a\nb", "a\0"])
def test_a_device_id_that_fits_no_certificate(device_id: str) -> None:
    assert refusal(lambda: request(new_key(), device_id=device_id)).code == "identity.device_id"


def test_pem_goes_round(identity: Identity) -> None:
    again = Identity.from_pem(identity.key_pem(), identity.chain_pem())
    assert raw(again.key) == raw(identity.key)
    assert again.chain == identity.chain
    assert len(again.chain) == 2
    assert again.fingerprint == identity.fingerprint == identity.certificate.fingerprint(hashes.SHA256()).hex()[:16]


def test_pkcs12_goes_round(identity: Identity) -> None:
    again = Identity.from_pkcs12(identity.to_pkcs12(password=b"p4ss", name="kiosk-1"), password=b"p4ss")
    assert raw(again.key) == raw(identity.key)
    assert again.chain == identity.chain
    assert refusal(lambda: identity.to_pkcs12(password=b"", name="kiosk-1")).code == "identity.password"


@pytest.mark.skipif(not shutil.which("openssl"), reason="the openssl command is not installed")
def test_pkcs12_and_pem_with_openssl_in_both_directions(identity: Identity, tmp_path: Path) -> None:
    def openssl(*arguments: str) -> bytes:
        return subprocess.run(["openssl", *arguments], capture_output=True, check=True, cwd=tmp_path).stdout

    (tmp_path / "ours.p12").write_bytes(identity.to_pkcs12(password=b"p4ss", name="kiosk-1"))
    shown = openssl("pkcs12", "-in", "ours.p12", "-nodes", "-passin", "pass:p4ss")
    assert raw(read_key(shown)) == raw(identity.key)
    assert set(read_chain(shown)) == set(identity.chain)
    (tmp_path / "key.pem").write_bytes(identity.key_pem())
    (tmp_path / "chain.pem").write_bytes(identity.chain_pem())
    openssl("pkcs12", "-export", "-inkey", "key.pem", "-in", "chain.pem", "-out", "theirs.p12", "-passout", "pass:p4ss")
    theirs = Identity.from_pkcs12((tmp_path / "theirs.p12").read_bytes(), password=b"p4ss")
    assert (raw(theirs.key), theirs.chain) == (raw(identity.key), identity.chain)
    openssl("pkcs8", "-topk8", "-in", "key.pem", "-out", "locked.pem", "-passout", "pass:p4ss")
    assert raw(read_key((tmp_path / "locked.pem").read_bytes(), password=b"p4ss")) == raw(identity.key)
    openssl("ec", "-in", "key.pem", "-out", "sec1.pem")
    assert raw(read_key((tmp_path / "sec1.pem").read_bytes())) == raw(identity.key)
    (tmp_path / "csr.pem").write_bytes(
        request(identity.key, device_id="kiosk-1").public_bytes(serialization.Encoding.PEM)
    )
    assert b"CN = kiosk-1" in openssl("req", "-in", "csr.pem", "-verify", "-noout", "-text")


def test_pkcs12_that_is_no_good(identity: Identity) -> None:
    good = bytes(identity.to_pkcs12(password=b"p4ss", name="n"))
    assert refusal(lambda: Identity.from_pkcs12(good, password=b"other")).code == "identity.password"
    assert refusal(lambda: Identity.from_pkcs12(good, password=None)).code == "identity.password"
    for damaged in (b"", b"no DER", good[:-20], good[:100]):
        assert (
            refusal(lambda damaged=damaged: Identity.from_pkcs12(damaged, password=b"p4ss")).code == "identity.pkcs12"
        )
    only_certificate = serialization.pkcs12.serialize_key_and_certificates(
        b"n", None, identity.certificate, None, serialization.BestAvailableEncryption(b"p4ss")
    )
    assert refusal(lambda: Identity.from_pkcs12(only_certificate, password=b"p4ss")).code == "identity.empty"


@pytest.mark.parametrize("what", ["alone", "in a heap", "without its own authority"])
def test_what_else_lies_in_a_pkcs12_file_is_no_part_of_the_chain(root: Authority, what: str) -> None:
    """Tools put whatever they have beside the key: other authorities, and this one's former certificate."""
    issuer, former = (root.intermediate(name="Devices", now=NOW, lifetime=5 * YEAR) for _ in range(2))
    stray = [Authority.create(name=f"Other {n}", now=NOW, lifetime=YEAR).certificate for n in range(12)]
    key = new_key()
    leaf = issuer.issue_from(request(key, device_id="kiosk-1"), now=NOW, lifetime=YEAR)[0]
    beside = {
        "alone": [],
        "in a heap": [*stray, former.certificate, root.certificate, leaf, issuer.certificate, issuer.certificate],
        "without its own authority": [*stray, former.certificate, root.certificate],
    }[what]
    data = serialization.pkcs12.serialize_key_and_certificates(
        b"n", key, leaf, beside or None, serialization.BestAvailableEncryption(b"p4ss")
    )
    whole = (leaf, issuer.certificate, root.certificate) if what == "in a heap" else (leaf,)
    found = Identity.from_pkcs12(data, password=b"p4ss")
    assert found.chain == whole
    top = found.chain[-1]
    Trust(roots=[top], partial=True).verify(found.chain, purpose=Purpose.CLIENT, now=NOW, name="kiosk-1")


def test_pkcs12_with_a_certificate_whose_name_cannot_be_read(root: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    """The library parses names when they are asked for: that must be here, where it is an error with a code."""
    key = new_key()
    good = root.issue_from(request(key, device_id="kiosk-77"), now=NOW, lifetime=YEAR)[0]
    der = good.public_bytes(serialization.Encoding.DER).replace(b"kiosk-77", b"kiosk-\xff7")
    for own, more in ((der, []), (good.public_bytes(serialization.Encoding.DER), [der])):
        cert, *others = (pkcs12.PKCS12Certificate(x509.load_der_x509_certificate(one), None) for one in (own, *more))
        found = pkcs12.PKCS12KeyAndCertificates(key, cert, others)
        monkeypatch.setattr(pkcs12, "load_pkcs12", lambda *_given, found=found: found)
        assert refusal(lambda: Identity.from_pkcs12(b"", password=None)).code == "identity.pkcs12"


def test_an_authority_with_two_keys_is_above_what_the_right_one_signed(root: Authority) -> None:
    """After a change of keys it has one name and two certificates, which came in any order."""
    old, new = (root.intermediate(name="Devices", now=NOW, lifetime=YEAR) for _ in range(2))
    key = new_key()
    leaf = new.issue_from(request(key, device_id="kiosk-1"), now=NOW, lifetime=YEAR)[0]
    for came in ([old.certificate, new.certificate, leaf], [leaf, new.certificate, old.certificate]):
        assert chain_of(key, came, authorities=[root.certificate]) == (leaf, new.certificate)


def test_parts_that_do_not_belong_together(identity: Identity, root: Authority) -> None:
    other = key_pem(new_key())
    pem = identity.chain_pem()
    swapped = b"".join(c.public_bytes(serialization.Encoding.PEM) for c in reversed(identity.chain))
    assert refusal(lambda: Identity.from_pem(other, pem)).code == "identity.mismatch"
    assert refusal(lambda: Identity.from_pem(identity.key_pem(), swapped)).code == "identity.mismatch"
    assert refusal(lambda: Identity.from_pem(identity.key_pem(), pem * 10)).code == "identity.chain"
    assert refusal(lambda: Identity(key=new_key(), chain=[])).code == "identity.empty"
    for damaged in (b"", b"text", pem[:200], b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"):
        assert (
            refusal(lambda damaged=damaged: Identity.from_pem(identity.key_pem(), damaged)).code
            == "identity.certificate"
        )


def test_keys_that_are_refused(identity: Identity) -> None:
    weak: list[ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey] = [
        rsa.generate_private_key(65537, 1024),
        ec.generate_private_key(ec.SECP224R1()),
        ec.generate_private_key(ec.SECP256K1()),
        ed25519.Ed25519PrivateKey.generate(),
    ]
    for key in weak:
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        assert refusal(lambda pem=pem: read_key(pem)).code == "identity.kind"
    locked = identity.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"p4ss")
    )
    assert refusal(lambda: read_key(locked)).code == "identity.password"
    assert refusal(lambda: read_key(locked, password=b"other")).code == "identity.password"
    assert refusal(lambda: read_key(identity.key_pem(), password=b"unneeded")).code == "identity.password"
    assert refusal(lambda: read_key(b"text")).code == "identity.key"
    assert raw(read_key(locked, password=b"p4ss")) == raw(identity.key)


def test_no_key_shows(identity: Identity) -> None:
    canary = identity.key_pem().decode().splitlines()[1]
    assert "hidden" in repr(identity.key_pem())
    assert "CN=kiosk-1" in repr(identity)
    assert identity.fingerprint in repr(identity)
    for shown in (repr(identity), f"{identity.key_pem()}", f"{identity.to_pkcs12(password=b'p', name='n')}"):
        assert canary not in shown
    with pytest.raises(TypeError):
        pickle.dumps(identity)
    error = refusal(lambda: Identity.from_pem(identity.key_pem(), b"text"))
    shown = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    assert canary not in shown


def test_an_authority_issues_what_was_asked_and_no_more(root: Authority) -> None:
    key = new_key()
    (leaf,) = root.issue(
        key.public_key(),
        subject="s",
        purpose=Purpose.SERVER,
        now=NOW,
        lifetime=20 * YEAR,
        names=["a.example", "127.0.0.1"],
    )
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["a.example"]
    assert [str(a) for a in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1"]
    assert leaf.not_valid_after_utc == root.certificate.not_valid_after_utc, "never longer than its issuer"
    assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def test_an_authority_takes_only_key_and_name_from_a_request(root: Authority) -> None:
    key = new_key()
    greedy = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kiosk-1")]))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("platform.example")]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (leaf,) = root.issue_from(greedy, now=NOW, lifetime=YEAR)
    assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert list(leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [
        ExtendedKeyUsageOID.CLIENT_AUTH
    ]
    with pytest.raises(x509.ExtensionNotFound):
        leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)


def test_requests_that_an_authority_refuses(root: Authority) -> None:
    def made(names: list[str], key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> x509.CertificateSigningRequest:
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name) for name in names])
        return x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())

    good = made(["kiosk-1"], new_key())
    der = bytearray(good.public_bytes(serialization.Encoding.DER))
    der[der.index(b"kiosk-1")] ^= 1
    cases = [
        (x509.load_der_x509_csr(bytes(der)), None, "identity.request"),
        (good, "kiosk-2", "identity.request"),
        (made([], new_key()), None, "identity.request"),
        (made(["kiosk-1", "kiosk-2"], new_key()), None, "identity.request"),
        (made(["kiosk-1"], ec.generate_private_key(ec.SECP192R1())), None, "identity.kind"),
        (made(["kiosk-1"], rsa.generate_private_key(65537, 1024)), None, "identity.kind"),
    ]
    for csr, subject, code in cases:
        error = refusal(lambda csr=csr, subject=subject: root.issue_from(csr, now=NOW, lifetime=YEAR, subject=subject))
        assert error.code == code
    assert root.issue_from(good, now=NOW, lifetime=YEAR, subject="kiosk-1")


def test_a_leaf_makes_no_authority(identity: Identity) -> None:
    assert refusal(lambda: Authority(identity=identity)).code == "identity.not_ca"
