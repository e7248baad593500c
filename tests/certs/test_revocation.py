"""Revocation lists: read, held to their authority and to their age, and when there should be another."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from certs.authority import Authority
from certs.errors import TrustError
from certs.revocation import CLOCK_TOLERANCE, LONGEST_TRUST, check_list, is_due, read_list

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
ROOT = Authority.create(name="Root", now=NOW, lifetime=365 * DAY)

Key = (
    rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey
    | dsa.DSAPrivateKey
)  # fmt: skip


def named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def listed(
    *, issuer: str = "Root", key: Key = ROOT.identity.key, since: datetime = NOW - HOUR, until: datetime = NOW + DAY,
    number: int | None = 1, delta: bool = False,
) -> x509.CertificateRevocationList:  # fmt: skip
    builder = x509.CertificateRevocationListBuilder(named(issuer), since, until)
    if number is not None:
        builder = builder.add_extension(x509.CRLNumber(number), critical=False)
    if delta:
        builder = builder.add_extension(x509.DeltaCRLIndicator(1), critical=True)
    is_edwards = isinstance(key, ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey)
    return builder.sign(key, None if is_edwards else hashes.SHA256())


def authority_of(key: Key, *, name: str = "Root") -> x509.Certificate:
    return (
        x509.CertificateBuilder(named(name), named(name), key.public_key(), 1, NOW - DAY, NOW + 365 * DAY)
    ).sign(ROOT.identity.key, hashes.SHA256())  # fmt: skip


def refusal(
    found: x509.CertificateRevocationList,
    *,
    authorities: tuple[x509.Certificate, ...] = (ROOT.certificate,),
    kept: x509.CertificateRevocationList | None = None,
) -> str:
    try:
        check_list(found, authorities=authorities, now=NOW, kept=kept, where="x")
    except TrustError as error:
        return error.code if (error.where, bool(error.hint)) == ("x", True) else "nothing is said"
    return ""


def test_both_forms_are_read() -> None:
    good = listed()
    assert read_list(good.public_bytes(Encoding.DER)) == good
    assert read_list(b"\n " + good.public_bytes(Encoding.PEM)) == good
    for data in (b"", b"-----", b"\n", good.public_bytes(Encoding.DER)[:-1], ROOT.identity.chain_pem()):
        with pytest.raises(TrustError) as caught:
            read_list(data, where="x")
        assert (caught.value.code, caught.value.where) == ("trust.crl_damaged", "x")


def test_a_list_of_changes_takes_no_whole_one_s_place() -> None:
    with pytest.raises(TrustError, match="changes only") as caught:
        read_list(listed(delta=True).public_bytes(Encoding.DER))
    assert caught.value.code == "trust.crl_damaged"


@pytest.mark.parametrize(
    "key",
    [rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP384R1()),
     ed25519.Ed25519PrivateKey.generate(), ed448.Ed448PrivateKey.generate()],
    ids=["rsa", "ec", "ed25519", "ed448"],
)  # fmt: skip
def test_an_authority_s_key_may_be_of_any_good_kind(key: Key) -> None:
    stranger = authority_of(ec.generate_private_key(ec.SECP256R1()))
    assert refusal(listed(key=key), authorities=(stranger, authority_of(key))) == ""
    assert refusal(listed(key=key), authorities=(stranger,)) == "trust.crl_signature"


def test_a_list_is_of_its_authority_by_name_and_by_key() -> None:
    assert refusal(listed()) == ""
    assert refusal(listed(issuer="Another")) == "trust.crl_signature"
    assert refusal(listed(), authorities=()) == "trust.crl_signature"
    old = dsa.generate_private_key(2048)
    assert refusal(listed(key=old), authorities=(authority_of(old),)) == "trust.crl_signature", "a kind for nobody"


def test_its_times_are_exact() -> None:
    far = NOW + 9 * DAY
    assert refusal(listed(since=NOW + CLOCK_TOLERANCE, until=far)) == ""
    assert refusal(listed(since=NOW + CLOCK_TOLERANCE + SECOND, until=far)) == "trust.crl_not_yet_valid"
    assert refusal(listed(until=NOW + SECOND)) == ""
    assert refusal(listed(until=NOW)) == "trust.crl_expired"


@pytest.mark.parametrize(
    ("since", "number", "code"),
    [
        (NOW - HOUR, 5, ""),  # the very same one
        (NOW - HOUR, 6, ""),
        (NOW - HOUR, 4, "trust.crl_older"),
        (NOW - HOUR, None, "trust.crl_older"),
        (NOW - HOUR + SECOND, 1, ""),  # an authority that was made anew may count from the start
        (NOW - HOUR - SECOND, 9, "trust.crl_older"),
    ],
)
def test_an_older_list_takes_no_newer_one_s_place(since: datetime, number: int | None, code: str) -> None:
    kept = listed(number=5)
    assert refusal(listed(since=since, number=number), kept=kept) == code
    assert refusal(listed(since=since, number=number), kept=listed(number=None)) in ("", code)


def test_another_authority_s_list_is_no_measure() -> None:
    kept = listed(issuer="Another", since=NOW - SECOND)
    assert refusal(listed(), kept=kept) == ""


def test_a_newer_one_is_asked_for_at_half_of_its_life_and_twelve_hours_after_it_came() -> None:
    short = listed(since=NOW, until=NOW + 4 * HOUR)
    assert [is_due(short, came=NOW, now=NOW + at) for at in (2 * HOUR - SECOND, 2 * HOUR)] == [False, True]
    long = listed(since=NOW, until=NOW + 30 * DAY)
    assert [is_due(long, came=NOW, now=NOW + at) for at in (LONGEST_TRUST - SECOND, LONGEST_TRUST)] == [False, True]
    assert timedelta(hours=12) == LONGEST_TRUST


def test_what_came_in_the_future_is_asked_for_again() -> None:
    """The clock was wrong then: what it says of the list's age is worth nothing."""
    long = listed(since=NOW, until=NOW + 30 * DAY)
    assert not is_due(long, came=NOW + CLOCK_TOLERANCE, now=NOW)
    assert is_due(long, came=NOW + CLOCK_TOLERANCE + SECOND, now=NOW)
