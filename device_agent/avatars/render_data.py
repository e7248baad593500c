"""RenderData: what Render3dAvatar answers about an avatar, read through one mapping that an operator can override.

The platform documents only that it is "JSON as a string". The names below follow the asset parameters of the vendor's
public web renderer (url, secret, type) plus what a careful client needs (sha256, size, version); the raw text is kept.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn
from urllib.parse import urlsplit, urlunsplit

import msgspec

from certs.secret import SecretText
from device_agent.errors import ConfigurationError, PackageError

DEFAULT_NAMES: Mapping[str, str] = {name: name for name in ("url", "secret", "type", "sha256", "size", "version")}
"""Our field to the platform's name for it; a value that starts with ``/`` is a JSON pointer (RFC 6901)."""

DEFAULT_TYPE = "AVATAR_3D_TRADITIONAL"
MAX_LENGTH = 256 * 1024

_LOOPBACK = re.compile(r"localhost|127(?:\.\d{1,3}){3}|::1")
_FETCH_AGAIN = (
    "fetch the avatar again; if it stays, the platform's RenderData has other names: map them in the settings"
)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class RenderData:
    """Where an avatar's package is and what opens it.

    Attributes:
        url: address of the package; hidden when printed, because its query may carry a signature (see ``address``).
        secret: base64 of the content key, bare or wrapped for the licence's key; hidden when printed; may be empty.
        type: ``AVATAR_3D_TRADITIONAL`` or ``AVATAR_2D_MOBILE``.
        sha256: expected hash of the sealed package, lower-case hexadecimal; None if the platform gave none.
        size: expected length of the sealed package in bytes; None if the platform gave none.
        version: the platform's own name of this version; may be empty.
        raw: the text as it came; hidden when printed.
    """

    url: str
    secret: str
    type: str = DEFAULT_TYPE
    sha256: str | None = None
    size: int | None = None
    version: str = ""
    raw: str

    def __post_init__(self) -> None:
        for name in ("url", "secret", "raw"):
            object.__setattr__(self, name, SecretText(getattr(self, name)))

    @classmethod
    def parse(cls, raw: str, *, names: Mapping[str, str] | None = None) -> RenderData:
        """Read the platform's text; ``names`` overrides entries of ``DEFAULT_NAMES``.

        Raises:
            PackageError: it is not JSON, has no usable address, or a value has a wrong form.
            ConfigurationError: ``names`` has a field that does not exist.
        """
        unknown = sorted(set(names or ()) - set(DEFAULT_NAMES))
        if unknown:
            raise ConfigurationError(
                f"RenderData has no field {', '.join(unknown)}",
                code="render_data.names",
                hint=f"the fields are {', '.join(DEFAULT_NAMES)}",
            )
        document = _document(raw)
        found = {field: _look_up(document, name) for field, name in {**DEFAULT_NAMES, **(names or {})}.items()}
        data = cls(
            url=_text("url", found["url"]),
            secret=_text("secret", found["secret"]),
            type=_text("type", found["type"]) or DEFAULT_TYPE,
            sha256=_hash(found["sha256"]),
            size=_size(found["size"]),
            version=_version(found["version"]),
            raw=raw,
        )
        data.check_url()
        return data

    @property
    def address(self) -> str:
        """The address without its query, fragment and login: fit for messages and logs."""
        parts = urlsplit(_plain(self.url))
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
        return urlunsplit((parts.scheme, f"{host}:{parts.port}" if parts.port else host, parts.path, "", ""))

    def held_to(self, *, sha256: str, size: int) -> RenderData:
        """The same, with a hash and a length that somebody else vouches for."""
        secrets = {name: _plain(getattr(self, name)) for name in ("url", "secret", "raw")}
        return RenderData(type=self.type, sha256=sha256, size=size, version=self.version, **secrets)

    def check_url(self) -> None:
        """Whether the package may be fetched from its address.

        Raises:
            PackageError: the address is unusable, or plain http with no hash to check the package by.
        """
        url = _plain(self.url)
        try:
            parts = urlsplit(url)
            usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            usable = False
            parts = urlsplit("")
        if not usable or not url.isprintable() or " " in url:
            _refuse("the package's address is missing or no http(s) address", "render_data.url")
        if parts.scheme == "http" and self.sha256 is None and not _LOOPBACK.fullmatch(parts.hostname or ""):
            raise PackageError(
                "the package would come over plain http without a sha256 to check it by",
                code="render_data.unverifiable",
                where=self.address,
                hint="the platform must give an https address or a sha256",
            )

    def __repr__(self) -> str:
        shown = f"type={self.type!r}, sha256={self.sha256!r}, size={self.size!r}, version={self.version!r}"
        return f"RenderData(address={self.address!r}, {shown})"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("RenderData is not pickled: it holds the secret that opens the package")


def _plain(text: str) -> str:
    return text.reveal() if isinstance(text, SecretText) else text


def _refuse(what: str, code: str) -> NoReturn:
    raise PackageError(what, code=code, where="RenderData", hint=_FETCH_AGAIN)


def _document(raw: str) -> Mapping[str, object]:
    if len(raw) > MAX_LENGTH:
        _refuse(f"the text is longer than {MAX_LENGTH} characters", "render_data.long")
    try:
        document = msgspec.json.decode(raw.strip().encode())
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        document = None  # no cause is kept: it may quote the text
    if not isinstance(document, dict):
        _refuse("the text is not a JSON object", "render_data.json")
    return document


def _look_up(document: Mapping[str, object], name: str) -> object:
    if not name.startswith("/"):
        return document.get(name)
    value: object = document
    for token in name[1:].split("/"):
        key = token.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict):
            value = value.get(key)
        elif isinstance(value, list) and key.isdecimal() and int(key) < len(value):
            value = value[int(key)]
        else:
            return None
    return value


def _text(field: str, value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        _refuse(f'"{field}" is not a text', f"render_data.{field}")
    return value.strip()


def _hash(value: object) -> str | None:
    text = _text("sha256", value).lower()
    if text and not re.fullmatch(r"[0-9a-f]{64}", text):
        _refuse('"sha256" is not 64 hexadecimal digits', "render_data.sha256")
    return text or None


def _size(value: object) -> int | None:
    if value is None or value == "":
        return None
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,18}", value.strip(), re.ASCII):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
        _refuse('"size" is not a number of bytes', "render_data.size")
    return value


def _version(value: object) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return _text("version", value)
