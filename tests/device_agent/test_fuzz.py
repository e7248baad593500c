"""Readers of what others wrote, fed with good input made bad: an answer, or an error with a code; nothing else.

Some hundreds of cases each every time, thousands in the slow suite; a failure names its seed and case.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import random
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from certs import manifest, order, signed
from certs.authority import Authority
from certs.cover import KeyedCover
from certs.envelope import seal
from certs.errors import CertError
from certs.identity import Identity, new_key, read_chain, read_key, request
from certs.license import License
from certs.manifest import Listed, Manifest
from certs.order import Order
from certs.purpose import Purpose
from certs.revocation import check_list, is_due, read_list
from certs.trust import Trust
from device_agent.api.codec import from_answer
from device_agent.api.exchange import Answer
from device_agent.api.proxy import proxy_routes, route
from device_agent.api.scrub import Scrubber
from device_agent.api.skew import ServerClock
from device_agent.api.streams import Streamed
from device_agent.api.trust import Trust as ConnectionTrust
from device_agent.avatars.package import DEFAULT_LIMITS, check_package, content_key, open_package
from device_agent.avatars.render_data import RenderData
from device_agent.clock import SystemClock
from device_agent.config import Settings
from device_agent.errors import AgentError
from device_agent.lifecycle import sealed_key
from device_agent.lifecycle.budget import may_show
from device_agent.lifecycle.journal import load
from device_agent.lifecycle.machine import Phase
from device_agent.lifecycle.office import Office, Reply, _certificates
from device_agent.lifecycle.office_refusals import refused
from device_agent.lifecycle.record import Bind, Bound, Contact, Content, Record, Unbind
from device_agent.lifecycle.slot import decode, encode, parse
from device_agent.spec.operations import OPERATIONS
from device_agent.tpm.endorsement import endorsement_public
from device_agent.tpm.sealing import AnotherTpm, unseal
from device_agent.tpm.sealing import seal as seal_to
from tests.mutation import bytes_of, document_of
from tests.stand_in_tpm import CREATE_PRIMARY, LOAD, UNSEAL, StandInTpm

NOW = datetime(2026, 3, 1, tzinfo=UTC)
KEY = bytes(range(32))
FEW, MANY = 600, 20_000

Case = Callable[[random.Random], object]


def record() -> Record:
    return Record(
        gen=7, phase=Phase.READY, device_id="KIOSK1", id_source="board", hw_print=("a", "b", "c", "d", "e"),
        tenant_id=1, app_id="app", license_fp="f" * 16, bind=Bind(intent_id="i", attempts=2, outcome="ok"),
        bound=Bound(at=1.7e9, request_id="R", license_fp="f" * 16), contact=Contact(last_ok=1.7e9, offline_s=3.5),
        content=Content(active="CH", packages={"CH": "ab" * 32}), unbind=Unbind(intent_id="u", request_ids=("R",)),
    )  # fmt: skip


def state_bytes(dice: random.Random) -> object:
    return decode(bytes_of([encode(record()), encode(Record())], dice))


def state_with_a_right_hash(dice: random.Random) -> object:
    """As a program with a defect, or somebody with the device's rights, could have written it."""
    body = document_of([msgspec.to_builtins(record())], dice)
    found = decode(hashlib.sha256(body).hexdigest().encode() + b"\n" + body + b"\n")
    return found and may_show(found, budget_s=604800.0)


SETTINGS = [
    {"endpoint": "https://a.example", "tenant_id": 1, "access_key_secret": "s", "timeout_s": 5.0, "proxy": "http://p:1",
     "ca_files": {"a.example": "ca.pem"}, "crl_urls": {"a.example": "http://a/c"}, "seat_full_codes": ["x"],
     "render_data_names": {"url": "/u"}, "health_port": 1, "license_file": "l"},
]  # fmt: skip


def settings_of(dice: random.Random) -> object:
    """From the environment, where every value is text."""
    table = document_of(SETTINGS, dice).decode("utf-8", "replace")
    given = {"AVATAR_AGENT_CA_FILES": table, "AVATAR_AGENT_CRL_URLS": table}
    try:
        document = json.loads(table)
    except (ValueError, RecursionError):
        document = None
    if isinstance(document, dict):
        shown = {name.upper(): json.dumps(value).strip('"') for name, value in document.items() if name.isprintable()}
        given = {f"AVATAR_AGENT_{name}": value for name, value in shown.items()}
    return Settings.load(None, environ=given, overrides={}, system_file=Path("/nonexistent"))


LICENCES = [{"TenantId": 1, "AppId": "a", "License": "x" * 40}]


def licence(dice: random.Random) -> object:
    return License.parse(document_of(LICENCES, dice).decode("utf-8", "replace"))


RESULTS = [
    {"RequestId": "R", "Code": "0", "Message": "ok", "Success": True, "Data": {"Token": "t", "ImToken": "i"}},
    {"RequestId": "R", "Code": "10010031", "Message": "no", "Success": False},
    {
        "RequestId": "R",
        "Code": "Throttling.User",
        "Message": "License=abcdefgh not good",
        "Success": "false",
        "HostId": "h",
    },
    {"RequestId": "R", "Success": "true", "Data": {"RenderData": "{}", "List": [{"Code": "c"}], "Total": 1}},
]


def reply(dice: random.Random) -> object:
    operation = dice.choice(list(OPERATIONS.values()))
    headers = {"date": dice.choice(("", "Sun, 01 Mar 2026 00:00:00 GMT", "Sun, 99 Mar 99999999999 00:00:00 GMT"))}
    status = dice.choice((200, 200, 200, 400, 403, 500, 302, 0, 999))
    answer = Answer(status=status, headers=headers, body=document_of(RESULTS, dice), elapsed_s=0.1)
    ServerClock(SystemClock()).learn(answer, clock_refused=True)
    return from_answer(answer, operation, where="https://a", scrubber=Scrubber(["License=abcdefgh"]))


RENDER_DATA = [
    {"url": "https://a.example/p.zip?x=1", "secret": base64.b64encode(KEY).decode(), "type": "AVATAR_3D_TRADITIONAL",
     "sha256": "ab" * 32, "size": 1000, "version": "1"},
    {"url": "https://a.example/p.zip", "asset": {"secret": "x", "list": [1, {"a": "b"}]}},
]  # fmt: skip


def render_data(dice: random.Random) -> object:
    names = dice.choice((None, {"secret": "/asset/secret"}, {"size": "/asset/list/1"}, {"url": "/a~1b/~0"}))
    data = RenderData.parse(document_of(RENDER_DATA, dice).decode("utf-8", "replace"), names=names)
    return data.address, content_key(data, None)


def zipped(method: int) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for number, (name, data) in enumerate(
            {"a/character.glb.lm": b"x" * 900, "a/b/c.json.lm": b"{}", "a/open.txt": b"y" * 300, "a/": b""}.items()
        ):
            sealed = seal(data, key=KEY, nonce=number.to_bytes(12, "big")) if name.endswith(".lm") else data
            archive.writestr(zipfile.ZipInfo(name), sealed, method)
    return out.getvalue()


PACKAGES = [zipped(zipfile.ZIP_STORED), zipped(zipfile.ZIP_DEFLATED)]


def package(dice: random.Random) -> object:
    data = bytes_of(PACKAGES, dice)
    check_package(data, limits=DEFAULT_LIMITS)
    return open_package(data, key=KEY)


ROOT = Authority.create(name="fuzz", now=NOW, lifetime=timedelta(days=900))
OWN = new_key()
CHAIN = ROOT.issue_from(request(OWN, device_id="kiosk-1"), now=NOW, lifetime=timedelta(days=90))
IDENTITY = Identity(key=OWN, chain=[*CHAIN, ROOT.certificate])
BUNDLE = IDENTITY.to_pkcs12(password=b"p", name="x")
LIST = ROOT.crl(now=NOW, lifetime=timedelta(days=3))
LICENCE = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EST = base64.encodebytes(pkcs7.serialize_certificates([*CHAIN, ROOT.certificate], Encoding.DER))


def certificates(dice: random.Random) -> object:
    chain = read_chain(bytes_of([IDENTITY.chain_pem()], dice))
    return Trust(roots=[ROOT.certificate]).verify(chain, purpose=Purpose.CLIENT, now=NOW, name="kiosk-1")


def revocations(dice: random.Random) -> object:
    found = read_list(bytes_of([LIST.public_bytes(Encoding.DER), LIST.public_bytes(Encoding.PEM)], dice))
    check_list(found, authorities=[ROOT.certificate], now=NOW, kept=LIST)
    return is_due(found, came=NOW, now=NOW)


OFFICE = Office(
    est_url="", broker_url="https://a", identity_folder=Path("/none"), trust=ConnectionTrust(None), timeout_s=1.0
)
SIGNER = Ed25519PrivateKey.generate()
ORDER = Order(verb="remove", id="order-0001", device_id="KIOSK1", tenant_id=1, app_id="a", issued=NOW,
              expires=NOW + timedelta(days=3))  # fmt: skip
LISTED = Manifest(version=3, expires=NOW + timedelta(days=3), tenant_id=1, app_id="a",
                  avatars={"CH": Listed(sha256="ab" * 32, size=9)})  # fmt: skip


def order_of(dice: random.Random) -> object:
    """Changed after it was signed, or signed as it is: whoever signs may have a program with a defect."""
    keys = [SIGNER.public_key()]
    payload = document_of([msgspec.to_builtins(ORDER)], dice)
    data = dice.choice(
        (bytes_of([order.sign(ORDER, key=SIGNER)], dice), signed.sign(payload, domain=order.DOMAIN, key=SIGNER))
    )
    found = order.verify(data, keys=keys, now=NOW)
    return order.meant_for(found, device_id="KIOSK1", tenant_id=1, app_id="a")


def manifest_of(dice: random.Random) -> object:
    payload = document_of([msgspec.to_builtins(LISTED)], dice)
    data = dice.choice(
        (bytes_of([manifest.sign(LISTED, key=SIGNER)], dice), signed.sign(payload, domain=manifest.DOMAIN, key=SIGNER))
    )
    return manifest.verify(data, keys=[SIGNER.public_key()], now=NOW).digest


def office_refusal(dice: random.Random) -> object:
    body = document_of([{"Code": "Removed", "Order": json.loads(order.sign(ORDER, key=SIGNER))}], dice)
    refusal = refused(Streamed(status=403, headers={}, pieces=lambda: iter([body])), body, "https://a")
    assert isinstance(refusal, AgentError)
    raise refusal


def est(dice: random.Random) -> object:
    return _certificates(Reply(body=bytes_of([EST], dice), headers={}))


def proxy(dice: random.Random) -> object:
    text = bytes_of([b"http://user:pass@proxy.example:3128", b"proxy:1", b"[::1]:3128"], dice).decode(
        "utf-8", "replace"
    )
    routes = proxy_routes(text, environ={})
    routes |= proxy_routes("", environ={"https_proxy": text, "no_proxy": text + ",10.0.0.0/8,.example"})
    return route(routes, "https://a.example:8443/x")


def tpm(dice: random.Random) -> object:
    from tests.device_agent.tpm.test_endorsement import public_area, response

    try:
        return endorsement_public(lambda _command: bytes_of([response(public_area())], dice))
    except OSError:
        return None


CHIP = StandInTpm()
SEALED = seal_to(CHIP, bytes(96))


def unsealing(dice: random.Random) -> object:
    """One of the TPM's answers is changed."""
    lies_to = dice.choice((CREATE_PRIMARY, LOAD, UNSEAL))

    def answers(command: bytes) -> bytes:
        answer = CHIP(command)
        return bytes_of([answer], dice) if int.from_bytes(command[6:10], "big") == lies_to else answer

    CHIP.objects.clear()
    try:
        return unseal(answers, SEALED)
    except (OSError, AnotherTpm):
        return None


def covered(dice: random.Random) -> object:
    cover = KeyedCover(KEY, random_bytes=dice.randbytes)
    return cover.open("token", bytes_of([cover.close("token", b"a token")], dice))


def vouched(dice: random.Random) -> object:
    return parse(bytes_of([encode(record(), mac=lambda signed: hashlib.sha256(signed).digest())], dice))


CASES: dict[str, Case] = {
    "sealed key": lambda dice: sealed_key.decode(bytes_of([sealed_key.encode(SEALED)], dice)),
    "unsealing": unsealing,
    "covered secret": covered,
    "vouched record": vouched,
    "state": state_bytes,
    "state, right hash": state_with_a_right_hash,
    "settings": settings_of,
    "reply": reply,
    "RenderData": render_data,
    "package": package,
    "licence": licence,
    "PKCS#12": lambda dice: Identity.from_pkcs12(bytes_of([BUNDLE], dice), password=b"p"),
    "key": lambda dice: read_key(bytes_of([IDENTITY.key_pem()], dice)),
    "certificates": certificates,
    "revocation list": revocations,
    "EST": est,
    "order": order_of,
    "manifest": manifest_of,
    "refusal of the office": office_refusal,
    "proxy": proxy,
    "TPM": tpm,
}  # fmt: skip


UNREFUSED = ("state", "state, right hash", "vouched record", "sealed key", "unsealing", "TPM")
"""What is no good there is nothing, or a system's error, and no error of ours."""


def fuzz(case: Case, *, seed: str, count: int) -> int:
    """How many were refused; anything but an answer or an error with a code is the test's failure."""
    refused = 0
    for number in range(count):
        try:
            case(random.Random(f"{seed}/{number}"))
        except (AgentError, CertError) as error:
            refused += 1
            told = str(error)
            problem = "" if error.code and told.isprintable() and len(told) < 2000 else f"{error.code}: {told[:99]!r}"
        except Exception as error:
            raise AssertionError(f"seed {seed}, case {number}: {type(error).__name__}") from error
        else:
            problem = ""
        assert not problem, f"seed {seed}, case {number}, {problem}"
    return refused


@pytest.mark.parametrize("name", CASES)
def test_a_few_hundred_of_each(name: str) -> None:
    refused = fuzz(CASES[name], seed=f"{name}/1", count=60 if name in ("PKCS#12", "key") else FEW)
    assert refused or name in UNREFUSED, "a mutator that changes nothing finds nothing"


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_thousands_of_each(name: str) -> None:
    fuzz(CASES[name], seed=f"{name}/2", count=MANY)


def test_a_folder_of_noise_is_blank_or_a_record(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir(mode=0o700)
    for number in range(FEW):
        dice = random.Random(f"folder/{number}")
        for name in ("state.0", "state.1"):
            (folder / name).write_bytes(bytes_of([encode(record()), encode(Record())], dice))
            (folder / name).chmod(0o600)
        loaded = load(folder)
        assert loaded.blank_reason in ("", "corrupt")


def test_a_few_hundred_roots_of_keys() -> None:
    """Changed after it was signed, or signed as it is; the first, and the one that should follow it."""
    from certs import root

    holder, roles = Ed25519PrivateKey.generate(), [root.role([SIGNER.public_key()], threshold=1)] * 2
    said = root.Claims(
        version=2, expires=NOW, tenant_id=1, app_id="a",
        roles=root.Roles(root=root.role([holder.public_key()], threshold=1), content=roles[0], order=roles[1]),
    )  # fmt: skip
    before = root.first(root.sign(msgspec.structs.replace(said, version=1), key=holder))

    def case(dice: random.Random) -> object:
        payload = document_of([msgspec.to_builtins(said)], dice)
        signed_as_it_is = signed.sign(payload, domain=root.DOMAIN, key=holder)
        data = dice.choice((bytes_of([root.sign(said, key=holder)], dice), signed_as_it_is))
        return dice.choice((root.first, lambda data: root.follow(before, data)))(data)

    assert fuzz(case, seed="root/1", count=FEW)
