"""Servers on loopback that tests stand up: TLS with any certificate and any words, and a proxy that keeps a log."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from certs.authority import Authority
from certs.identity import Identity, new_key
from certs.purpose import Purpose

Words = Callable[[socket.socket, bytes], None]
NAMES = ("localhost", "127.0.0.1", "platform.example")
OK = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%s"


def http_ok(body: bytes) -> bytes:
    return OK % (len(body), body)


def authority(name: str = "private", *, now: datetime | None = None) -> Authority:
    return Authority.create(name=name, now=now or datetime.now(UTC), lifetime=timedelta(days=3650))


def server_identity(
    root: Authority, *, names: Sequence[str] = NAMES, now: datetime | None = None,
    lifetime: timedelta = timedelta(days=30),
) -> Identity:  # fmt: skip
    key = new_key()
    chain = root.issue(
        key.public_key(), subject="server", purpose=Purpose.SERVER, now=now or datetime.now(UTC), lifetime=lifetime,
        names=names,
    )  # fmt: skip
    return Identity(key=key, chain=chain)


@dataclass
class Running:
    """A server that runs: where, and what it was told."""

    port: int
    heard: list[bytes] = field(default_factory=list)

    @property
    def everything(self) -> bytes:
        return b"".join(self.heard)


@contextlib.contextmanager
def serving(speak: Words, *, tls: ssl.SSLContext | None = None) -> Iterator[Running]:
    """Each connection: what came first is kept and given to ``speak``, which answers as it likes."""
    listener = socket.create_server(("127.0.0.1", 0))
    running = Running(listener.getsockname()[1])
    open_ones: list[socket.socket] = []

    def one(peer: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError):
            if tls is not None:
                peer = tls.wrap_socket(peer, server_side=True)
                open_ones.append(peer)
            head = peer.recv(65536)
            if head:
                running.heard.append(head)
                speak(peer, head)
        with contextlib.suppress(OSError):
            peer.close()

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                peer, _ = listener.accept()
                open_ones.append(peer)
                threading.Thread(target=one, args=(peer,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield running
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for peer in open_ones:
            with contextlib.suppress(OSError):
                peer.shutdown(socket.SHUT_RDWR)
            peer.close()
        thread.join()


def says(words: bytes) -> Words:
    return lambda peer, _head: peer.sendall(words)


def tls_of(identity: Identity, folder: Path) -> ssl.SSLContext:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{identity.fingerprint}.pem"
    file.write_bytes(identity.key_pem() + identity.chain_pem())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


def ca_file(root: Authority, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{root.identity.fingerprint}-ca.pem"
    file.write_bytes(root.identity.chain_pem())
    return file


@contextlib.contextmanager
def proxying(*, login: bytes = b"", to: int) -> Iterator[Running]:
    """An HTTP proxy whose every CONNECT leads to one port of this machine; ``login`` (base64) is asked for by 407."""

    def speak(peer: socket.socket, head: bytes) -> None:
        if login and b"authorization: basic " + login.lower() not in head.lower():
            peer.sendall(
                b"HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic realm=x\r\n"
                b"content-length: 0\r\nconnection: close\r\n\r\n"
            )
            return
        with socket.create_connection(("127.0.0.1", to)) as onward:
            if head.startswith(b"CONNECT "):
                peer.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                onward.sendall(head)
            back = threading.Thread(target=_pour, args=(onward, peer), daemon=True)
            back.start()
            _pour(peer, onward)
            back.join()

    with serving(speak) as running:
        yield running


def _pour(source: socket.socket, drain: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            drain.sendall(data)
    with contextlib.suppress(OSError):
        drain.shutdown(socket.SHUT_WR)
