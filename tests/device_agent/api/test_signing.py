"""Signatures against the vectors, and against what the vendor's own client sent."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_agent.api import signing
from device_agent.api.codec import to_parameters
from device_agent.api.credentials import Credentials
from device_agent.api.signing import Acs3Signer, Draft, RpcSigner
from device_agent.config import Secret
from device_agent.spec.operations import OPERATIONS

KEY = Credentials(access_key_id="testid", access_key_secret=Secret("testsecret"))
STS = Credentials(access_key_id="testid", access_key_secret=Secret("testsecret"), security_token=Secret("STS.tok/+="))


@pytest.fixture(scope="module")
def vectors(shared: Path) -> dict[str, Any]:
    return json.loads((shared / "platform" / "signature-vectors.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def samples(shared: Path) -> list[dict[str, Any]]:
    lines = (shared / "platform" / "wire-samples.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def parts(sample: dict[str, Any]) -> tuple[str, dict[str, str], dict[str, str]]:
    """Method, parameters and headers of a recorded request."""
    method, target, _ = sample["line"].split(" ")
    headers = {name.lower(): value for name, value in sample["headers"]}
    return method, dict(parse_qsl(urlsplit(target).query, keep_blank_values=True, strict_parsing=True)), headers


def typed(operation: str, parameters: dict[str, str]) -> dict[str, str]:
    """The parameters after a trip through our types."""
    row = OPERATIONS[operation]
    json_style = {p.name for p in row.parameters if p.json_style}
    booleans = {p.name for p in row.parameters if p.kind == "boolean"}
    raw = {
        name: json.loads(value) if name in json_style else value == "True" if name in booleans else value
        for name, value in parameters.items()
    }
    return to_parameters(msgspec.convert(raw, row.request, strict=False))


def test_every_acs3_vector(vectors: dict[str, Any]) -> None:
    assert len(vectors["acs3"]) == 6
    for vector in vectors["acs3"]:
        given_ = vector["input"]
        query = signing.canonical_query(given_["query"])
        text, signed = signing.canonical_request(
            method=given_["method"],
            path=given_["path"],
            query=query,
            headers=given_["headers"],
            payload_hash=hashlib.sha256(given_["body"].encode()).hexdigest(),
        )
        assert text == vector["canonical_request"], vector["name"]
        assert signed == vector["signed_headers"]
        header = signing.authorization(
            algorithm=given_["algorithm"],
            method=given_["method"],
            path=given_["path"],
            query=query,
            headers=given_["headers"],
            payload_hash=vector["hashed_payload"],
            access_key_id=given_["access_key_id"],
            access_key_secret=given_["access_key_secret"],
        )
        assert header == vector.get("authorization", header)
        assert header.endswith(f"Signature={vector['signature']}"), vector["name"]


def test_every_rpc_vector(vectors: dict[str, Any]) -> None:
    assert len(vectors["rpc_v1"]) == 6
    for vector in vectors["rpc_v1"]:
        given_ = vector["input"]
        signature = signing.rpc_signature(
            method=given_["method"],
            parameters={**given_["query"], **given_["form"]},
            access_key_secret=given_["access_key_secret"],
        )
        assert signature == vector["signature"], vector["name"]


def test_our_parameters_are_the_ones_the_vendor_s_client_sends(samples: list[dict[str, Any]]) -> None:
    """From the wire into our types and back: the same canonical query, byte for byte."""
    tried = set()
    for sample in samples:
        if sample["label"] not in ("sync", "async", "sts") or sample["operation"] not in OPERATIONS:
            continue
        method, parameters, headers = parts(sample)
        assert method == OPERATIONS[sample["operation"]].methods[0]
        query = signing.canonical_query(typed(sample["operation"], parameters))
        signed = headers["authorization"].split("SignedHeaders=")[1].split(",")[0].split(";")
        header = signing.authorization(
            algorithm="ACS3-HMAC-SHA256",
            method=method,
            query=query,
            headers={name: headers[name] for name in signed},
            payload_hash=headers["x-acs-content-sha256"],
            access_key_id="testid",
            access_key_secret="testsecret",
        )
        assert header == headers["authorization"], sample["operation"]
        tried.add(sample["operation"])
    assert tried == set(OPERATIONS)


@pytest.mark.parametrize(("label", "credentials"), [("rpc1", KEY), ("rpc1-sts", STS)])
def test_the_rpc_signer_sends_what_the_vendor_s_client_sends(
    samples: list[dict[str, Any]], label: str, credentials: Credentials
) -> None:
    sample = next(s for s in samples if s["label"] == label and s["operation"] == "LicenseAuth")
    method, parameters, headers = parts(sample)
    own = {name: parameters[name] for name in ("AppId", "License", "TenantId")}
    exchange = RpcSigner().sign(
        Draft(
            method=method,
            origin=f"http://{headers['host']}",
            host=headers["host"],
            action="LicenseAuth",
            version="2022-01-30",
            parameters=own,
        ),
        credentials=credentials,
        now=datetime.strptime(parameters["Timestamp"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC),
        nonce=parameters["SignatureNonce"],
    )
    assert dict(parse_qsl(urlsplit(exchange.url).query, keep_blank_values=True)) == parameters


def sign(signer: Acs3Signer, credentials: Credentials, **parameters: str) -> tuple[dict[str, str], dict[str, str]]:
    draft = Draft(
        method="POST", origin="https://h", host="h", action="LicenseAuth", version="2022-01-30", parameters=parameters
    )
    exchange = signer.sign(draft, credentials=credentials, now=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), nonce="n")
    assert exchange.url.startswith("https://h/?")
    return dict(exchange.headers), dict(parse_qsl(urlsplit(exchange.url).query, keep_blank_values=True))


def test_only_headers_that_proxies_leave_alone_are_signed() -> None:
    headers, _ = sign(Acs3Signer(), STS, A="1")
    signed = headers["authorization"].split("SignedHeaders=")[1].split(",")[0].split(";")
    assert signed == sorted(name for name in headers if name == "host" or name.startswith("x-acs-"))
    assert headers["x-acs-security-token"] == "STS.tok/+="


def test_a_bearer_token_is_sent_as_the_vendor_s_client_sends_it(samples: list[dict[str, Any]]) -> None:
    sample = next(s for s in samples if s["label"] == "bearer" and s["operation"] == "LicenseAuth")
    _, parameters, wire = parts(sample)
    own = {name: value for name, value in parameters.items() if name != "SignatureType"}
    headers, sent = sign(Acs3Signer(), Credentials(bearer_token=Secret("BT")), **own)
    assert sent == parameters
    assert headers["x-acs-bearer-token"] == wire["x-acs-bearer-token"] == "BT"
    assert "authorization" not in headers


def test_sm3_signs_with_sm3() -> None:
    if "sm3" not in hashlib.algorithms_available:
        pytest.skip("this OpenSSL has no SM3")
    headers, _ = sign(Acs3Signer(algorithm="ACS3-HMAC-SM3"), KEY, A="1")
    # SM3 of the empty text, from GB/T 32905 implementations.
    assert headers["x-acs-content-sha256"] == "1ab21d8355cfa17f8e61194831e81a8f22bec8c728fefb747ed035eb5082aa2b"
    assert headers["authorization"].startswith("ACS3-HMAC-SM3 Credential=testid,")


@given(st.dictionaries(st.text(min_size=1, max_size=8), st.text(max_size=40), max_size=6))
def test_any_text_survives_the_query(parameters: dict[str, str]) -> None:
    text = signing.canonical_query(parameters)
    assert text.isascii()
    assert set(text) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~%=&")
    assert dict(parse_qsl(text, keep_blank_values=True)) == parameters
