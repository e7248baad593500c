"""A websocket over a connection that is already there; wsproto keeps the rules (RFC 6455), this moves the bytes."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
from collections.abc import Callable

from wsproto import ConnectionType, WSConnection
from wsproto.connection import ConnectionState
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Ping,
    RejectConnection,
    Request,
    TextMessage,
)
from wsproto.utilities import ProtocolError

from device_agent.drive.packets import LONGEST
from device_agent.errors import ChannelRefused, NetworkError

CHUNK = 64 * 1024

_LATER = (407, 408, 425, 429)
"""Refusals by which nobody has judged the token."""


class WebSocket:
    """One open websocket, used from one thread; ``wake`` may be called from any."""

    def __init__(self, line: socket.socket, *, host: str, where: str) -> None:
        """Takes the socket over. ``open`` must be called before anything else.

        Args:
            host: the Host header.
            where: scheme and authority, for messages.
        """
        self._line = line
        self._host = host
        self._where = where
        self._protocol = WSConnection(ConnectionType.CLIENT)
        self._inbox: list[str] = []
        self._text: list[str] = []
        self._length = 0
        self._ended = False
        self._woken, self._waker = socket.socketpair()
        self._woken.setblocking(False)
        self._waker.setblocking(False)  # who wakes it holds a lock: however often, that must not wait

    def open(self, target: str, *, within_s: float, steady: Callable[[], float]) -> None:
        """Ask for the websocket at ``target`` (path and query) and wait until it is open.

        Raises:
            ChannelRefused: the server answers something else. The target is not in the message: the token is in it.
            NetworkError: no answer in time, or a cut one.
        """
        ends = steady() + within_s
        try:
            self._put(Request(host=self._host, target=target))
            opened = False
            while not opened:
                if self._ended:
                    raise self._cut()
                left = ends - steady()
                if left <= 0 or not self._readable(left):
                    raise NetworkError("no answer in time", code="network.timeout", where=self._where)
                for event in self._take():  # the first texts may come with the answer
                    if isinstance(event, AcceptConnection):
                        opened = True
                    elif isinstance(event, RejectConnection):
                        raise self._refused(event.status_code)
                    else:
                        self._keep(event)
            self._line.settimeout(within_s)
        except ProtocolError:  # no cause: it may quote the request
            raise NetworkError(
                "what answers speaks no websocket", code="drive.handshake", where=self._where, hint="check drive_url"
            ) from None
        except OSError as error:
            raise self._cut() from error

    def receive(self, timeout_s: float) -> list[str]:
        """The texts that came; none when there was none in time, or when somebody called ``wake``.

        Raises:
            NetworkError: the connection is over, or what came is no websocket.
        """
        try:
            if not self._inbox and not self._ended and self._readable(timeout_s):
                for event in self._take():
                    self._keep(event)
        except (OSError, ProtocolError) as error:
            raise self._cut() from error
        found, self._inbox = self._inbox, []
        if self._ended and not found:  # what was said before the end is heard first
            raise self._cut()
        return found

    def send(self, text: str) -> None:
        """Send one text.

        Raises:
            NetworkError: the connection is over.
        """
        try:
            self._put(TextMessage(data=text))
        except (OSError, ProtocolError) as error:
            raise self._cut() from error

    def wake(self) -> None:
        """Let ``receive`` return."""
        with contextlib.suppress(OSError):
            self._waker.send(b"\0")

    def close(self) -> None:
        """Say goodbye where that is possible at once, and end the connection."""
        with contextlib.suppress(OSError, ProtocolError, NetworkError):
            self._line.settimeout(0.5)
            if self._protocol.state is ConnectionState.OPEN:
                self._put(CloseConnection(code=1000))
        for end in (self._line, self._woken, self._waker):
            with contextlib.suppress(OSError):
                end.close()

    def _readable(self, timeout_s: float) -> bool:
        """Whether bytes came within the time; ``wake`` ends the wait."""
        if isinstance(self._line, ssl.SSLSocket) and self._line.pending():
            return True
        poll = select.poll()
        poll.register(self._line, select.POLLIN)
        poll.register(self._woken, select.POLLIN)
        ready = {descriptor for descriptor, _ in poll.poll(max(0.0, timeout_s) * 1000.0)}
        if self._woken.fileno() in ready:
            with contextlib.suppress(BlockingIOError):
                self._woken.recv(CHUNK)
        return self._line.fileno() in ready

    def _take(self) -> list[Event]:
        """What came; nothing where it was no more than a part of a TLS record, or TLS' own affair, as a ticket is."""
        patience_s = self._line.gettimeout()
        self._line.settimeout(0.0)
        try:
            data = self._line.recv(CHUNK)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return []
        finally:
            self._line.settimeout(patience_s)
        if not data and self._protocol.state is ConnectionState.CONNECTING:
            raise ConnectionResetError("it hung up before it answered")
        try:
            self._protocol.receive_data(data or None)
            return list(self._protocol.events())
        except UnicodeError as error:  # a header of the handshake that is no ASCII
            raise ProtocolError("this is no websocket") from error

    def _put(self, event: Event) -> None:
        self._line.sendall(self._protocol.send(event))

    def _keep(self, event: Event) -> None:
        match event:
            case TextMessage():
                self._text.append(event.data)
                self._length += max(1, len(event.data))  # pieces of nothing take room as well
                if self._length > LONGEST:
                    raise NetworkError(
                        f"the channel sends more than {LONGEST // 1024**2} MiB in one message", code="drive.too_long",
                        where=self._where,
                    )  # fmt: skip
                if event.message_finished:
                    self._inbox.append("".join(self._text))
                    self._text, self._length = [], 0
            case Ping():
                self._put(event.response())
            case CloseConnection():
                self._ended = True
                with contextlib.suppress(OSError, ProtocolError):
                    self._put(event.response())
            case BytesMessage() | _:
                pass  # the channel is texts only

    def _refused(self, status: int) -> NetworkError:
        if status // 100 != 4 or status in _LATER:  # a gateway, a portal, a server with too much to do: not the token
            return NetworkError(
                f"the drive channel is not to be had now (HTTP {status})",
                code="drive.unavailable",
                where=self._where,
                hint="if it stays so, check drive_url",
                http_status=status,
            )
        return ChannelRefused(
            f"the drive channel was not opened (HTTP {status})",
            code="drive.refused",
            where=self._where,
            hint="check drive_url; a new session's token is asked for",
            http_status=status,
        )

    def _cut(self) -> NetworkError:
        return NetworkError("the drive channel was cut", code="network.cut", where=self._where)
