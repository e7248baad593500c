"""The licence: the forms it comes in, its fingerprint, and the RSA key that it carries.

Bare form: 64 characters that clients skip, then a PKCS#8 DER private key in standard base64, without PEM armour. JSON
form: ``{"TenantId": 123, "AppId": "...", "License": "<bare form>"}``. The platform's own licence text is opaque to
the device until a package must be opened, so only ``private_key`` insists on the bare form's inside.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import re
import stat
from pathlib import Path
from typing import NoReturn

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from certs.errors import LicenseError

PREFIX_LENGTH = 64
"""Characters before the key that every known client skips unread."""

MAX_LENGTH = 64 * 1024
"""Bytes of a licence file that are read at most; a licence with an RSA-4096 key has about 3,300."""

MIN_KEY_BITS = 2048

_FORMS = (
    'expected the licence text on its own, or JSON with "TenantId", "AppId" and "License"; '
    "download the licence file again from the console"
)
_INSIDE = f"expected {PREFIX_LENGTH} characters, then a PKCS#8 private key in base64; download the licence file again"
_BYTE_ORDER_MARKS = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


class License:
    """A licence that never shows itself: ``repr`` has the fingerprint, and it can be neither pickled nor changed."""

    __slots__ = ("_app_id", "_fingerprint", "_tenant_id", "_text")

    _text: str
    _tenant_id: int | None
    _app_id: str | None
    _fingerprint: str

    def __init__(self, *, text: str, tenant_id: int | None = None, app_id: str | None = None) -> None:
        put = object.__setattr__
        put(self, "_text", text)
        put(self, "_tenant_id", tenant_id)
        put(self, "_app_id", app_id)
        put(self, "_fingerprint", hashlib.sha256(text.encode()).hexdigest()[:16])

    @classmethod
    def parse(cls, text: str | bytes, *, where: str = "") -> License:
        """Read either form; a byte order mark, surrounding white space and line breaks inside do not matter.

        Raises:
            LicenseError: it is neither form; ``hint`` says what was expected.
        """
        found = cls._attempt(text, where)
        del text  # a traceback may show the locals of its frames
        if isinstance(found, LicenseError):
            raise found
        return found

    @classmethod
    def load(cls, path: Path) -> License:
        """Read a licence file.

        Raises:
            LicenseError: it cannot be read, or holds neither form.
        """
        where = str(path)
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
            with os.fdopen(descriptor, "rb") as file:
                if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                    raise LicenseError("this is no plain file", code="license.file", where=where, hint=_FORMS)
                found = cls._attempt(file.read(MAX_LENGTH + 1), where)
        except OSError as error:
            raise LicenseError(
                f"the licence file cannot be read: {(error.strerror or 'unknown').lower()}",
                code="license.file",
                where=where,
                hint="check the path and its permissions",
            ) from error
        if isinstance(found, LicenseError):
            raise found
        return found

    @classmethod
    def issue(
        cls, private_key: RSAPrivateKey, *, prefix: str, tenant_id: int | None = None, app_id: str | None = None
    ) -> License:
        """A licence around a key; ``prefix`` is the 64 characters that clients skip (printable, no spaces)."""
        if len(prefix) != PREFIX_LENGTH or not re.fullmatch(r"[!-z|}~]+", prefix):
            raise LicenseError(
                f"a licence starts with {PREFIX_LENGTH} printable characters, and not with a brace",
                code="license.prefix",
            )
        der = private_key.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return cls(text=prefix + base64.b64encode(der).decode(), tenant_id=tenant_id, app_id=app_id)

    @property
    def tenant_id(self) -> int | None:
        """The tenant that the JSON form names."""
        return self._tenant_id

    @property
    def app_id(self) -> str | None:
        """The app that the JSON form names."""
        return self._app_id

    @property
    def fingerprint(self) -> str:
        """First 16 hexadecimal digits of the SHA-256 of the licence text: tells licences apart, gives nothing away."""
        return self._fingerprint

    def reveal(self) -> str:
        """The licence text as it is sent on the wire. Do not log it, store it in the open, or pass it in argv."""
        return self._text

    def to_json(self) -> str:
        """The JSON form. It is the secret itself: write it with ``certs.files.write_private``."""
        return json.dumps(
            {"TenantId": self._tenant_id, "AppId": self._app_id, "License": self._text}, ensure_ascii=False
        )

    def private_key(self) -> RSAPrivateKey:
        """The RSA key behind the 64 skipped characters: it unwraps the content keys of sealed packages.

        Raises:
            LicenseError: there is no such key in it, or it is too short or inconsistent.
        """
        found = _read_key(self._text)
        if not isinstance(found, RSAPrivateKey):
            code, what = found
            raise LicenseError(what, code=code, where=f"licence {self._fingerprint}", hint=_INSIDE)
        return found

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("a licence does not change")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError("a licence does not change")

    def __repr__(self) -> str:
        return f"License(fingerprint={self._fingerprint!r}, tenant_id={self._tenant_id!r}, app_id={self._app_id!r})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, License):
            return NotImplemented
        same_text = hmac.compare_digest(self._text.encode(), other._text.encode())
        return same_text and (self._tenant_id, self._app_id) == (other._tenant_id, other._app_id)

    def __hash__(self) -> int:
        return hash((self._fingerprint, self._tenant_id, self._app_id))

    def __copy__(self) -> License:
        return self

    def __deepcopy__(self, memo: object) -> License:
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a licence is not pickled: its text would leave the process; write to_json() to a private file")

    @classmethod
    def _attempt(cls, text: str | bytes, where: str) -> License | LicenseError:
        """The licence or what is wrong with it; the error comes without the frames and causes that hold the text."""
        try:
            plain = _decode(text, where)
            if not plain:
                raise LicenseError("the licence is empty", code="license.empty", where=where, hint=_FORMS)
            return cls._parse_json(plain, where) if plain.startswith("{") else cls(text=_bare(plain, where))
        except LicenseError as error:
            error.__context__ = error.__cause__ = None
            return error.with_traceback(None)

    @classmethod
    def _parse_json(cls, plain: str, where: str) -> License:
        try:
            fields = json.loads(plain)
        except (ValueError, RecursionError):
            fields = None  # the decoder's error keeps the whole document
        if not isinstance(fields, dict):
            raise LicenseError(
                "the licence starts like JSON and is not a JSON object", code="license.json", where=where, hint=_FORMS
            )
        folded = {str(name).casefold(): value for name, value in fields.items()}
        text = folded.get("license")
        if not isinstance(text, str) or not text.strip():
            raise LicenseError(
                'the licence\'s JSON has no text under "License"', code="license.json", where=where, hint=_FORMS
            )
        return cls(
            text=_bare(text.strip(), where),
            tenant_id=_tenant(folded.get("tenantid"), where),
            app_id=_app(folded.get("appid"), where),
        )


def _read_key(text: str) -> RSAPrivateKey | tuple[str, str]:
    """The key in a bare licence, or the code and the description of what is wrong with it."""
    body = text[PREFIX_LENGTH:]
    if not body:
        return "license.short", "the licence ends before its key"
    try:
        der = base64.b64decode(body, validate=True)
    except ValueError:
        return "license.base64", "the licence's key is not base64"
    try:
        # OpenSSL's own check proves both primes anew on every load: 44 ms for RSA-2048 and 250 ms for RSA-4096 on a
        # desktop core, ten times that on a board, for a key that an earlier process has loaded already. The library
        # warns that an unchecked key may hang or crash; what leads there is inconsistent numbers, and `_consistent`
        # tests every relation between them in 0.02 ms. What stays unproven is that both factors are prime: if they
        # are not, decryption gives other bytes, and OAEP's and GCM's tags refuse those.
        key = serialization.load_der_private_key(der, password=None, unsafe_skip_rsa_key_validation=True)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return "license.key", "the licence holds no PKCS#8 private key"
    if not isinstance(key, RSAPrivateKey):
        return "license.key", "the licence's key is not an RSA key"
    if key.key_size < MIN_KEY_BITS:
        return "license.weak", f"the licence's RSA key has only {key.key_size} bits"
    if not _consistent(key):
        return "license.key", "the licence's RSA key is damaged"
    return key


def _decode(text: str | bytes, where: str) -> str:
    if len(text) > MAX_LENGTH:
        raise LicenseError(
            f"the licence is longer than {MAX_LENGTH} bytes", code="license.long", where=where, hint=_FORMS
        )
    if isinstance(text, bytes):
        encoding = next((name for mark, name in _BYTE_ORDER_MARKS if text.startswith(mark)), "utf-8")
        try:
            text = text.decode(encoding)
        except UnicodeDecodeError:
            raise LicenseError("the licence is not text", code="license.text", where=where, hint=_FORMS) from None
    return text.lstrip("\ufeff").strip()


def _bare(text: str, where: str) -> str:
    """The licence on one line: editors and mail programs break long lines, which is undone here."""
    line = re.sub(r"[ \t]*[\r\n]+[ \t]*", "", text)
    if line.startswith(("-----BEGIN", "<")):
        what = "a PEM file" if line.startswith("-") else "a web page"
        raise LicenseError(f"this is {what}, not a licence", code="license.form", where=where, hint=_FORMS)
    if not all("!" <= character <= "~" for character in line):
        raise LicenseError(
            "the licence holds characters that no licence has", code="license.text", where=where, hint=_FORMS
        )
    return line


def _tenant(value: object, where: str) -> int | None:
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,19}", value.strip(), re.ASCII):
        return int(value)
    raise LicenseError('the licence\'s "TenantId" is not a whole number', code="license.json", where=where, hint=_FORMS)


def _app(value: object, where: str) -> str | None:
    if value is None:
        return None
    if isinstance(value, str) and value.strip():
        return value.strip()
    raise LicenseError('the licence\'s "AppId" is not a text', code="license.json", where=where, hint=_FORMS)


def _consistent(key: RSAPrivateKey) -> bool:
    """Whether all of the key's numbers belong together (RFC 8017, 3.2), primality aside."""
    numbers = key.private_numbers()
    p, q, d = numbers.p, numbers.q, numbers.d
    public = numbers.public_numbers
    n, e = public.n, public.e
    return (
        p > 2
        and q > 2
        and p != q
        and bool(p & q & e & 1)
        and 3 <= e < n
        and p * q == n
        and e * d % (p - 1) == 1
        and e * d % (q - 1) == 1
        and numbers.dmp1 == d % (p - 1)
        and numbers.dmq1 == d % (q - 1)
        and 0 < numbers.iqmp < p
        and numbers.iqmp * q % p == 1
    )
