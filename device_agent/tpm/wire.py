"""Commands to a TPM 2.0 and its answers, as part 3 of the library specification marshals them; big-endian throughout.

Every command here is authorised with an empty password, or not at all: nothing of ours can count as a guess, so the
TPM's lockout against guessing never concerns us.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import stat
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from device_agent.errors import ConfigurationError

SHA256, AES, CFB, NULL = 0x000B, 0x0006, 0x0043, 0x0010  # TPM_ALG
ENDORSEMENT, OWNER = 0x4000000B, 0x40000001  # TPM_RH
FIXED_TPM, FIXED_PARENT, SENSITIVE_DATA_ORIGIN, USER_WITH_AUTH = 1 << 1, 1 << 4, 1 << 5, 1 << 6  # TPMA_OBJECT
ADMIN_WITH_POLICY, NO_DA, RESTRICTED, DECRYPT = 1 << 7, 1 << 10, 1 << 16, 1 << 17

_SESSIONS, _NO_SESSIONS = 0x8002, 0x8001  # TPM_ST
_PASSWORD = 0x40000009  # TPM_RS_PW
_FLUSH_CONTEXT = 0x165  # TPM_CC

_HINTS = {
    0x9A2: "the TPM's hierarchy has a password: take it away (tpm2_changeauth -c owner -p OLD)",
    0x185: "the TPM's hierarchy is turned off: turn it on in the firmware",
    0x101: "the TPM is in failure mode: turn the machine off and on",
}
"""TPM_RC_BAD_AUTH, _HIERARCHY, _FAILURE."""

_LONGEST = 4096
TIMEOUT_S = 120.0
"""An RSA key may take a slow TPM a minute; an elliptic one takes a fraction of a second."""

Exchange = Callable[[bytes], bytes]
"""Sends one command and gives its response; raises OSError."""


class Refused(OSError):
    """The TPM's response code is not success."""

    def __init__(self, code: int) -> None:
        super().__init__(f"it answers {code:#05x}")
        self.code = code

    @property
    def is_about_a_parameter(self) -> bool:
        """A value that was sent does not suit this TPM (format one, bit P; part 2, 6.6.3), and never will."""
        return self.code & 0x0C0 == 0x0C0


class Reader:
    """Reads what a TPM marshalled; what is not there is an OSError."""

    def __init__(self, data: bytes) -> None:
        self._rest = data

    def take(self, length: int) -> bytes:
        """So many bytes."""
        if length > len(self._rest):
            raise OSError("its answer is cut short")
        taken, self._rest = self._rest[:length], self._rest[length:]
        return taken

    def number(self, length: int) -> int:
        """An unsigned number of so many bytes."""
        return int.from_bytes(self.take(length), "big")

    def sized(self) -> bytes:
        """Bytes behind their length (TPM2B)."""
        return self.take(self.number(2))

    def end(self) -> None:
        """Nothing is left, or it is an OSError."""
        if self._rest:
            raise OSError("its answer is longer than it should be")


def sized(data: bytes) -> bytes:
    """Bytes behind their length (TPM2B)."""
    return struct.pack(">H", len(data)) + data


def ask(exchange: Exchange, command: int, handle: int, parameters: bytes = b"") -> Reader:
    """A command about one handle, authorised with an empty password; its answer's parameters.

    Raises:
        OSError: the TPM refuses, or what it says is no response.
    """
    return _parameters(_authorised(exchange, command, handle, parameters))


def make(exchange: Exchange, command: int, handle: int, parameters: bytes) -> tuple[int, Reader]:
    """A command that leaves an object in the TPM: its handle, which is the caller's to flush, and the parameters.

    Raises:
        OSError: as ``ask``.
    """
    answer = _authorised(exchange, command, handle, parameters)
    return answer.number(4), _parameters(answer)


def flush(exchange: Exchange, handle: int) -> None:
    """Take an object out of the TPM again; ``/dev/tpmrm0`` does it by itself when it is closed."""
    with contextlib.suppress(OSError):
        _exchanged(exchange, _NO_SESSIONS, _FLUSH_CONTEXT, struct.pack(">I", handle))


def _authorised(exchange: Exchange, command: int, handle: int, parameters: bytes) -> Reader:
    nobody = struct.pack(">IHBH", _PASSWORD, 0, 0, 0)
    body = struct.pack(">II", handle, len(nobody)) + nobody + parameters
    return Reader(_exchanged(exchange, _SESSIONS, command, body))


def _parameters(answer: Reader) -> Reader:
    return Reader(answer.take(answer.number(4)))


def _exchanged(exchange: Exchange, tag: int, command: int, body: bytes) -> bytes:
    answer = exchange(struct.pack(">HII", tag, 10 + len(body), command) + body)
    if len(answer) < 10:
        raise OSError("its answer is cut short")
    length, code = struct.unpack_from(">II", answer, 2)
    if code != 0:
        raise Refused(code)
    if length != len(answer):
        raise OSError("its answer is cut short")
    return answer[10:]


@contextmanager
def opened(path: Path) -> Iterator[Exchange]:
    """A way to exchange commands with a TPM's device file, or a Unix socket that speaks for one; closed afterwards.

    Raises:
        OSError: there is none, or it cannot be opened.
    """
    if stat.S_ISSOCK(path.stat().st_mode):
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(TIMEOUT_S)
            line.connect(str(path))
            yield lambda command: _over(line.fileno(), command)
        return
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        if not stat.S_ISCHR(os.fstat(descriptor).st_mode):
            raise OSError("it is no device")
        yield lambda command: _over(descriptor, command)
    finally:
        os.close(descriptor)


def _over(descriptor: int, command: bytes) -> bytes:
    """One command and its response: each is one write and one read on the device."""
    os.write(descriptor, command)
    answer, whole = b"", 10
    while len(answer) < whole:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        if not poll.poll(TIMEOUT_S * 1000):
            raise TimeoutError("no answer in time")
        piece = os.read(descriptor, _LONGEST)
        if not piece:
            raise OSError("it hung up")
        answer += piece
        if len(answer) >= 10:
            whole = min(int.from_bytes(answer[2:6], "big"), _LONGEST)
    return answer


@contextmanager
def told(path: Path, *, without: str) -> Iterator[None]:
    """Tell why a TPM cannot be asked; ``without`` says what to do where there is none.

    Raises:
        ConfigurationError: there is no TPM, it cannot be reached, or it refuses (``identity.tpm``).
    """
    try:
        yield
    except OSError as error:
        if isinstance(error, Refused):
            hint = _HINTS.get(error.code, "tpm2_rc_decode says what that means; nothing was changed, try again")
        elif isinstance(error, PermissionError):
            hint = "who runs this must be in the group of that device: usermod -aG tss USER"
        else:
            hint = (
                "check the setting tpm, and whether tpm2_getcap properties-fixed answers" if path.exists() else without
            )
        raise ConfigurationError(
            f"the TPM cannot be asked: {(error.strerror or str(error) or type(error).__name__).lower()}",
            code="identity.tpm",
            where=str(path),
            hint=hint,
        ) from error
