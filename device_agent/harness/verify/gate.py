"""The gateway's door: which operation is asked for, by whom, and whether the request is genuine, fresh and new."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import Any, Literal

from device_agent.harness.clock import HarnessClock
from device_agent.harness.refusal import GatewayRefusal, missing, not_found
from device_agent.harness.state.accounts import AccessKey, Accounts, Caller
from device_agent.harness.verify import acs3, rpc1
from device_agent.harness.verify.window import NONCE_S, check_time
from device_agent.harness.wire import Pairs, WireRequest
from device_agent.spec.operation import VERSION, Operation
from device_agent.spec.operations import OPERATIONS

Style = Literal["ACS3", "RPC1", "BEARER", ""]


@dataclass(frozen=True, kw_only=True)
class Letter:
    """A request opened as far as it says itself what it is; nothing in it is believed yet."""

    style: Style
    action: str
    version: str
    pairs: Pairs
    request: WireRequest

    def text(self, name: str) -> str | None:
        """A parameter as text; None when it is absent."""
        wanted = name.encode()
        found = [value for key, value in self.pairs if key == wanted]
        return found[-1].decode("utf-8", "replace") if found else None


def open_letter(request: WireRequest) -> Letter:
    """Read style, action, version and parameters; never raises."""
    pairs = request.query_pairs + request.form()
    given = {name: value.decode("utf-8", "replace") for name, value in pairs}
    style: Style = ""
    if request.header("authorization") is not None:
        style = "ACS3"
    elif request.header("x-acs-bearer-token") is not None or given.get(b"SignatureType") == "BEARERTOKEN":
        style = "BEARER"
    elif b"Signature" in given or b"AccessKeyId" in given:
        style = "RPC1"
    action, version = given.get(b"Action"), given.get(b"Version")
    if style != "RPC1":  # version 3 and bearer tokens name the operation in headers: whichever is signed counts
        action = request.header("x-acs-action") or action
        version = request.header("x-acs-version") or version
    return Letter(
        style=style,
        action=action or "",
        version=version or "",
        pairs=pairs,
        request=request,
    )


class Gate:
    """Checks letters one by one, in the gateway's order: address, who and when, signature, nonce, permission."""

    def __init__(self, *, accounts: Accounts, clock: HarnessClock) -> None:
        self._accounts = accounts
        self._clock = clock

    def address(self, letter: Letter) -> Operation[Any]:
        """The operation that is asked for.

        Raises:
            GatewayRefusal: method, path, action or version lead nowhere.
        """
        request = letter.request
        if request.path != b"/":
            raise not_found()
        if request.method not in ("GET", "POST"):
            raise _method(request.method)
        if not letter.action:
            raise missing("Action")
        if not letter.version:
            raise missing("Version")
        operation = OPERATIONS.get(letter.action)
        if operation is None or letter.version != VERSION:
            raise not_found()
        if request.method not in operation.methods:
            raise _method(request.method)
        return operation

    def admit(self, letter: Letter, operation: Operation[Any]) -> Caller:
        """Whoever is asking, proven.

        Raises:
            GatewayRefusal: time, key, token, signature, nonce or permission.
        """
        match letter.style:
            case "ACS3":
                caller = self._acs3(letter)
            case "RPC1":
                caller = self._rpc1(letter)
            case "BEARER":
                caller = self._bearer(letter)
            case _:
                raise missing("AccessKeyId")
        if operation.name in caller.denied:
            raise GatewayRefusal(403, "Forbidden.RAM", "User not authorized to operate on the specified resource.")
        return caller

    def _acs3(self, letter: Letter) -> Caller:
        request = letter.request
        authorization = acs3.Authorization.parse(request.header("authorization") or "")
        nonce = self._fresh(request.header("x-acs-date"), request.header("x-acs-signature-nonce"))
        acs3.check_headers(request, authorization)
        key = self._key(authorization.access_key_id, request.header("x-acs-security-token"))
        acs3.verify(request, authorization, secret=key.secret)
        return self._spend(key.caller(), nonce)

    def _rpc1(self, letter: Letter) -> Caller:
        for name in ("AccessKeyId", "Signature", "SignatureMethod", "SignatureVersion"):
            if not letter.text(name):
                raise missing(name)
        if (letter.text("SignatureMethod"), letter.text("SignatureVersion")) != ("HMAC-SHA1", "1.0"):
            raise GatewayRefusal(400, "IncompleteSignature", "Only HMAC-SHA1 of version 1.0 is supported here.")
        nonce = self._fresh(letter.text("Timestamp"), letter.text("SignatureNonce"))
        key = self._key(letter.text("AccessKeyId") or "", letter.text("SecurityToken"))
        rpc1.verify(letter.request.method, letter.pairs, signature=letter.text("Signature") or "", secret=key.secret)
        return self._spend(key.caller(), nonce)

    def _bearer(self, letter: Letter) -> Caller:
        token = letter.request.header("x-acs-bearer-token") or letter.text("BearerToken")
        if not token:
            raise missing("BearerToken")
        nonce = self._fresh(
            letter.request.header("x-acs-date") or letter.text("Timestamp"),
            letter.request.header("x-acs-signature-nonce") or letter.text("SignatureNonce"),
        )
        caller = self._accounts.bearer(token, now=self._clock.now())
        if caller is None:
            raise GatewayRefusal(400, "InvalidBearerTokenException", "The bearer token is unknown or has expired.")
        return self._spend(caller, nonce)

    def _fresh(self, stamp: str | None, nonce: str | None) -> str:
        """Both are there and the time is inside the window; the nonce."""
        if not stamp:
            raise missing("Timestamp")
        if not nonce:
            raise missing("SignatureNonce")
        check_time(stamp, now=self._clock.wire())
        return nonce

    def _key(self, access_key_id: str, security_token: str | None) -> AccessKey:
        key = self._accounts.key(access_key_id)
        if key is None:
            raise GatewayRefusal(404, "InvalidAccessKeyId.NotFound", "Specified access key is not found.")
        if not key.active:
            raise GatewayRefusal(400, "InvalidAccessKeyId.Inactive", "Specified access key is disabled.")
        if key.security_token is None:
            if security_token:
                raise GatewayRefusal(
                    400,
                    "InvalidSecurityToken.MismatchWithAccessKey",
                    "Specified SecurityToken mismatch with the AccessKey.",
                )
            return key
        if not security_token:
            raise missing("SecurityToken")
        if not hmac.compare_digest(key.security_token.encode(), security_token.encode("utf-8", "replace")):
            raise GatewayRefusal(400, "InvalidSecurityToken.Malformed", "Specified SecurityToken is malformed.")
        if key.expires_at is not None and key.expires_at <= self._clock.now():
            raise GatewayRefusal(400, "InvalidSecurityToken.Expired", "Specified SecurityToken is expired.")
        return key

    def _spend(self, caller: Caller, nonce: str) -> Caller:
        """Note the nonce, once the request has proven genuine: a forger must not be able to use one up."""
        if not self._accounts.spend_nonce(caller.name, nonce, now=self._clock.now(), keep_s=NONCE_S):
            raise GatewayRefusal(400, "SignatureNonceUsed", "Specified signature nonce was used already.")
        return caller


def _method(method: str) -> GatewayRefusal:
    shown = method if method.isascii() and method.isalpha() and len(method) <= 16 else "This method"
    return GatewayRefusal(403, "UnsupportedHTTPMethod", f"{shown} is not supported by this operation.")
