"""The office over HTTPS, on a port of its own: EST below ``/.well-known/est``, the broker below ``/v1``; and its
authority's revocation list over plain HTTP, on another, as authorities do it.

A server of its own, because the one of the platform does not tell an application which certificate a client showed.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import http.server
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from certs.files import private_directory, write_private
from certs.identity import Identity, new_key
from certs.purpose import Purpose
from device_agent.harness.enrolment.headquarters import Headquarters
from device_agent.harness.enrolment.ledger import Ledger
from device_agent.harness.enrolment.office import Office, Refused
from device_agent.harness.serve import RunningHarness
from device_agent.harness.tls import CA_FILE, TLS_FOLDER, kept_authority

LOOPBACK = "127.0.0.1"
EST = "/.well-known/est"
ORDERS = "/v1/orders/"
CRL = "/authority.crl"
MAX_BODY = 64 * 1024
TIMEOUT_S = 10.0
_NO_CHECK_TIME = ssl.VerifyFlags(0x200000)
"""OpenSSL's X509_V_FLAG_NO_CHECK_TIME, which Python has no name for."""


class Desk(http.server.BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    timeout = TIMEOUT_S

    def do_GET(self) -> None:
        desks = {f"{EST}/cacerts": self._authorities, "/v1/credentials": self._credentials}
        if self.path.startswith(ORDERS):
            desks[self.path] = self._order
        self._serve(desks)

    def do_POST(self) -> None:
        self._serve(
            {
                f"{EST}/simpleenroll": self._enroll,
                f"{EST}/simplereenroll": self._reenroll,
                "/v1/unbind": self._unbind,
            }
        )

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is logged: requests carry secrets."""

    def date_time_string(self, timestamp: float | None = None) -> str:
        """For the Date header: the stand-in's time, by which credentials end, and not this machine's."""
        return super().date_time_string(self._office.now().timestamp() if timestamp is None else timestamp)

    @property
    def _office(self) -> Office:
        return cast(_Server, self.server).office

    def _serve(self, desks: dict[str, Callable[[], None]]) -> None:
        desk = desks.get(self.path)
        try:
            if desk is None:
                raise Refused(404, "NotFound")
            desk()
        except Refused as refused:
            facts: dict[str, Any] = {"Code": refused.code}
            if refused.removed and (order := self._office.order(refused.removed)):
                facts["Order"] = json.loads(order)
            wait = () if refused.retry_after_s is None else (("Retry-After", str(refused.retry_after_s)),)
            self._answer(refused.status, "application/json", json.dumps(facts).encode(), *wait)

    def _authorities(self) -> None:
        self._certificates(self._office.authorities())

    def _enroll(self) -> None:
        kind, _, login = (self.headers.get("Authorization") or "").partition(" ")
        try:
            secret = base64.b64decode(login, validate=True).decode().partition(":")[2] if kind == "Basic" else ""
        except (binascii.Error, UnicodeDecodeError) as error:
            raise Refused(401, "EnrolmentSecretInvalid") from error
        self._certificates(self._office.enroll(self._request(), secret=secret))

    def _reenroll(self) -> None:
        self._certificates(self._office.reenroll(self._request(), presented=self._presented()))

    def _credentials(self) -> None:
        self._json(self._office.credentials(self._presented()))

    def _unbind(self) -> None:
        try:
            last = json.loads(self._body() or b"{}").get("last") is True
        except ValueError as error:
            raise Refused(400, "BodyInvalid") from error
        self._json(self._office.unbind(self._presented(), last=last))

    def _order(self) -> None:
        """For everybody: an order says nothing that its device may not know, and is worth nothing to anybody else."""
        order = self._office.order(unquote(self.path.removeprefix(ORDERS)))
        if not order:
            raise Refused(404, "NoOrder")
        self._answer(200, "application/json", order)

    def _presented(self) -> tuple[x509.Certificate, ...]:
        der = cast(ssl.SSLSocket, self.connection).getpeercert(binary_form=True)
        if not der:
            raise Refused(401, "CertificateMissing")
        return (x509.load_der_x509_certificate(der),)

    def _request(self) -> x509.CertificateSigningRequest:
        try:
            return x509.load_der_x509_csr(base64.b64decode(self._body()))
        except (binascii.Error, ValueError) as error:
            raise Refused(400, "RequestInvalid") from error

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length") or "0"
        if not length.isdigit() or int(length) > MAX_BODY:
            raise Refused(413, "BodyTooLong")
        return self.rfile.read(int(length))

    def _certificates(self, chain: tuple[x509.Certificate, ...]) -> None:
        """RFC 7030, 4.1.3 and 4.2.3: a certs-only PKCS#7, in base64."""
        data = pkcs7.serialize_certificates(list(chain), Encoding.DER)
        kind = "application/pkcs7-mime; smime-type=certs-only"
        self._answer(200, kind, base64.encodebytes(data), ("Content-Transfer-Encoding", "base64"))

    def _json(self, facts: dict[str, str]) -> None:
        self._answer(200, "application/json", json.dumps(facts).encode())

    def _answer(self, status: int, kind: str, body: bytes, *more: tuple[str, str]) -> None:
        self.send_response(status)
        for name, value in (("Content-Type", kind), ("Content-Length", str(len(body))), ("Connection", "close"), *more):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True


class Board(Desk):
    """Where the revocation list hangs, for everybody."""

    def do_GET(self) -> None:
        self._serve({CRL: lambda: self._answer(200, "application/pkix-crl", self._office.revocations())})

    def do_POST(self) -> None:
        self._serve({})


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    office: Office

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up, or whose certificate is no good, is its own affair."""


class Enrolment:
    """An office that is open.

    Attributes:
        office: who decides.
        est_url, broker_url, order_url: addresses for an agent's settings.
        order_keys: PEM file of headquarters' public key.
        crl_url: address of that authority's revocation list.
        ca_file: the authority that signed the office's own certificate, and the devices'.
        certificate: the office's own.
    """

    def __init__(self, *, office: Office, port: int, board: int, ca_file: Path, certificate: x509.Certificate) -> None:
        self.office = office
        self.port = port
        self.certificate = certificate
        self.crl_url = f"http://{LOOPBACK}:{board}{CRL}"
        self.est_url = f"https://{LOOPBACK}:{port}{EST}"
        self.broker_url = f"https://{LOOPBACK}:{port}/v1/credentials"
        self.order_url = f"https://{LOOPBACK}:{port}{ORDERS}{{device_id}}"
        self.ca_file = ca_file
        self.order_keys = office.headquarters.keys_file if office.headquarters is not None else None


@contextlib.contextmanager
def open_office(
    harness: RunningHarness, folder: Path, *, lifetime: timedelta = timedelta(days=30), names: Sequence[str] = ()
) -> Iterator[Enrolment]:
    """An office beside a running stand-in. Its authority stays in ``folder``, with a list of the certificates
    that it issued and revoked and of the devices that headquarters took out; invitations are forgotten when it closes.

    Args:
        names: further host names in the office's certificate, for clients that reach it by another name.
    """
    now = datetime.now(UTC)
    private_directory(folder)
    authority = kept_authority(folder, now=now)
    key = new_key()
    chain = authority.issue(
        key.public_key(), subject="avatar-harness office", purpose=Purpose.SERVER, now=now,
        lifetime=timedelta(days=397), names=("localhost", LOOPBACK, *names),
    )  # fmt: skip
    own = Identity(key=key, chain=chain)
    write_private(folder / "office.pem", own.key_pem() + own.chain_pem())
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.minimum_version = ssl.TLSVersion.TLSv1_2
    tls.load_cert_chain(folder / "office.pem")
    tls.load_verify_locations(cafile=folder / CA_FILE)
    tls.verify_mode = ssl.CERT_OPTIONAL
    tls.verify_flags |= _NO_CHECK_TIME  # the office looks at what is shown itself, by a clock that can be moved
    tenant_id, app_id = harness.with_world(lambda world: (world.household.tenant_id, world.household.app_id))
    office = Office(
        authority=authority, on_world=harness.with_world, lifetime=lifetime, keep=lambda ledger: ledger.write(folder),
        headquarters=Headquarters(folder, tenant_id=tenant_id, app_id=app_id),
    )  # fmt: skip
    office.go_on(Ledger.read(folder))
    with (
        _open(Desk, office, tls) as port,
        _open(Board, office, None) as board,
    ):
        yield Enrolment(office=office, port=port, board=board, ca_file=folder / CA_FILE, certificate=own.certificate)


@contextlib.contextmanager
def office_of(harness: RunningHarness) -> Iterator[Enrolment]:
    """The stand-in's own office: the authority of its HTTPS, told by the ready line and the console."""
    with open_office(harness, harness.folder / TLS_FOLDER) as opened:
        harness.has_office(
            opened.office,
            est_url=opened.est_url,
            broker_url=opened.broker_url,
            crl_url=opened.crl_url,
            ca_file=str(opened.ca_file),
            enroll_secret=opened.office.invite(),
            order_keys=str(opened.order_keys),
            order_url=opened.order_url,
        )
        yield opened


@contextlib.contextmanager
def _open(desk: type[Desk], office: Office, tls: ssl.SSLContext | None) -> Iterator[int]:
    server = _Server((LOOPBACK, 0), desk)
    server.office = office
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True, name="office")
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.socket.shutdown(socket.SHUT_RDWR)  # wakes it, or it would be waited for until it looks by itself
        server.shutdown()
        server.server_close()
        thread.join()
