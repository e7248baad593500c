"""Signature version 3: ``Authorization: ACS3-HMAC-SHA256 Credential=...,SignedHeaders=...,Signature=...``."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import hmac as keyed

from device_agent.harness.refusal import GatewayRefusal
from device_agent.harness.wire import WireRequest, encode_pairs, encode_path

SHA256 = "ACS3-HMAC-SHA256"
SM3 = "ACS3-HMAC-SM3"

CONTENT_HASH = ("x-acs-content-sha256", "x-acs-content-sm3")


@dataclass(frozen=True, kw_only=True)
class Authorization:
    """The header taken apart."""

    algorithm: str
    access_key_id: str
    signed_headers: tuple[str, ...]
    signature: str = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> Authorization:
        """Read the header.

        Raises:
            GatewayRefusal: ``IncompleteSignature`` when a part is missing or the algorithm is not one of ours.
        """
        algorithm, _, rest = text.strip().partition(" ")
        if algorithm not in (SHA256, SM3):
            raise _incomplete("the algorithm in Authorization is not supported")
        parts = dict(part.strip().partition("=")[::2] for part in rest.split(","))
        missing = [name for name in ("Credential", "SignedHeaders", "Signature") if not parts.get(name)]
        if missing:
            raise _incomplete(f"Authorization has no {' and no '.join(missing)}")
        return cls(
            algorithm=algorithm,
            access_key_id=parts["Credential"],
            signed_headers=tuple(parts["SignedHeaders"].lower().split(";")),
            signature=parts["Signature"].lower(),
        )


def check_headers(request: WireRequest, authorization: Authorization) -> None:
    """Every header that carries meaning must be there and be signed.

    Raises:
        GatewayRefusal: ``IncompleteSignature``.
    """
    present = {name for name, _ in request.headers}
    if not any(name in present for name in CONTENT_HASH):
        raise _incomplete(f"the header {CONTENT_HASH[0]} is missing")
    signed = set(authorization.signed_headers)
    loose = sorted(name for name in present if (name == "host" or name.startswith("x-acs-")) and name not in signed)
    if loose:
        raise _incomplete(f"not among SignedHeaders: {', '.join(loose)}")
    absent = sorted(signed - present)
    if absent:
        raise _incomplete(f"signed but not sent: {', '.join(absent)}")


def canonical_request(request: WireRequest, authorization: Authorization) -> str:
    """The text whose hash is signed, made again from what arrived (the body is hashed here, not believed)."""
    names = sorted(authorization.signed_headers)
    headers = "".join(f"{name}:{request.header(name) or ''}\n" for name in names)
    return "\n".join(
        (
            request.method,
            encode_path(request.path),
            encode_pairs(request.query_pairs),
            headers,
            ";".join(names),
            digest(authorization.algorithm, request.body),
        )
    )


def string_to_sign(request: WireRequest, authorization: Authorization) -> str:
    """Algorithm and hash of the canonical request; safe to show, it holds no parameter."""
    hashed = digest(
        authorization.algorithm, canonical_request(request, authorization).encode("utf-8", "surrogateescape")
    )
    return f"{authorization.algorithm}\n{hashed}"


def verify(request: WireRequest, authorization: Authorization, *, secret: str) -> None:
    """Compare the signature with our own.

    Raises:
        GatewayRefusal: ``SignatureDoesNotMatch``.
    """
    ours_of = string_to_sign(request, authorization)
    ours = sign(authorization.algorithm, secret=secret, text=ours_of)
    if not hmac.compare_digest(ours.encode(), authorization.signature.encode("utf-8", "replace")):
        told = ours_of.replace("\n", "\\n")
        raise GatewayRefusal(
            400,
            "SignatureDoesNotMatch",
            f"Specified signature does not match our calculation. server string to sign is: {told}",
        )


def digest(algorithm: str, data: bytes) -> str:
    """Hash of ``data`` in hexadecimal, with the hash that the algorithm names."""
    if algorithm == SHA256:
        return hashlib.sha256(data).hexdigest()
    hasher = hashes.Hash(hashes.SM3())
    hasher.update(data)
    return hasher.finalize().hex()


def sign(algorithm: str, *, secret: str, text: str) -> str:
    """Keyed hash of ``text`` in hexadecimal."""
    if algorithm == SHA256:
        return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
    signer = keyed.HMAC(secret.encode(), hashes.SM3())
    signer.update(text.encode())
    return signer.finalize().hex()


def _incomplete(what: str) -> GatewayRefusal:
    return GatewayRefusal(400, "IncompleteSignature", f"The request signature is incomplete: {what}.")
