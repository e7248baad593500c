"""Signatures of requests: ACS3 (the platform's current one), RPC 1.0 (its older one) and bearer tokens.

The forms are those of the vendor's public pages on signature V3 and on RPC signatures. Everything here is a pure
function of its arguments; the date and the nonce are passed in.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal, Protocol
from urllib.parse import quote

from device_agent.api.credentials import Credentials
from device_agent.api.exchange import Discreet, Exchange
from device_agent.errors import ConfigurationError

Algorithm = Literal["ACS3-HMAC-SHA256", "ACS3-HMAC-SM3"]

_HASHES: Mapping[Algorithm, str] = {"ACS3-HMAC-SHA256": "sha256", "ACS3-HMAC-SM3": "sm3"}


class Draft(Discreet, frozen=True, kw_only=True):
    """A request that is not signed yet.

    Attributes:
        origin: scheme and host, e.g. ``https://avatar.cn-zhangjiakou.aliyuncs.com``.
        host: value of the Host header.
        parameters: wire name -> text, in any order.
    """

    method: str
    origin: str
    host: str
    action: str
    version: str
    parameters: Mapping[str, str]
    headers: Mapping[str, str] = {}


class Signer(Protocol):
    """Turns a draft into a request that the platform accepts."""

    def sign(self, draft: Draft, *, credentials: Credentials, now: datetime, nonce: str) -> Exchange:
        """The signed request, dated ``now`` (UTC)."""


class Acs3Signer:
    """``ACS3-HMAC-SHA256`` or ``ACS3-HMAC-SM3``: everything in headers, parameters in the query.

    Only Host and the ``x-acs-`` headers are signed: proxies on the way may rewrite the others.
    """

    def __init__(self, *, algorithm: Algorithm = "ACS3-HMAC-SHA256") -> None:
        if _HASHES[algorithm] not in hashlib.algorithms_available:
            raise ConfigurationError(
                f"this machine's OpenSSL has no {_HASHES[algorithm].upper()}",
                code="signing.algorithm",
                hint="sign with ACS3-HMAC-SHA256",
            )
        self._algorithm: Algorithm = algorithm

    def sign(self, draft: Draft, *, credentials: Credentials, now: datetime, nonce: str) -> Exchange:
        parameters = dict(draft.parameters)
        if credentials.bearer_token:
            parameters["SignatureType"] = "BEARERTOKEN"
        query = canonical_query(parameters)
        headers = {
            "host": draft.host,
            "x-acs-action": draft.action,
            "x-acs-version": draft.version,
            "x-acs-date": timestamp(now),
            "x-acs-signature-nonce": nonce,
            "x-acs-content-sha256": hashlib.new(_HASHES[self._algorithm]).hexdigest(),
        }
        if credentials.bearer_token:
            # A bearer token stands for itself: nothing is signed.
            headers["x-acs-bearer-token"] = credentials.bearer_token.reveal()
        else:
            if credentials.security_token:
                headers["x-acs-accesskey-id"] = credentials.access_key_id
                headers["x-acs-security-token"] = credentials.security_token.reveal()
            headers["authorization"] = authorization(
                algorithm=self._algorithm,
                method=draft.method,
                query=query,
                headers=headers,
                payload_hash=headers["x-acs-content-sha256"],
                access_key_id=credentials.access_key_id,
                access_key_secret=credentials.access_key_secret.reveal(),
            )
        url = f"{draft.origin}/?{query}"
        return Exchange(method=draft.method, url=url, headers={**draft.headers, **headers})


class RpcSigner:
    """RPC 1.0, ``HMAC-SHA1``: everything in the query. The vendor calls it discontinued; some installations need it."""

    def sign(self, draft: Draft, *, credentials: Credentials, now: datetime, nonce: str) -> Exchange:
        parameters = {
            **draft.parameters,
            "Action": draft.action,
            "Format": "json",
            "Version": draft.version,
            "Timestamp": timestamp(now),
            "SignatureNonce": nonce,
        }
        if credentials.bearer_token:
            parameters |= {"SignatureType": "BEARERTOKEN", "BearerToken": credentials.bearer_token.reveal()}
        else:
            parameters |= {
                "SignatureMethod": "HMAC-SHA1",
                "SignatureVersion": "1.0",
                "AccessKeyId": credentials.access_key_id,
            }
            if credentials.security_token:
                parameters["SecurityToken"] = credentials.security_token.reveal()
            parameters["Signature"] = rpc_signature(
                method=draft.method,
                parameters=parameters,
                access_key_secret=credentials.access_key_secret.reveal(),
            )
        headers = {**draft.headers, "host": draft.host, "x-acs-action": draft.action, "x-acs-version": draft.version}
        return Exchange(method=draft.method, url=f"{draft.origin}/?{canonical_query(parameters)}", headers=headers)


def timestamp(now: datetime) -> str:
    """ISO 8601 in UTC with whole seconds, as both signatures want it."""
    return now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def encoded(text: str) -> str:
    """RFC 3986: everything but letters, digits and ``-_.~`` is percent-encoded."""
    return text if text.isalnum() and text.isascii() else quote(text, safe="~")


def canonical_query(parameters: Mapping[str, str]) -> str:
    """Names and values encoded, sorted by name; an empty value keeps its equals sign."""
    return "&".join(f"{encoded(name)}={encoded(parameters[name])}" for name in sorted(parameters))


def canonical_request(
    *, method: str, query: str, headers: Mapping[str, str], payload_hash: str, path: str = "/"
) -> tuple[str, str]:
    """The text that is hashed, and the list of signed headers: every header given, in lower case and sorted."""
    trimmed = {name.lower(): value.strip() for name, value in headers.items()}
    names = sorted(trimmed)
    signed = ";".join(names)
    lines = "".join(f"{name}:{trimmed[name]}\n" for name in names)
    return f"{method}\n{path}\n{query}\n{lines}\n{signed}\n{payload_hash}", signed


def authorization(
    *,
    algorithm: Algorithm,
    method: str,
    query: str,
    headers: Mapping[str, str],
    payload_hash: str,
    access_key_id: str,
    access_key_secret: str,
    path: str = "/",
) -> str:
    """Value of the Authorization header that signs all ``headers``."""
    digest = _HASHES[algorithm]
    text, signed = canonical_request(method=method, path=path, query=query, headers=headers, payload_hash=payload_hash)
    to_sign = f"{algorithm}\n{hashlib.new(digest, text.encode()).hexdigest()}"
    signature = hmac.new(access_key_secret.encode(), to_sign.encode(), digest).hexdigest()
    return f"{algorithm} Credential={access_key_id},SignedHeaders={signed},Signature={signature}"


def rpc_signature(*, method: str, parameters: Mapping[str, str], access_key_secret: str) -> str:
    """The RPC 1.0 signature over all query and form parameters."""
    to_sign = f"{method}&{encoded('/')}&{encoded(canonical_query(parameters))}"
    digest = hmac.new(f"{access_key_secret}&".encode(), to_sign.encode(), "sha1").digest()
    return base64.b64encode(digest).decode()
