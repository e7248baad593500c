"""Temporary credentials from elsewhere: a broker's address, or the metadata service of a cloud machine."""

from __future__ import annotations

from collections.abc import Generator
from datetime import datetime
from urllib.parse import quote, urlsplit

import msgspec

from device_agent.api.credentials import Credentials, CredentialSteps, RefreshedCredentials
from device_agent.api.endpoint import is_loopback
from device_agent.api.exchange import Answer, Exchange, Pause
from device_agent.errors import ConfigurationError, PermissionRefused
from device_agent.secret import Secret

METADATA = "http://100.100.100.200"
TOKEN_PATH = "/latest/api/token"  # noqa: S105 -- a path
ROLE_PATH = "/latest/meta-data/ram/security-credentials/"
TOKEN_LIFE_S = 21600
TIMEOUT_S = 10.0
METADATA_TIMEOUT_S = 2.0


class _Document(msgspec.Struct, frozen=True, rename="pascal"):
    """What a broker and the metadata service both answer."""

    code: str = ""
    access_key_id: str = ""
    access_key_secret: str = ""
    security_token: str = ""
    expiration: str = ""


def broker_credentials(address: str) -> RefreshedCredentials:
    """Credentials from the address in ``ALIBABA_CLOUD_CREDENTIALS_URI``.

    Raises:
        ConfigurationError: it is no address, or plain ``http`` to another machine.
    """
    where = _origin(address)

    def fetch(_now: float) -> CredentialSteps:
        answer = yield from _ask(Exchange(method="GET", url=address, headers={}, timeout_s=TIMEOUT_S))
        return _read(answer, where=where, origin=f"broker {where}")

    return RefreshedCredentials(fetch)


def machine_role_credentials(role: str, *, metadata: str = METADATA) -> RefreshedCredentials:
    """Credentials of the RAM role of the cloud machine that this runs on; an empty name asks for it."""

    def fetch(_now: float) -> CredentialSteps:
        token = yield from _ask(
            Exchange(
                method="PUT",
                url=metadata + TOKEN_PATH,
                headers={"x-aliyun-ecs-metadata-token-ttl-seconds": str(TOKEN_LIFE_S)},
                timeout_s=METADATA_TIMEOUT_S,
            )
        )
        headers = {"x-aliyun-ecs-metadata-token": _text(token, where=metadata)}
        name = role
        if not name:
            listed = yield from _ask(
                Exchange(method="GET", url=metadata + ROLE_PATH, headers=headers, timeout_s=METADATA_TIMEOUT_S)
            )
            name = _text(listed, where=metadata)
        answer = yield from _ask(
            Exchange(
                method="GET",
                url=metadata + ROLE_PATH + quote(name, safe=""),
                headers=headers,
                timeout_s=METADATA_TIMEOUT_S,
            )
        )
        return _read(answer, where=metadata, origin="the role of this cloud machine")

    return RefreshedCredentials(fetch)


def _ask(exchange: Exchange) -> Generator[Exchange | Pause, Answer | None, Answer]:
    answer = yield exchange
    if answer is None:
        raise TypeError("the driver gave no answer to an exchange")
    return answer


def _read(answer: Answer, *, where: str, origin: str) -> Credentials:
    try:
        document = msgspec.json.decode(answer.body, type=_Document)
        ends = datetime.fromisoformat(document.expiration)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        document, ends = _Document(), None
    whole = document.access_key_id and document.access_key_secret and document.security_token
    if answer.status != 200 or document.code not in ("Success", "") or not whole or ends is None or ends.tzinfo is None:
        raise _refused(answer, where)
    return Credentials(
        access_key_id=document.access_key_id,
        access_key_secret=Secret(document.access_key_secret),
        security_token=Secret(document.security_token),
        expires_at=ends.timestamp(),
        origin=origin,
    )


def _text(answer: Answer, *, where: str) -> str:
    text = answer.body[:1024].decode("ascii", "replace").strip()
    if answer.status != 200 or not text.isprintable() or not text or "<" in text:
        raise _refused(answer, where)
    return text


def _refused(answer: Answer, where: str) -> PermissionRefused:
    # The answer's text is not shown: it may be a half of a credential.
    return PermissionRefused(
        f"no credentials were given, HTTP {answer.status}",
        code="credentials.refused",
        where=where,
        hint="check what gives this device its credentials",
        http_status=answer.status,
    )


def _origin(address: str) -> str:
    try:
        parts = urlsplit(address)
        right = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        right = False
        parts = urlsplit("")
    if not right or (parts.scheme == "http" and not is_loopback(parts.hostname or "")):
        raise ConfigurationError(
            "the address of the credential broker must be https, or http on this machine itself",
            code="credentials.broker",
            where="environment ALIBABA_CLOUD_CREDENTIALS_URI",
        )
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port else "")
