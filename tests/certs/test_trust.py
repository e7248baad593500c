"""Certificates to trust and every kind not to: a bad chain differs from a good one only in what it is refused for."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from certs.authority import Authority
from certs.errors import TrustError
from certs.identity import Identity, digital_signature_only, new_key
from certs.purpose import Purpose
from certs.trust import Revocation, Trust

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
YEAR = 365 * DAY
HOST = "platform.example"
UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")


@dataclass
class World:
    root: Authority
    middle: Authority
    server: tuple[x509.Certificate, ...]
    device: tuple[x509.Certificate, ...]

    @property
    def trust(self) -> Trust:
        return Trust(roots=[self.root.certificate], strict=True)


@pytest.fixture(scope="module")
def world() -> World:
    root = Authority.create(name="Root", now=NOW, lifetime=10 * YEAR)
    middle = root.intermediate(name="Middle", now=NOW, lifetime=5 * YEAR)
    public = new_key().public_key()
    server = middle.issue(
        public, subject=HOST, purpose=Purpose.SERVER, now=NOW, lifetime=YEAR,
        names=[HOST, "*.wild.example", "127.0.0.1", "::1", "xn--bcher-kva.example"],
    )  # fmt: skip
    device = middle.issue(public, subject="kiosk-1", purpose=Purpose.CLIENT, now=NOW, lifetime=YEAR)
    return World(root=root, middle=middle, server=server, device=device)


def refusal(call: Callable[[], object]) -> TrustError:
    with pytest.raises(TrustError) as caught:
        call()
    return caught.value


Change = Callable[[dict[str, Any]], None]


def leaf_of(
    above: Authority,
    *,
    drop: tuple[type, ...] = (),
    add: tuple[tuple[x509.ExtensionType, bool], ...] = (),
    **changes: Any,
) -> x509.Certificate:
    """A server's certificate that is good but for the changes."""
    facts: dict[str, Any] = {
        "subject": "leaf", "issuer": above.certificate.subject, "key": new_key(), "signer": above.identity.key,
        "start": NOW - DAY, "end": NOW + YEAR, "hash": hashes.SHA256(), "serial": x509.random_serial_number(),
        **changes,
    }  # fmt: skip
    public = facts["key"].public_key()
    extensions: list[tuple[x509.ExtensionType, bool]] = [
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (digital_signature_only(), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
        (x509.SubjectAlternativeName([x509.DNSName(HOST)]), False),
        (x509.SubjectKeyIdentifier.from_public_key(public), False),
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(above.identity.key.public_key()), False),
    ]
    replaced = tuple(type(extension) for extension, _ in add)
    builder = (
        x509.CertificateBuilder()
        .subject_name(
            x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name) for name in facts["subject"].split("+")])
        )
        .issuer_name(facts["issuer"])
        .public_key(public)
        .serial_number(facts["serial"])
        .not_valid_before(facts["start"])
        .not_valid_after(facts["end"])
    )
    for extension, critical in [e for e in extensions if not isinstance(e[0], (*drop, *replaced))] + list(add):
        builder = builder.add_extension(extension, critical)
    return builder.sign(facts["signer"], facts["hash"])


def with_sha1(certificate: x509.Certificate, signer: rsa.RSAPrivateKey) -> x509.Certificate:
    """The same certificate signed with RSA and SHA-1, which the library no longer makes."""
    sha256, sha1 = bytes.fromhex("2a864886f70d01010b"), bytes.fromhex("2a864886f70d010105")
    body = certificate.tbs_certificate_bytes.replace(sha256, sha1)
    signature = signer.sign(body, padding.PKCS1v15(), hashes.SHA1())
    algorithm = bytes.fromhex("300d0609") + sha1 + bytes.fromhex("0500")
    bits = b"\x03\x82" + (len(signature) + 1).to_bytes(2, "big") + b"\0" + signature
    whole = body + algorithm + bits
    return x509.load_der_x509_certificate(b"\x30\x82" + len(whole).to_bytes(2, "big") + whole)


def test_good_chains_lead_to_the_root(world: World) -> None:
    for chain, purpose, name in ((world.server, Purpose.SERVER, HOST), (world.device, Purpose.CLIENT, "kiosk-1")):
        verified = world.trust.verify(chain, purpose=purpose, now=NOW, name=name)
        assert verified == (chain[0], world.middle.certificate, world.root.certificate)
    assert world.trust.verify(world.device, purpose=Purpose.CLIENT, now=NOW)[0] == world.device[0]
    good = leaf_of(world.middle)
    assert world.trust.verify([good, world.middle.certificate], purpose=Purpose.SERVER, now=NOW, name=HOST)[0] == good


def test_the_order_and_extra_certificates_do_not_matter(world: World) -> None:
    stranger = Authority.create(name="Stranger", now=NOW, lifetime=YEAR)
    chain = [world.server[0], stranger.certificate, world.root.certificate, world.middle.certificate]
    assert len(world.trust.verify(chain, purpose=Purpose.SERVER, now=NOW, name=HOST)) == 3


@pytest.mark.parametrize(
    ("name", "fits"),
    [
        (HOST, True), ("PLATFORM.example", True), ("platform.example.", True), ("a.wild.example", True),
        ("127.0.0.1", True), ("::1", True), ("0:0:0:0:0:0:0:1", True), ("bücher.example", True),
        ("other.example", False), ("wild.example", False), ("a.b.wild.example", False), (".wild.example", False),
        ("127.0.0.2", False), ("platform.example.evil.example", False), ("evil.platform.example", False),
        ("*.wild.example", True), ("::2", False), ("2130706433", False), ("xplatform.example", False),
    ],
)  # fmt: skip
def test_hosts(world: World, name: str, fits: bool) -> None:
    if fits:
        world.trust.verify(world.server, purpose=Purpose.SERVER, now=NOW, name=name)
    else:
        error = refusal(lambda: world.trust.verify(world.server, purpose=Purpose.SERVER, now=NOW, name=name))
        assert error.code == "trust.name"
        assert name in error.message


def test_the_common_name_is_no_host_and_a_wildcard_needs_two_labels(world: World) -> None:
    for add, drop in (
        ((), (x509.SubjectAlternativeName,)),
        (((x509.SubjectAlternativeName([x509.DNSName("*.example")]), False),), ()),
        (((x509.SubjectAlternativeName([x509.DNSName("p*.example")]), False),), ()),
        (((x509.SubjectAlternativeName([x509.DNSName("*")]), False),), ()),
        (((x509.SubjectAlternativeName([x509.RFC822Name("a@platform.example")]), False),), ()),
    ):
        leaf = leaf_of(world.middle, subject=HOST, add=add, drop=drop)
        chain = [leaf, world.middle.certificate]
        assert (
            refusal(lambda c=chain: world.trust.verify(c, purpose=Purpose.SERVER, now=NOW, name=HOST)).code
            == "trust.name"
        )
    text = leaf_of(world.middle, add=((x509.SubjectAlternativeName([x509.DNSName("127.0.0.1")]), False),))
    chain = [text, world.middle.certificate]
    assert (
        refusal(lambda: world.trust.verify(chain, purpose=Purpose.SERVER, now=NOW, name="127.0.0.1")).code
        == "trust.name"
    )


def test_a_device_is_its_only_common_name(world: World) -> None:
    for name in ("kiosk-2", "KIOSK-1", "kiosk-1 "):
        error = refusal(lambda name=name: world.trust.verify(world.device, purpose=Purpose.CLIENT, now=NOW, name=name))
        assert error.code == "trust.name"
    use = ((x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False),)
    two = leaf_of(world.middle, subject="kiosk-1+kiosk-2", add=use)
    chain = [two, world.middle.certificate]
    for name in ("kiosk-1", "kiosk-2"):
        error = refusal(lambda name=name: world.trust.verify(chain, purpose=Purpose.CLIENT, now=NOW, name=name))
        assert error.code == "trust.name", "one certificate is not two devices"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"end": NOW - timedelta(seconds=1)}, "trust.expired"),
        ({"start": NOW + timedelta(seconds=1)}, "trust.not_yet_valid"),
        ({"signer": ec.generate_private_key(ec.SECP256R1())}, "trust.signature"),
        ({"issuer": x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Nobody")])}, "trust.unknown_issuer"),
        ({"key": rsa.generate_private_key(65537, 1024)}, "trust.weak"),
        ({"key": ec.generate_private_key(ec.SECP192R1())}, "trust.weak"),
        ({"drop": (x509.ExtendedKeyUsage,)}, "trust.purpose"),
        ({"add": ((x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False),)}, "trust.purpose"),
        ({"add": ((x509.ExtendedKeyUsage([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE]), False),)}, "trust.purpose"),
        ({"add": ((UNKNOWN, True),)}, "trust.critical_extension"),
        ({"drop": (x509.AuthorityKeyIdentifier,)}, "trust.form"),
    ],
)  # fmt: skip
def test_leaves_that_are_refused(world: World, changes: dict[str, Any], code: str) -> None:
    chain = [leaf_of(world.middle, **changes), world.middle.certificate]
    error = refusal(lambda: world.trust.verify(chain, purpose=Purpose.SERVER, now=NOW, name=HOST))
    assert error.code == code
    assert "CN=leaf" in error.where


def test_key_usage_that_cannot_sign(world: World) -> None:
    flags = dict.fromkeys(
        ("content_commitment", "data_encipherment", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
         "digital_signature"), False,
    )  # fmt: skip
    usage = x509.KeyUsage(key_agreement=True, key_encipherment=False, **flags)
    chain = [leaf_of(world.middle, add=((usage, True),)), world.middle.certificate]
    assert refusal(lambda: world.trust.verify(chain, purpose=Purpose.SERVER, now=NOW)).code == "trust.purpose"


def test_an_authority_s_certificate_is_no_server_s_whatever_else_it_may_do(world: World) -> None:
    trust = Trust(roots=[world.root.certificate])
    middle = _authority(world.root)
    chain = [leaf_of(middle, add=((x509.BasicConstraints(ca=True, path_length=None), True),)), middle.certificate]
    error = refusal(lambda: trust.verify(chain, purpose=Purpose.SERVER, now=NOW, name=HOST))
    assert (error.code, "authority" in error.message) == ("trust.purpose", True)


def test_an_edwards_key_is_strong_enough(world: World) -> None:
    for key in (ed25519.Ed25519PrivateKey.generate(), ed448.Ed448PrivateKey.generate()):
        chain = [leaf_of(world.middle, key=key), world.middle.certificate]
        assert world.trust.verify(chain, purpose=Purpose.SERVER, now=NOW, name=HOST)


def test_a_host_that_cannot_be_written_is_nobody_s(world: World) -> None:
    chain = [leaf_of(world.middle, add=((x509.SubjectAlternativeName([x509.DNSName("")]), False),))]
    error = refusal(
        lambda: world.trust.verify([*chain, world.middle.certificate], purpose=Purpose.SERVER, now=NOW, name="ü" * 64)
    )
    assert error.code == "trust.name"


def test_an_authority_that_is_no_root_ends_a_chain_only_where_that_was_asked_for(world: World) -> None:
    chain, middle = world.server[:1], world.middle.certificate
    assert refusal(
        lambda: Trust(roots=[middle]).verify(chain, purpose=Purpose.SERVER, now=NOW, name=HOST)
    ).code == "trust.unknown_issuer"  # fmt: skip
    assert Trust(roots=[middle], partial=True).verify(chain, purpose=Purpose.SERVER, now=NOW, name=HOST)


def test_an_authority_that_does_not_live_up_to_the_letter_is_refused_only_where_that_was_asked_for(
    world: World,
) -> None:
    chain = [leaf_of(world.middle, drop=(x509.AuthorityKeyIdentifier,)), world.middle.certificate]
    assert refusal(lambda: world.trust.verify(chain, purpose=Purpose.SERVER, now=NOW, name=HOST)).code == "trust.form"
    assert Trust(roots=[world.root.certificate]).verify(chain, purpose=Purpose.SERVER, now=NOW, name=HOST)


def test_a_certificate_for_one_purpose_does_not_do_for_the_other(world: World) -> None:
    assert refusal(lambda: world.trust.verify(world.server, purpose=Purpose.CLIENT, now=NOW)).code == "trust.purpose"
    assert refusal(lambda: world.trust.verify(world.device, purpose=Purpose.SERVER, now=NOW)).code == "trust.purpose"


def test_an_intermediate_that_is_limited_to_the_other_purpose(world: World) -> None:
    middle = _authority(world.root, add=((x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False),))
    chain = [leaf_of(middle), middle.certificate]
    error = refusal(lambda: world.trust.verify(chain, purpose=Purpose.SERVER, now=NOW))
    assert (error.code, "CN=Below" in error.where) == ("trust.purpose", True)


def _authority(
    above: Authority, *, ca: bool = True, add: tuple[Any, ...] = (), drop: tuple[type, ...] = (), **changes: Any
) -> Authority:
    """An authority below another one, made by hand so that it may be wrong."""
    key = changes.pop("key", None) or new_key()
    usage = x509.KeyUsage(
        digital_signature=False, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    certificate = leaf_of(
        above,
        key=key,
        drop=(x509.ExtendedKeyUsage, x509.SubjectAlternativeName, *drop),
        add=((x509.BasicConstraints(ca=ca, path_length=None), True), (usage, True), *add),
        **{"subject": "Below", **changes},
    )
    made = object.__new__(Authority)
    made.identity = Identity(key=key, chain=[certificate])
    return made


def test_intermediates_that_are_refused(world: World) -> None:
    below_limit = _authority(world.middle)
    short = rsa.generate_private_key(65537, 1024)
    cases: list[tuple[list[x509.Certificate], str]] = [
        ([leaf_of(world.middle)], "trust.unknown_issuer"),
        ([leaf_of(m := _authority(world.root, ca=False)), m.certificate], "trust.not_ca"),
        ([leaf_of(below_limit), below_limit.certificate, world.middle.certificate], "trust.path_length"),
        ([leaf_of(m := _authority(world.root, end=NOW - DAY / 2)), m.certificate], "trust.expired"),
        ([leaf_of(m := _authority(world.root, start=NOW + DAY)), m.certificate], "trust.not_yet_valid"),
        ([leaf_of(m := _authority(world.root, signer=new_key())), m.certificate], "trust.signature"),
        ([leaf_of(m := _authority(world.root, key=short)), m.certificate], "trust.weak"),
    ]  # fmt: skip
    for chain, code in cases:
        error = refusal(
            lambda chain=chain: Trust(roots=[world.root.certificate]).verify(chain, purpose=Purpose.SERVER, now=NOW)
        )
        assert error.code == code, chain


def test_sha1_is_refused_on_leaves_and_intermediates_and_does_not_matter_on_a_root() -> None:
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Old Root")])
    seed = Authority.create(name="Old Root", now=NOW, lifetime=YEAR)
    root = _authority(seed, key=key, signer=key, issuer=name, subject="Old Root", drop=(x509.AuthorityKeyIdentifier,))
    old = with_sha1(root.certificate, key)
    assert isinstance(old.signature_hash_algorithm, hashes.SHA1)
    trust = Trust(roots=[old])
    leaf = leaf_of(root)
    assert trust.verify([leaf], purpose=Purpose.SERVER, now=NOW, name=HOST) == (leaf, old)
    middle = _authority(root)
    weak_middle = with_sha1(middle.certificate, key)
    trust.verify([leaf_of(middle), middle.certificate], purpose=Purpose.SERVER, now=NOW)
    for chain in ([with_sha1(leaf, key)], [leaf_of(middle), weak_middle]):
        assert refusal(lambda chain=chain: trust.verify(chain, purpose=Purpose.SERVER, now=NOW)).code == "trust.weak"


def test_name_constraints_hold(world: World) -> None:
    only = x509.NameConstraints(permitted_subtrees=[x509.DNSName("inside.example")], excluded_subtrees=None)
    middle = _authority(world.root, add=((only, True),))
    inside = leaf_of(middle, add=((x509.SubjectAlternativeName([x509.DNSName("a.inside.example")]), False),))
    trust = Trust(roots=[world.root.certificate])
    trust.verify([inside, middle.certificate], purpose=Purpose.SERVER, now=NOW, name="a.inside.example")
    outside = [leaf_of(middle), middle.certificate]
    assert (
        refusal(lambda: trust.verify(outside, purpose=Purpose.SERVER, now=NOW, name=HOST)).code
        == "trust.name_constraint"
    )


def test_self_signed_foreign_and_missing_certificates(world: World) -> None:
    stranger = Authority.create(name="Root", now=NOW, lifetime=YEAR)
    impostor = stranger.issue(
        new_key().public_key(), subject="x", purpose=Purpose.SERVER, now=NOW, lifetime=YEAR, names=[HOST]
    )
    key = new_key()
    itself = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "leaf")])
    alone = leaf_of(stranger, key=key, signer=key, issuer=itself, drop=(x509.AuthorityKeyIdentifier,))
    trust = Trust(roots=[world.root.certificate])
    for chain, codes in (
        ([alone], {"trust.unknown_issuer"}),
        ([stranger.certificate], {"trust.unknown_issuer"}),
        ([*impostor, stranger.certificate], {"trust.unknown_issuer", "trust.signature"}),
        (list(impostor), {"trust.unknown_issuer", "trust.signature"}),
        ([], {"trust.empty"}),
        ([world.server[0]] * 11, {"trust.chain_too_long"}),
    ):
        assert refusal(lambda chain=chain: trust.verify(chain, purpose=Purpose.SERVER, now=NOW)).code in codes
    with pytest.raises(TrustError, match="no root"):
        Trust(roots=[])
    assert (
        refusal(lambda: world.trust.verify([world.root.certificate], purpose=Purpose.SERVER, now=NOW)).code
        == "trust.purpose"
    )


def test_the_time_is_the_callers_in_any_zone(world: World) -> None:
    leaf = world.server[0]
    trust = world.trust
    for at, code in (
        (leaf.not_valid_before_utc - timedelta(seconds=1), "trust.not_yet_valid"),
        (leaf.not_valid_before_utc, ""),
        (leaf.not_valid_after_utc - timedelta(seconds=1), ""),
        (leaf.not_valid_after_utc + timedelta(seconds=1), "trust.expired"),
        (datetime(1970, 1, 1, tzinfo=UTC), "trust.not_yet_valid"),
        (datetime(2106, 2, 7, tzinfo=UTC), "trust.expired"),
    ):
        for zone in (UTC, timezone(timedelta(hours=14)), timezone(timedelta(hours=-11))):
            moment = at.astimezone(zone)
            if code:
                error = refusal(lambda moment=moment: trust.verify(world.server, purpose=Purpose.SERVER, now=moment))
                assert error.code == code
            else:
                trust.verify(world.server, purpose=Purpose.SERVER, now=moment)
    with pytest.raises(ValueError, match="zone"):
        trust.verify(world.server, purpose=Purpose.SERVER, now=datetime(2026, 3, 1))


def test_revocation(world: World) -> None:
    root, middle = world.root, world.middle
    clean = [root.crl(now=NOW, lifetime=DAY), middle.crl(now=NOW, lifetime=DAY)]
    serials = {"leaf": world.device[0].serial_number, "middle": middle.certificate.serial_number}
    revoking = Authority(identity=middle.identity)
    revoking.revoke(serials["leaf"], now=NOW - DAY)
    above = Authority(identity=root.identity)
    above.revoke(serials["middle"], now=NOW - DAY)
    forger = Authority.create(name="Middle", now=NOW, lifetime=YEAR)
    leaf_crl, middle_crl = revoking.crl(now=NOW, lifetime=DAY), above.crl(now=NOW, lifetime=DAY)
    cases: list[tuple[Revocation, list[x509.CertificateRevocationList], datetime, str]] = [
        (Revocation.NONE, [leaf_crl], NOW, ""),
        (Revocation.LEAF, clean, NOW, ""),
        (Revocation.CHAIN, clean, NOW, ""),
        (Revocation.LEAF, [clean[1]], NOW, ""),
        (Revocation.LEAF, [clean[0], leaf_crl], NOW, "trust.revoked"),
        (Revocation.CHAIN, [clean[0], leaf_crl], NOW, "trust.revoked"),
        (Revocation.CHAIN, [middle_crl, clean[1]], NOW, "trust.revoked"),
        (Revocation.LEAF, [middle_crl, clean[1]], NOW, ""),
        (Revocation.LEAF, [], NOW, "trust.crl_missing"),
        (Revocation.CHAIN, [clean[1]], NOW, "trust.crl_missing"),
        (Revocation.LEAF, clean, NOW + 2 * DAY, "trust.crl_expired"),
        (
            Revocation.LEAF,
            [clean[0], middle.crl(now=NOW + 2 * DAY, lifetime=DAY)],
            NOW + DAY,
            "trust.crl_not_yet_valid",
        ),
        (Revocation.LEAF, [forger.crl(now=NOW, lifetime=DAY)], NOW, "trust.crl_signature"),
    ]
    for revocation, crls, now, code in cases:
        trust = Trust(roots=[root.certificate], crls=crls, revocation=revocation)
        if code:
            error = refusal(lambda trust=trust, now=now: trust.verify(world.device, purpose=Purpose.CLIENT, now=now))
            assert (error.code in {code, "trust.crl_missing"}) if code == "trust.crl_signature" else error.code == code
        else:
            trust.verify(world.device, purpose=Purpose.CLIENT, now=now)


def test_the_first_revocation_counts_and_the_list_survives() -> None:
    authority = Authority.create(name="Root", now=NOW, lifetime=YEAR)
    authority.revoke(7, now=NOW)
    authority.revoke(7, now=NOW + DAY)
    again = Authority(identity=authority.identity, revoked=authority.revoked)
    entry = again.crl(now=NOW, lifetime=DAY).get_revoked_certificate_by_serial_number(7)
    assert entry is not None
    assert entry.revocation_date_utc == NOW


def test_names_in_messages_stay_on_one_line(world: World) -> None:
    evil = leaf_of(world.middle, subject="a\nINFO all is well \x1b[2J" + "x" * 40, end=NOW - DAY / 2)
    error = refusal(lambda: world.trust.verify([evil, world.middle.certificate], purpose=Purpose.SERVER, now=NOW))
    assert str(error).isprintable()


@pytest.mark.skipif(not shutil.which("openssl"), reason="the openssl command is not installed")
def test_openssl_agrees_about_our_authority(world: World, tmp_path: Path) -> None:
    for name, certificates in (
        ("root", [world.root.certificate]),
        ("rest", world.server[1:]),
        ("leaf", world.server[:1]),
    ):
        pem = b"".join(c.public_bytes(serialization.Encoding.PEM) for c in certificates)
        (tmp_path / f"{name}.pem").write_bytes(pem)
    command = [
        "openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-verify_hostname", HOST, "-attime",
        str(int(NOW.timestamp())), "-CAfile", "root.pem", "-untrusted", "rest.pem", "leaf.pem",
    ]  # fmt: skip
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
