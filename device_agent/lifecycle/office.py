"""The registration office as the device sees it: certificates by EST (RFC 7030), credentials and unbinding by them.

Every connection is verified TLS; the device's certificate opens the ones that need it. The key is made on this device
and never leaves it: only requests signed with it do.
"""

from __future__ import annotations

import base64
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

from certs.cover import BARE, Cover
from certs.errors import IdentityError
from certs.lineage import Lineage
from certs.secret import SecretBytes
from device_agent.api.credentials import Credentials
from device_agent.api.direct import open_socket
from device_agent.api.endpoint import is_loopback
from device_agent.api.exchange import Answer
from device_agent.api.faults import WHOLE, translated
from device_agent.api.proxy import proxy_routes, route
from device_agent.api.skew import date_seconds
from device_agent.api.streams import Streams
from device_agent.api.trust import Trust
from device_agent.api.trust_settings import trust_of
from device_agent.config import Secret, Settings
from device_agent.errors import (
    ConfigurationError,
    NetworkError,
    NotThePlatform,
    PermissionRefused,
    ServerFault,
    Throttled,
)
from device_agent.lifecycle.office_refusals import host_of, not_the_office, refused

if TYPE_CHECKING:
    from cryptography import x509

    from device_agent.api.streams import Streamed

MAX_ANSWER = 256 * 1024

UNDECIDED = (NetworkError, ServerFault, Throttled)
"""How the office fails to say anything about a certificate: it is as good as before."""

LONGEST_CREDENTIALS_S = 3600.0
"""Seconds that temporary credentials may live: what somebody copies off a device must soon be worth nothing."""

LONG_LIVED = "office.long_lived_credentials"
"""Code of our own refusal of credentials that live longer."""

SKEW_S = 60.0
"""Seconds by which the clocks of the broker and of STS may differ."""


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What the office answered: success only; refusals are raised."""

    body: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Office:
    """The addresses, and the trust that connections to them need.

    Attributes:
        est_url: up to ``/.well-known/est``.
        broker_url: gives credentials to GET.
        identity_folder: where the device's certificates are; ``live`` in it is shown to the office.
        cover: between its keys and their files.
        routes: which proxy leads where, as ``proxy_routes`` gives it.
        heard: told of every answer, refusals included, as it came over the verified connection; for its Date.
    """

    est_url: str
    broker_url: str
    identity_folder: Path
    trust: Trust
    timeout_s: float
    routes: Mapping[str, str | None] = field(default_factory=dict, repr=False)
    steady: Callable[[], float] = time.monotonic
    heard: Callable[[Answer], None] = lambda _answer: None
    cover: Cover = BARE

    @classmethod
    def of(
        cls,
        settings: Settings,
        *,
        identity_folder: Path,
        environ: Mapping[str, str],
        trust: Trust | None = None,
        steady: Callable[[], float] = time.monotonic,
        cover: Cover = BARE,
    ) -> Office:
        """The office that the settings name; ``trust`` when somebody else has it already.

        Raises:
            ConfigurationError: an address is not https, or a proxy's address is not usable.
        """
        for name in ("enroll_url", "broker_url"):
            address = str(getattr(settings, name))
            if address and not _is_https(address):
                raise ConfigurationError(
                    f"{name} must be an https address",
                    code="config.office",
                    where=settings.where(name),
                    hint="use https",
                )
        return cls(
            est_url=settings.enroll_url.rstrip("/"),
            broker_url=settings.broker_url,
            identity_folder=identity_folder,
            trust=trust or trust_of(settings, environ=environ),
            timeout_s=min(settings.timeout_s, 30.0),
            routes=proxy_routes(settings.proxy, environ=environ, where=settings.where("proxy")),
            steady=steady,
            cover=cover,
        )

    def authorities(self) -> tuple[x509.Certificate, ...]:
        """The certificates that devices are to trust (``/cacerts``)."""
        return _certificates(self._ask("GET", f"{self.est_url}/cacerts"))

    def enroll(self, request: x509.CertificateSigningRequest, *, secret: Secret) -> tuple[x509.Certificate, ...]:
        """The first certificate, for a provisioning secret (``/simpleenroll``), and those that came with it in any
        order. Of other authorities than ours it may come alone, or later (``ServerFault``, ``office.pending``).
        """
        login = base64.b64encode(f"device:{secret.reveal()}".encode()).decode()
        return self._certify("simpleenroll", request, {"Authorization": f"Basic {login}"}, with_identity=False)

    def reenroll(self, request: x509.CertificateSigningRequest) -> tuple[x509.Certificate, ...]:
        """A further certificate, by the one in use (``/simplereenroll``)."""
        return self._certify("simplereenroll", request, {}, with_identity=True)

    def prove(self) -> None:
        """Show the certificate in use where it is looked at: credentials if there is a broker, else the authorities."""
        if self.broker_url:
            self._ask("GET", self.broker_url, with_identity=True)
        else:
            self._ask("GET", f"{self.est_url}/cacerts", with_identity=True)

    def credentials(self, *, now: float) -> Credentials:
        """Temporary credentials for this device.

        Such that live longer than an hour are refused, not used for an hour only: they would go on being good in the
        hands of whoever copied them, and a broker that gives them is found while its first device is set up. How
        long they live is told by the office's own clock, its reply's ``Date``: a device whose clock is wrong learns the
        right time from the first call that it signs, for which it needs them. ``now`` is the platform's time as far as
        it is known, for a reply without.

        Raises:
            PermissionRefused: the office gives none, or such that live too long (``LONG_LIVED``).
            NetworkError, ServerFault, Throttled: no answer, none of an office, or that there are too many questions.
        """
        reply = self._ask("GET", self.broker_url, with_identity=True)
        try:
            document = msgspec.json.decode(reply.body, type=_Credentials)
            ends = datetime.fromisoformat(document.expiration)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            raise not_the_office(self.broker_url) from None
        if document.code != "Success" or not document.security_token or ends.tzinfo is None:
            raise not_the_office(self.broker_url)
        lives_s = ends.timestamp() - _date(reply.headers, otherwise=now)
        if lives_s > LONGEST_CREDENTIALS_S + SKEW_S:
            raise PermissionRefused(
                f"the broker gave credentials that live {lives_s / 60:,.0f} minutes, more than the hour that they may",
                code=LONG_LIVED, where=host_of(self.broker_url),
                hint="let the broker ask STS for 3600 seconds or less (DurationSeconds)",
            )  # fmt: skip
        return Credentials(
            access_key_id=document.access_key_id,
            access_key_secret=Secret(document.access_key_secret),
            security_token=Secret(document.security_token),
            expires_at=ends.timestamp(),
            origin=f"broker {host_of(self.broker_url)}",
        )

    def unbind(self, *, last: bool) -> str:
        """Let the office give this device's seat back; ``last`` also revokes its certificate. The RequestId."""
        address = self.broker_url.rsplit("/", 1)[0] + "/unbind"
        reply = self._ask("POST", address, body=msgspec.json.encode({"last": last}), with_identity=True)
        try:
            return msgspec.json.decode(reply.body, type=_Unbound).request_id
        except (msgspec.MsgspecError, ValueError, RecursionError):
            raise not_the_office(address) from None

    def _certify(
        self, what: str, request: x509.CertificateSigningRequest, headers: dict[str, str], *, with_identity: bool
    ) -> tuple[x509.Certificate, ...]:
        from cryptography.hazmat.primitives.serialization import Encoding

        body = base64.encodebytes(request.public_bytes(Encoding.DER))
        headers |= {"Content-Type": "application/pkcs10", "Content-Transfer-Encoding": "base64"}
        return _certificates(
            self._ask("POST", f"{self.est_url}/{what}", body=body, headers=headers, with_identity=with_identity)
        )

    def _ask(
        self,
        method: str,
        url: str,
        *,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        with_identity: bool = False,
    ) -> Reply:
        tls = self._tls(url, with_identity=with_identity)
        began = self.steady()
        ends = began + WHOLE * self.timeout_s
        proxy = route(self.routes, url)
        with self._stream(
            method, url, body=body, headers={"accept-encoding": "identity", **(headers or {})}, tls=tls, proxy=proxy
        ) as response:
            data = bytearray()
            for piece in response.pieces():
                data += piece
                if len(data) > MAX_ANSWER:
                    raise not_the_office(url)
                if self.steady() > ends:
                    raise _too_long(url)
        took_s = self.steady() - began
        self.heard(Answer(status=response.status, headers=response.headers, body=b"", elapsed_s=took_s))
        if response.status != 200:
            raise refused(response, bytes(data), url)
        return Reply(body=bytes(data), headers=response.headers)

    def _stream(
        self, method: str, url: str, *, body: bytes, headers: Mapping[str, str], tls: ssl.SSLContext, proxy: str | None
    ) -> AbstractContextManager[Streamed]:
        """Straight over a connection of our own; httpx, which a service would keep in memory, for proxies only."""
        if proxy is not None:
            from device_agent.api.transport import proxied

            return proxied(method, url, body=body, headers=headers, tls=tls, proxy=proxy, timeout_s=self.timeout_s)
        straight = Streams(
            connect=lambda origin, seconds: open_socket(origin, seconds, lambda _host, _port: tls), steady=self.steady
        )
        return straight.ask(method, url, headers=headers, body=body, connect_s=self.timeout_s, timeout_s=self.timeout_s)

    def _tls(self, url: str, *, with_identity: bool) -> ssl.SSLContext:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or 443
        if not with_identity:
            return self.trust.context(host, port)
        lineage = Lineage(root=self.identity_folder, cover=self.cover)
        try:
            identity = lineage.read(lineage.live or 0)
            pem = SecretBytes(identity.key_pem() + identity.chain_pem())
            return self.trust.with_identity(host, port, pem=pem)
        except (OSError, IdentityError) as error:
            raise ConfigurationError(
                "this device has no certificate",
                code="office.no_certificate",
                where=str(self.identity_folder / "live"),
                hint="get one: avatar-agent certs enroll",
            ) from error


class _Credentials(msgspec.Struct, frozen=True, rename="pascal"):
    code: str
    access_key_id: str
    access_key_secret: str
    security_token: str
    expiration: str


class _Unbound(msgspec.Struct, frozen=True, rename="pascal"):
    request_id: str = ""


def _certificates(reply: Reply) -> tuple[x509.Certificate, ...]:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import pkcs7
    from cryptography.x509 import InvalidVersion

    from certs.parts import readable

    try:
        found = readable(pkcs7.load_der_pkcs7_certificates(_bare(reply.body)))
    except (ValueError, UnsupportedAlgorithm, InvalidVersion):
        found = ()
    if not found:
        raise NotThePlatform(
            "the answer holds no certificates", code="network.not_the_platform", hint="check enroll_url"
        )
    return found


def _bare(body: bytes) -> bytes:
    """DER: base64 of it is what RFC 7030 has sent; some servers send it bare, or put the lines of PEM around it."""
    if body.startswith(b"\x30"):  # a SEQUENCE; base64 of one begins with M
        return body
    return base64.b64decode(b"".join(line for line in body.splitlines() if not line.startswith(b"-----")))


def _is_https(address: str) -> bool:
    try:
        parts = urlsplit(address)
        _ = parts.port  # looked at only when it is asked for
    except ValueError:  # brackets without an end, a port that is none
        return False
    return parts.scheme == "https" and bool(parts.hostname)


def _too_long(url: str) -> NetworkError:
    return translated(
        TimeoutError(), stage="exchange", where=host_of(url), is_loopback=is_loopback(urlsplit(url).hostname or "")
    )


def _date(headers: Mapping[str, str], *, otherwise: float) -> float:
    """The moment of a reply by its own clock, seconds since 1970; a copy out of some cache (``Age``) tells none."""
    said = None if "age" in headers else date_seconds(headers.get("date", ""))
    return otherwise if said is None else said
