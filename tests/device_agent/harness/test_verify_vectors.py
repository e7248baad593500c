"""The stand-in's own signature code against signatures that others made."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from device_agent.harness.refusal import GatewayRefusal
from device_agent.harness.verify import acs3, rpc1
from device_agent.harness.verify.gate import open_letter
from device_agent.harness.wire import WireRequest

SAMPLE_SECRET = "testsecret"

PUBLISHED = {  # the vendor's public page on signature version 3
    "query": b"ImageId=win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd&RegionId=cn-shanghai",
    "headers": (
        ("host", "ecs.cn-shanghai.aliyuncs.com"),
        ("x-acs-action", "RunInstances"),
        ("x-acs-version", "2014-05-26"),
        ("x-acs-date", "2023-10-26T10:22:32Z"),
        ("x-acs-signature-nonce", "3156853299f313e23d1673dc12e1703d"),
        ("x-acs-content-sha256", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        (
            "authorization",
            "ACS3-HMAC-SHA256 Credential=YourAccessKeyId,SignedHeaders=host;x-acs-action;x-acs-content-sha256;"
            "x-acs-date;x-acs-signature-nonce;x-acs-version,"
            "Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0",
        ),
    ),
}


def vectors(shared: Path, style: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((shared / "platform/signature-vectors.json").read_text())[style]
    return found


def samples(shared: Path) -> list[tuple[dict[str, Any], WireRequest]]:
    found = []
    for line in (shared / "platform/wire-samples.jsonl").read_text().splitlines():
        sample = json.loads(line)
        method, target, _ = sample["line"].split(" ")
        path, _, query = target.partition("?")
        headers = tuple((name.lower(), value) for name, value in sample["headers"])
        body = sample["body"].encode()
        request = WireRequest(method=method, path=path.encode(), query=query.encode(), headers=headers, body=body)
        found.append((sample, request))
    return found


def as_request(vector: dict[str, Any]) -> WireRequest:
    """The vector as it stands on the wire: its address, its headers, its body."""
    given = vector["input"]
    _, _, query = vector.get("url", "?" + "&".join(f"{k}={v}" for k, v in given["query"].items())).partition("?")
    headers = (*given["headers"].items(), ("authorization", vector["authorization"]))
    return WireRequest(
        method=given["method"], path=b"/", query=query.encode(), headers=headers, body=given["body"].encode()
    )


def test_the_published_example_is_accepted() -> None:
    request = WireRequest(method="POST", path=b"/", query=PUBLISHED["query"], headers=PUBLISHED["headers"])
    authorization = acs3.Authorization.parse(request.header("authorization") or "")
    acs3.check_headers(request, authorization)
    acs3.verify(request, authorization, secret="YourAccessKeySecret")


def test_every_acs3_vector_is_accepted_and_its_canonical_request_is_ours(shared: Path) -> None:
    for vector in vectors(shared, "acs3"):
        request = as_request(vector)
        authorization = acs3.Authorization.parse(vector["authorization"])
        assert acs3.canonical_request(request, authorization) == vector["canonical_request"], vector["name"]
        assert acs3.string_to_sign(request, authorization) == vector["string_to_sign"], vector["name"]
        acs3.check_headers(request, authorization)
        acs3.verify(request, authorization, secret=vector["input"]["access_key_secret"])
        with pytest.raises(GatewayRefusal, match="does not match"):
            acs3.verify(request, authorization, secret=vector["input"]["access_key_secret"] + "x")


def test_every_rpc_vector_is_accepted(shared: Path) -> None:
    for vector in vectors(shared, "rpc_v1"):
        given = vector["input"]
        pairs = tuple((k.encode(), v.encode()) for k, v in (given["query"] | given["form"]).items())
        text = rpc1.string_to_sign(given["method"], pairs)
        assert text == vector["string_to_sign"], vector["name"]
        rpc1.verify(given["method"], pairs, signature=vector["signature"], secret=given["access_key_secret"])
        with pytest.raises(GatewayRefusal, match="does not match"):
            rpc1.verify(given["method"], pairs, signature=vector["signature"][:-2] + "A=", secret="testsecret")


def test_every_request_of_the_vendors_client_is_accepted_from_the_wire(shared: Path) -> None:
    styles = dict.fromkeys(("ACS3", "RPC1", "BEARER"), 0)
    for sample, request in samples(shared):
        letter = open_letter(request)
        styles[letter.style] += 1
        assert letter.action == sample["operation"]
        assert letter.version == "2022-01-30"
        if letter.style == "ACS3":
            authorization = acs3.Authorization.parse(request.header("authorization") or "")
            acs3.check_headers(request, authorization)
            acs3.verify(request, authorization, secret=SAMPLE_SECRET)
        elif letter.style == "RPC1":
            rpc1.verify(request.method, letter.pairs, signature=letter.text("Signature") or "", secret=SAMPLE_SECRET)
    assert styles == {"ACS3": 62, "RPC1": 4, "BEARER": 2}


def test_sm3_is_the_standards_hash_and_signs() -> None:
    # GB/T 32905-2016, appendix A.1.
    assert acs3.digest(acs3.SM3, b"abc") == "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
    request = WireRequest(method="POST", path=b"/", query=b"", headers=(("host", "h"), ("x-acs-content-sha256", "")))
    bare = acs3.Authorization(algorithm=acs3.SM3, access_key_id="k", signed_headers=("host",), signature="")
    text = acs3.string_to_sign(request, bare)
    good = dataclasses.replace(bare, signature=acs3.sign(acs3.SM3, secret="s", text=text))
    acs3.verify(request, good, secret="s")
    with pytest.raises(GatewayRefusal):
        acs3.verify(request, dataclasses.replace(good, algorithm=acs3.SHA256), secret="s")


def test_the_body_is_hashed_here_and_not_believed() -> None:
    told = hashlib.sha256(b"told").hexdigest()
    request = WireRequest(
        method="POST", path=b"/", query=b"", headers=(("host", "h"), ("x-acs-content-sha256", told)), body=b"sent"
    )
    authorization = acs3.Authorization(
        algorithm=acs3.SHA256, access_key_id="k", signed_headers=("host", "x-acs-content-sha256"), signature=""
    )
    assert acs3.canonical_request(request, authorization).endswith(hashlib.sha256(b"sent").hexdigest())
