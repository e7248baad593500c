"""The TPM's endorsement key: a number of this machine that no disk image carries and no operator can mistype.

Two commands of the TPM 2.0 library specification, part 3, marshalled here (everything is big-endian): CreatePrimary in
the endorsement hierarchy with the default template, which gives the same key every time because the TPM derives it
from a seed of its own, and FlushContext. The key is not used for anything: its Name (part 1, 16), a SHA-256 over its
public area, is what the device id is made from. ``tpm2_createek -G ecc`` and ``tpm2_readpublic`` show the same Name.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import select
import socket
import stat
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from device_agent.errors import ConfigurationError

_SESSIONS, _NO_SESSIONS = 0x8002, 0x8001  # TPM_ST
_CREATE_PRIMARY, _FLUSH_CONTEXT, _POLICY_SECRET = 0x131, 0x165, 0x151  # TPM_CC
_ENDORSEMENT, _PASSWORD = 0x4000000B, 0x40000009  # TPM_RH_ENDORSEMENT, TPM_RS_PW
_SHA256, _AES, _CFB, _NULL = 0x000B, 0x0006, 0x0043, 0x0010  # TPM_ALG
_ECC, _RSA, _P256 = 0x0023, 0x0001, 0x0003
_NOT_THIS_KIND = frozenset({0x2C1, 0x2C4, 0x2CA, 0x2E6})
"""TPM_RC_ASYMMETRIC, _VALUE, _TYPE and _CURVE for parameter 2: this TPM does not do that kind of key."""

_LONGEST = 4096
TIMEOUT_S = 120.0
"""An RSA key may take a slow TPM a minute; an elliptic one takes a fraction of a second."""

Exchange = Callable[[bytes], bytes]


class EndorsementKey:
    """The endorsement key behind a TPM's device file (``/dev/tpmrm0``), or a Unix socket that speaks for one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._name: bytes | None = None

    @property
    def is_there(self) -> bool:
        """Whether the machine has the device file."""
        return self._path.exists()

    def name(self) -> bytes:
        """The key's Name without its algorithm: 32 bytes. Asked for once; a machine does not change its TPM while it
        runs.

        Raises:
            ConfigurationError: there is no TPM, it cannot be reached, or it refuses (``identity.tpm``).
        """
        if self._name is None:
            with self._told(), _opened(self._path) as exchange:
                self._name = hashlib.sha256(endorsement_public(exchange)).digest()
        return self._name

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            hint = "check the setting tpm; the service's user must be in the group tss"
            if not self.is_there:
                hint = "turn the TPM on in the firmware, or leave the setting tpm out before the device has its id"
            raise ConfigurationError(
                f"the TPM cannot be asked: {(error.strerror or str(error) or type(error).__name__).lower()}",
                code="identity.tpm",
                where=str(self._path),
                hint=hint,
            ) from error


class Refused(OSError):
    """The TPM's response code is not success."""

    def __init__(self, code: int) -> None:
        super().__init__(f"it answers {code:#05x}")
        self.code = code


def endorsement_public(exchange: Exchange) -> bytes:
    """The public area (TPMT_PUBLIC) of the endorsement key: P-256, or RSA 2048 where there is no such curve.

    Args:
        exchange: sends one command and gives its response.

    Raises:
        OSError: the TPM refuses, or what it says is no response.
    """
    try:
        return _create_primary(exchange, _ecc_template())
    except Refused as refused:
        if refused.code not in _NOT_THIS_KIND:
            raise
    return _create_primary(exchange, _rsa_template())


def _create_primary(exchange: Exchange, template: tuple[bytes, bytes]) -> bytes:
    fixed, unique = template
    nobody = struct.pack(">IHBH", _PASSWORD, 0, 0, 0)  # the hierarchy's empty password
    body = struct.pack(">II", _ENDORSEMENT, len(nobody)) + nobody
    body += _sized(_sized(b"") + _sized(b""))  # inSensitive: no password and no data of ours
    body += _sized(fixed + unique) + _sized(b"") + struct.pack(">I", 0)  # inPublic, outsideInfo, creationPCR
    answer = _ask(exchange, _SESSIONS, _CREATE_PRIMARY, body)
    (handle,) = struct.unpack_from(">I", answer)
    with contextlib.suppress(OSError):  # /dev/tpmrm0 flushes by itself when it is closed
        _ask(exchange, _NO_SESSIONS, _FLUSH_CONTEXT, struct.pack(">I", handle))
    (length,) = struct.unpack_from(">H", answer, 8)  # after the handle and the size of the parameters
    public = answer[10 : 10 + length]
    # All but the key itself must be what was asked for, or the Name would be of something else.
    if len(public) != length or not public.startswith(fixed):
        raise OSError("it answers with another key than it was asked for")
    return public


def _ask(exchange: Exchange, tag: int, command: int, body: bytes) -> bytes:
    answer = exchange(struct.pack(">HII", tag, 10 + len(body), command) + body)
    if len(answer) < 10:
        raise OSError("its answer is cut short")
    _tag, length, code = struct.unpack_from(">HII", answer)
    if code != 0:
        raise Refused(code)
    if length != len(answer) or (tag == _SESSIONS and length < 20):
        raise OSError("its answer is cut short")
    return answer[10:]


def _ecc_template() -> tuple[bytes, bytes]:
    """Template L-2 of the TCG EK credential profile: what is fixed, and room for the key."""
    parameters = _STORAGE + struct.pack(">HHH", _NULL, _P256, _NULL)  # no scheme, the curve, no KDF
    return _head(_ECC) + parameters, _sized(bytes(32)) + _sized(bytes(32))


def _rsa_template() -> tuple[bytes, bytes]:
    """Template L-1."""
    parameters = _STORAGE + struct.pack(">HHI", _NULL, 2048, 0)  # no scheme, bits, the default exponent
    return _head(_RSA) + parameters, _sized(bytes(256))


_STORAGE = struct.pack(">HHH", _AES, 128, _CFB)


def _head(kind: int) -> bytes:
    """Type, name algorithm, attributes, policy."""
    # fixedTPM, fixedParent, sensitiveDataOrigin, adminWithPolicy, restricted, decrypt
    attributes = 1 << 1 | 1 << 4 | 1 << 5 | 1 << 7 | 1 << 16 | 1 << 17
    # PolicySecret(endorsement): extended with the command and the hierarchy's name, then with an empty policyRef.
    policy = hashlib.sha256(bytes(32) + struct.pack(">II", _POLICY_SECRET, _ENDORSEMENT)).digest()
    return struct.pack(">HHI", kind, _SHA256, attributes) + _sized(hashlib.sha256(policy).digest())


def _sized(data: bytes) -> bytes:
    return struct.pack(">H", len(data)) + data


@contextmanager
def _opened(path: Path) -> Iterator[Exchange]:
    """A way to exchange commands; closed afterwards."""
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
