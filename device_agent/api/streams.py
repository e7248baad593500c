"""An exchange of its own connection whose body comes in pieces: downloads, and the registration office.

The same roads as ``direct``, for what is asked once and may be long. httpx could do it too; a service that has loaded
it keeps 5 to 10 MiB for as long as the device lives.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import h11

from device_agent.api.direct import CHUNK, open_socket
from device_agent.api.exchange import Exchange
from device_agent.api.faults import WHOLE, translated
from device_agent.api.http1 import Dialogue, Origin, addressed
from device_agent.api.trust import Trust
from device_agent.errors import NetworkError

Connect = Callable[[Origin, float], socket.socket]
"""An open connection to an origin, TLS and all, within so many seconds. Raises OSError, ValueError."""


class Streamed:
    """An answer whose head is here; see ``avatars.web.Body``."""

    def __init__(self, *, status: int, headers: Mapping[str, str], pieces: Callable[[], Iterator[bytes]]) -> None:
        self.status = status
        self.headers = headers
        self.pieces = pieces


class Streams:
    """Asks over a new connection each time; safe to share between threads."""

    def __init__(self, *, connect: Connect, steady: Callable[[], float] = time.monotonic) -> None:
        self._connect = connect
        self._steady = steady

    @contextmanager
    def get(self, url: str, *, headers: Mapping[str, str], connect_s: float, timeout_s: float) -> Iterator[Streamed]:
        """See ``avatars.web.Web``."""
        with self.ask("GET", url, headers=headers, connect_s=connect_s, timeout_s=timeout_s) as answer:
            yield answer

    @contextmanager
    def ask(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        connect_s: float,
        timeout_s: float,
        body: bytes = b"",
    ) -> Iterator[Streamed]:
        """One exchange; the connection ends with the ``with`` block.

        The head must be here within ``WHOLE`` times ``timeout_s``; what the body may take is the caller's to say.

        Raises:
            NetworkError: no connection, no answer, or a cut one.
        """
        try:
            origin, target = addressed(url)
        except (ValueError, KeyError):  # no cause: it may quote the address with its query
            raise NetworkError("the address cannot be asked", code="network.address") from None
        try:
            line = self._connect(origin, connect_s)
        except (OSError, ValueError) as exc:
            raise translated(exc, stage="connect", where=origin.shown, is_loopback=origin.is_loopback) from exc
        with line:
            with _told(origin):
                line.settimeout(timeout_s)
                dialogue = Dialogue(origin)
                line.sendall(dialogue.ask(Exchange(method=method, url=url, headers=headers), target, body=body))
                ends = self._steady() + WHOLE * timeout_s
                heard = dialogue.listen(lambda: line.recv(CHUNK), until=lambda: self._steady() > ends)
                status, named = dialogue.head(heard)

            def pieces() -> Iterator[bytes]:
                with _told(origin):
                    for piece in heard:
                        if isinstance(piece, bytes):
                            yield piece

            yield Streamed(status=status, headers=named, pieces=pieces)


def connected(trust: Trust) -> Connect:
    """Connections with the trust of their host."""
    return lambda origin, seconds: open_socket(origin, seconds, trust.context)


@contextmanager
def _told(origin: Origin) -> Iterator[None]:
    """Foreign errors of an exchange as ours; what a caller raises inside passes."""
    try:
        yield
    except (OSError, h11.ProtocolError) as exc:
        raise translated(exc, stage="exchange", where=origin.shown, is_loopback=origin.is_loopback) from exc
