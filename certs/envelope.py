"""Sealed entries (``.lm``) and wrapped content keys, as the avatar package's format has them (docs/formats).

A sealed entry is nonce (12 bytes), ciphertext (as long as the plain bytes), tag (16 bytes): AES-GCM with a 128- or
256-bit key and no additional data. A content key is wrapped with RSA-OAEP (SHA-256, MGF1 with SHA-256, empty label)
and written in standard base64.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import GCM
from cryptography.hazmat.primitives.hashes import SHA256

from certs.errors import EnvelopeError
from certs.secret import SecretBytes, SecretText

NONCE_LENGTH = 12
TAG_LENGTH = 16
OVERHEAD = NONCE_LENGTH + TAG_LENGTH
KEY_LENGTHS = (16, 32)

_OTHER_KEY = "the licence does not belong to this package, or the bytes were changed: fetch the avatar again"


def seal(plain: bytes | memoryview, *, key: bytes, nonce: bytes) -> bytes:
    """The ``.lm`` entry of ``plain``; a nonce (12 bytes) must never meet the same key twice.

    Raises:
        EnvelopeError: key or nonce has a wrong length.
    """
    if len(nonce) != NONCE_LENGTH:
        raise EnvelopeError(f"a nonce has {NONCE_LENGTH} bytes, not {len(nonce)}", code="envelope.nonce")
    return nonce + _cipher(key, "").encrypt(nonce, plain, None)


def open_sealed(sealed: bytes | memoryview, *, key: bytes, where: str = "") -> bytes:
    """The plain bytes of an ``.lm`` entry, all of them or none.

    Raises:
        EnvelopeError: the entry is too short, the key is another one, or any byte was changed.
    """
    if len(sealed) < OVERHEAD:
        raise _short(len(sealed), where)
    view = memoryview(sealed)
    try:
        return _cipher(key, where).decrypt(view[:NONCE_LENGTH], view[NONCE_LENGTH:], None)
    except InvalidTag as error:
        raise _closed(where) from error


def check_sealed(pieces: Iterable[bytes | memoryview], *, key: bytes, where: str = "") -> None:
    """Whether an ``.lm`` entry opens, at the memory of one of its pieces; the plain bytes go nowhere.

    Raises:
        EnvelopeError: as ``open_sealed``.
    """
    _check_key(key, where)
    held, opener = b"", None
    for piece in pieces:
        held += piece
        if opener is None:
            if len(held) < OVERHEAD:
                continue
            opener = Cipher(AES(key), GCM(held[:NONCE_LENGTH])).decryptor()
            held = held[NONCE_LENGTH:]
        opener.update(held[:-TAG_LENGTH])
        held = held[-TAG_LENGTH:]
    if opener is None:
        raise _short(len(held), where)
    try:
        opener.finalize_with_tag(held)
    except InvalidTag as error:
        raise _closed(where) from error


def wrap_key(key: bytes, *, public_key: RSAPublicKey) -> str:
    """The content key (16 or 32 bytes) for the holder of the private key, in base64.

    Raises:
        EnvelopeError: the content key has a wrong length.
    """
    _check_key(key, "")
    return base64.b64encode(public_key.encrypt(key, _oaep())).decode()


def unwrap_key(wrapped: str, *, private_key: RSAPrivateKey, where: str = "") -> SecretBytes:
    """The content key (16 or 32 bytes) from its wrapped form.

    Raises:
        EnvelopeError: it is not base64, was wrapped for another key, or what it holds is no AES key.
    """
    sealed = decode_base64(wrapped, where=where)
    expected = private_key.key_size // 8
    if len(sealed) != expected:
        raise EnvelopeError(
            f"the wrapped key has {len(sealed)} bytes, and this licence opens {expected}",
            code="envelope.wrapped",
            where=where,
            hint=_OTHER_KEY,
        )
    try:
        key = SecretBytes(private_key.decrypt(sealed, _oaep()))
    except ValueError:
        # One answer for every cause, and no foreign error behind it: OAEP must not tell its causes apart.
        raise EnvelopeError(
            "the wrapped key does not open", code="envelope.wrapped", where=where, hint=_OTHER_KEY
        ) from None
    _check_key(key, where)
    return key


def decode_base64(text: str, *, where: str = "") -> SecretBytes:
    """The bytes behind standard base64; white space between the characters is ignored.

    Raises:
        EnvelopeError: it is empty, or not base64.
    """
    compact = SecretText("".join(text.split()))
    try:
        decoded = base64.b64decode(compact, validate=True)
    except ValueError:
        decoded = b""
    if not decoded:
        raise EnvelopeError(
            "the secret is not base64" if compact else "the secret is empty",
            code="envelope.base64",
            where=where,
            hint="the platform's RenderData is incomplete: fetch the avatar again",
        )
    return SecretBytes(decoded)


def _short(length: int, where: str) -> EnvelopeError:
    return EnvelopeError(
        f"the sealed entry has {length} bytes, fewer than the {OVERHEAD} of an empty one",
        code="envelope.short",
        where=where,
        hint="the package is damaged: fetch the avatar again",
    )


def _closed(where: str) -> EnvelopeError:
    return EnvelopeError("the sealed entry does not open", code="envelope.tag", where=where, hint=_OTHER_KEY)


def _oaep() -> OAEP:
    return OAEP(mgf=MGF1(algorithm=SHA256()), algorithm=SHA256(), label=None)


def _cipher(key: bytes, where: str) -> AESGCM:
    _check_key(key, where)
    return AESGCM(key)


def _check_key(key: bytes, where: str) -> None:
    if len(key) not in KEY_LENGTHS:
        raise EnvelopeError(
            f"a content key has {KEY_LENGTHS[0]} or {KEY_LENGTHS[1]} bytes, not {len(key)}",
            code="envelope.key",
            where=where,
        )
