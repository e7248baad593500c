"""Signature version 1.0 of the RPC style: HMAC-SHA1 over all parameters, sent as a parameter."""

from __future__ import annotations

import base64
import hashlib
import hmac

from device_agent.harness.refusal import GatewayRefusal
from device_agent.harness.wire import Pairs, encode, encode_pairs


def string_to_sign(method: str, pairs: Pairs) -> str:
    """The text that is signed: every parameter of query and form but the signature itself."""
    signed = tuple(pair for pair in pairs if pair[0] != b"Signature")
    return f"{method}&%2F&{encode(encode_pairs(signed).encode())}"


def sign(*, secret: str, text: str) -> str:
    """Base64 of the keyed hash; the key is the secret and an ampersand."""
    return base64.b64encode(hmac.new(f"{secret}&".encode(), text.encode(), hashlib.sha1).digest()).decode()


def verify(method: str, pairs: Pairs, *, signature: str, secret: str) -> None:
    """Compare the signature with our own.

    Raises:
        GatewayRefusal: ``SignatureDoesNotMatch``. The text to sign is not shown: it holds every parameter.
    """
    ours = sign(secret=secret, text=string_to_sign(method, pairs))
    if not hmac.compare_digest(ours.encode(), signature.encode("utf-8", "replace")):
        raise GatewayRefusal(400, "SignatureDoesNotMatch", "Specified signature does not match our calculation.")
