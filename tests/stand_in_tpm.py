"""A TPM 2.0 as far as the program needs one, for machines without swtpm: written from part 3 of the specification, with
none of the program's own code, and strict about every length, tag and attribute that it is sent.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

OWNER, ENDORSEMENT = 0x40000001, 0x4000000B
CREATE_PRIMARY, CREATE, LOAD, UNSEAL, FLUSH = 0x131, 0x153, 0x157, 0x15E, 0x165
BAD_SIZE, BAD_ATTRIBUTES, BAD_INTEGRITY, BAD_TAG, BAD_COMMAND, BAD_HANDLE, BAD_AUTH, BAD_VALUE = (
    0x1D5, 0x2C2, 0x1DF, 0x01E, 0x143, 0x18B, 0x9A2, 0x2C4,
)  # fmt: skip

PARENTS = {
    # fixedTPM fixedParent sensitiveDataOrigin userWithAuth noDA restricted decrypt, and no policy
    OWNER: bytes.fromhex("000b 00030472 0000"),
    # the EK's attributes and the policy that the EK credential profile prints
    ENDORSEMENT: bytes.fromhex("000b 000300b2 0020 837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa"),
}
ECC_REST = bytes.fromhex("0006 0080 0043 0010 0003 0010")
SEALED = bytes.fromhex("0008 000b 00000452 0000 0010 0000")  # keyedHash: fixedTPM fixedParent userWithAuth noDA
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


class Wrong(Exception):
    """The response code to give."""

    def __init__(self, code: int) -> None:
        super().__init__(hex(code))
        self.code = code


class Taken:
    """Takes a command apart; what is missing or left over is a wrong size."""

    def __init__(self, data: bytes) -> None:
        self.rest = data

    def take(self, length: int) -> bytes:
        if length > len(self.rest):
            raise Wrong(BAD_SIZE)
        taken, self.rest = self.rest[:length], self.rest[length:]
        return taken

    def number(self, length: int) -> int:
        return int.from_bytes(self.take(length), "big")

    def sized(self) -> bytes:
        return self.take(self.number(2))

    def end(self) -> None:
        if self.rest:
            raise Wrong(BAD_SIZE)


class StandInTpm:
    """One chip. ``refuse`` gives response codes: command -> code; ``silent`` hangs up instead of answering."""

    def __init__(self) -> None:
        self.seeds = {OWNER: os.urandom(32), ENDORSEMENT: os.urandom(32)}
        self.refuse: dict[int, int] = {}
        self.silent = False
        self.objects: dict[int, tuple[str, bytes, bytes]] = {}
        self.heard: list[int] = []
        self._next = 0x80000000

    def clear(self) -> None:
        """What the firmware's "clear TPM" does: another storage seed, the same endorsement seed."""
        self.seeds[OWNER] = os.urandom(32)

    def __call__(self, command: bytes) -> bytes:
        try:
            tag, body = self._answer(command)
        except Wrong as wrong:
            return struct.pack(">HII", 0x8001, 10, wrong.code)
        return struct.pack(">HII", tag, 10 + len(body), 0) + body

    def _answer(self, command: bytes) -> tuple[int, bytes]:
        head = Taken(command)
        tag, length, code = head.number(2), head.number(4), head.number(4)
        if length != len(command):
            raise Wrong(0x142)  # TPM_RC_COMMAND_SIZE
        self.heard.append(code)
        if code in self.refuse:
            raise Wrong(self.refuse[code])
        if code == FLUSH:
            if tag != 0x8001 or self.objects.pop(head.number(4), None) is None:
                raise Wrong(BAD_HANDLE)
            head.end()
            return 0x8001, b""
        if tag != 0x8002:
            raise Wrong(BAD_TAG)
        handle = head.number(4)
        authorisation = Taken(head.take(head.number(4)))
        if authorisation.rest != bytes.fromhex("40000009 0000 00 0000"):
            raise Wrong(BAD_AUTH)
        acts: dict[int, Callable[[int, Taken], tuple[bytes, bytes]]] = {
            CREATE_PRIMARY: self._create_primary, CREATE: self._create, LOAD: self._load, UNSEAL: self._unseal,
        }  # fmt: skip
        if code not in acts:
            raise Wrong(BAD_COMMAND)
        new, parameters = acts[code](handle, head)
        return 0x8002, new + struct.pack(">I", len(parameters)) + parameters + bytes.fromhex("0000 01 0000")

    def _create_primary(self, handle: int, body: Taken) -> tuple[bytes, bytes]:
        if handle not in PARENTS:
            raise Wrong(0x184)  # TPM_RC_VALUE of handle 1
        sensitive = Taken(body.sized())
        template, outside, selected = Taken(body.sized()), body.sized(), body.number(4)
        body.end()
        if sensitive.sized() or sensitive.sized() or outside or selected:
            raise Wrong(BAD_VALUE)
        sensitive.end()
        if template.number(2) != 0x0023:
            raise Wrong(0x2CA)  # TPM_RC_TYPE
        head, rest = template.take(len(PARENTS[handle])), template.take(len(ECC_REST))
        if head != PARENTS[handle]:
            raise Wrong(BAD_ATTRIBUTES)
        if rest != ECC_REST or template.sized() != bytes(32) or template.sized() != bytes(32):
            raise Wrong(BAD_VALUE)
        template.end()
        number = int.from_bytes(hmac.new(self.seeds[handle], b"primary", hashlib.sha512).digest(), "big")
        point = ec.derive_private_key(number % (ORDER - 1) + 1, ec.SECP256R1()).public_key().public_numbers()
        public = b"\0\x23" + head + rest
        public += b"\0\x20" + point.x.to_bytes(32, "big") + b"\0\x20" + point.y.to_bytes(32, "big")
        wrapping = hmac.new(self.seeds[handle], b"wrapping", hashlib.sha256).digest()
        return self._kept("parent", public, wrapping), self._described(public)

    def _create(self, handle: int, body: Taken) -> tuple[bytes, bytes]:
        wrapping = self._of_kind(handle, "parent")[1]
        sensitive, template = Taken(body.sized()), body.sized()
        if body.sized() or body.number(4):
            raise Wrong(BAD_VALUE)
        body.end()
        password, data = sensitive.sized(), sensitive.sized()
        sensitive.end()
        if password or not 0 < len(data) <= 128:
            raise Wrong(BAD_SIZE)
        if template != SEALED:
            raise Wrong(BAD_ATTRIBUTES)
        salt = os.urandom(32)
        public = SEALED[:-2] + b"\0\x20" + hashlib.sha256(salt + data).digest()
        nonce = os.urandom(12)
        private = nonce + AESGCM(wrapping).encrypt(nonce, salt + data, public)
        return b"", struct.pack(">H", len(private)) + private + self._described(public)

    def _load(self, handle: int, body: Taken) -> tuple[bytes, bytes]:
        wrapping = self._of_kind(handle, "parent")[1]
        private, public = body.sized(), body.sized()
        body.end()
        try:
            opened = AESGCM(wrapping).decrypt(private[:12], private[12:], public)
        except (InvalidTag, ValueError) as error:
            raise Wrong(BAD_INTEGRITY) from error
        return self._kept("sealed", public, opened[32:]), b"\0\x22\0\x0b" + hashlib.sha256(public).digest()

    def _unseal(self, handle: int, body: Taken) -> tuple[bytes, bytes]:
        body.end()
        data = self._of_kind(handle, "sealed")[1]
        return b"", struct.pack(">H", len(data)) + data

    def _kept(self, kind: str, public: bytes, inside: bytes) -> bytes:
        if len(self.objects) >= 3:
            raise Wrong(0x902)  # TPM_RC_OBJECT_MEMORY
        self._next += 1
        self.objects[self._next] = (kind, public, inside)
        return struct.pack(">I", self._next)

    def _of_kind(self, handle: int, kind: str) -> tuple[bytes, bytes]:
        found = self.objects.get(handle)
        if found is None or found[0] != kind:
            raise Wrong(BAD_HANDLE)
        return found[1:]

    @staticmethod
    def _described(public: bytes) -> bytes:
        """The public area, and what follows it: creation data, hash, ticket, name."""
        return struct.pack(">H", len(public)) + public + b"\0\0" + b"\0\0" + b"\x80\x21" + bytes(6) + b"\0\0"

    @contextmanager
    def serving(self, path: Path) -> Iterator[Path]:
        """Answer on a Unix socket, also other processes."""
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(str(path))
            listening.listen(16)
            threading.Thread(target=self._serve, args=(listening,), daemon=True).start()
            yield path
            listening.shutdown(socket.SHUT_RDWR)
        path.unlink(missing_ok=True)

    def _serve(self, listening: socket.socket) -> None:
        while True:
            try:
                line, _ = listening.accept()
            except OSError:
                return
            with line, suppress(OSError):
                self.objects.clear()  # as the resource manager does for each that opens it
                while not self.silent and (command := line.recv(4096)):
                    line.sendall(self(command))
