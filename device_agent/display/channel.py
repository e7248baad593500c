"""Messages between two processes of one display, over a pair of connected sockets: a length, then that many bytes."""

from __future__ import annotations

import select
import socket
import struct
from contextlib import suppress

_LENGTH = struct.Struct("=Q")


class Channel:
    """One end."""

    def __init__(self, end: socket.socket) -> None:
        self._socket = end

    @classmethod
    def pair(cls) -> tuple[Channel, Channel]:
        """Two ends; a process that is started as another program inherits neither."""
        one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        return cls(one), cls(other)

    def send(self, message: bytes) -> None:
        """Send it whole; waits for the other end to take it.

        Raises:
            OSError: nobody is at the other end.
        """
        self._socket.sendall(_LENGTH.pack(len(message)))
        self._socket.sendall(message)

    def receive(self, *, limit: int) -> bytearray | None:
        """The next message; ``None`` when the other end is closed, or announces more than ``limit`` bytes.

        Raises:
            OSError: the other end is gone.
        """
        head = self._read(_LENGTH.size)
        if head is None:
            return None
        (length,) = _LENGTH.unpack(head)
        return self._read(length) if length <= limit else None

    def is_waiting(self, seconds: float) -> bool:
        """Whether a message, or the end, comes within so many seconds."""
        return bool(select.select([self._socket], [], [], seconds)[0])

    def close(self) -> None:
        """Give up this end, in this process: one that was forked from it may still have it."""
        self._socket.close()

    def end(self) -> None:
        """End the conversation for everybody; a thread that waits at an end goes on."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _read(self, length: int) -> bytearray | None:
        found = bytearray(length)
        view, here = memoryview(found), 0
        while here < length:
            came = self._socket.recv_into(view[here:])
            if came == 0:
                return None
            here += came
        return found
