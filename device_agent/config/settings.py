"""What the agent is told: options, environment, a TOML file, defaults, in this order of strength."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import msgspec

from device_agent.code_patterns import check, split
from device_agent.config.sources import Given, defaults, read_environment, read_file, read_options
from device_agent.errors import ConfigurationError
from device_agent.secret import Secret

SYSTEM_FILE = Path("/etc/avatar-agent/config.toml")


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything an operator can set; ``where(name)`` says what decided each value.

    Attributes:
        endpoint: address of the platform; ``https`` unless it is this machine itself.
        access_key_id: who signs; empty means the platform's own conventions are searched.
        tenant_id: number of the tenant; taken from the licence file when that holds one.
        app_id: id of the application; taken from the licence file when that holds one.
        license_file: the licence as it was downloaded or issued.
        device_id: id given by the operator; empty derives one from the hardware.
        tpm: device file of the TPM that this device's id is made from and its secrets are sealed to, ``/dev/tpmrm0``;
            empty asks none.
        ca_file: PEM file of an additional authority to trust, for every host.
        ca_files: host (or host:port) -> PEM file of an authority to trust in addition, for that host only.
        crl_urls: host (or host:port) -> address of the revocation list of its authority, which must be in ``ca_file``
            or ``ca_files``; that host is then spoken to only with a valid list.
        proxy: address of an HTTP proxy; ``none`` for none; empty takes the environment's.
        connect_timeout_s: seconds to wait for a connection.
        timeout_s: seconds to wait for each part of an answer.
        seat_full_codes: the platform's codes that mean "every seat is taken"; none is documented, so operators can add
            what they meet. An entry ``/.../`` is a regular expression, looked for in the code and in the message.
        not_bound_codes: the platform's codes by which ClientUnbindDevice says that the device held no seat.
        seat_lost_codes: the platform's codes by which ClientStart may say that the seat is not held any more: said
            twice, an hour apart, they make the device ask for its seat again.
        late_window_s: seconds in which a request without an answer may still be served: the signature's window of 15
            minutes and a margin.
        blank_window_s: the same for requests of an earlier installation, after the state folder was lost or wiped; left
            out, it is ``late_window_s``, but 0 where there can be none (see docs/lifecycle.md).
        offline_budget_s: seconds that an avatar may be shown without a successful licensed call, added up over
            restarts; 0 shows nothing while offline.
        cache_quota_bytes: room that avatars may take on disk, downloads included; those fetched longest ago go
            first, and never the one that is shown or the one before it.
        download_deadline_s: seconds that one download of a package may take altogether; it resumes next time.
        avatar: code of the avatar that ``avatar-agent run`` shows; empty keeps the one that was fetched last.
        fallback_picture: PNG, JPEG or WebP that the display shows when the device was offline for too long to show its
            avatar; without one it shows a card.
        health_socket: path of the Unix socket with health and metrics; empty takes ``health.sock`` in the run folder.
        health_port: port on this machine's loopback with the same; 0 for none.
        enroll_url: address of the EST server that certifies this device, up to ``/.well-known/est``.
        enroll_secret: what the EST server gave out for this device's first certificate; it works once.
        broker_url: address of the credential broker that the device's certificate opens.
        drive_url: address of the drive channel's websocket, which the token of a session opens; empty holds none.
        content_manifest: address of the operator's signed list of packages; with it no other package is taken.
        content_keys: PEM file of the Ed25519 public keys that may have signed it.
        content_threshold: how many different ones of those keys must have signed it.
        order_keys: PEM file of the Ed25519 public keys of headquarters; with it no order to leave counts unsigned.
        order_threshold: how many different ones of those keys must have signed an order.
        order_url: address at which an order for this device may lie; ``{device_id}`` in it is replaced.
        root: signed root of the operator's keys, which says whose signatures on lists and orders count; then neither
            ``content_keys`` nor ``order_keys`` may be set, nor their thresholds.
        root_url: address at which the roots after that one lie; ``{version}`` in it is replaced.
        render_data_names: our name -> the platform's name of a field of RenderData, where it differs.
        asset_limits: what one avatar may ask for: a name of ``renderer.assets.limits.Limits`` -> bytes or a number.
            They hold for fetched avatars and for files alike; ``--limit`` of a command comes before them.
        origins: setting -> what decided it.
    """

    endpoint: str
    state_dir: Path
    cache_dir: Path
    access_key_id: str = ""
    access_key_secret: Secret | None = None
    security_token: Secret | None = None
    tenant_id: int | None = None
    app_id: str = ""
    license_file: Path | None = None
    device_id: str = ""
    device_type: str = "largeScreen"
    tpm: str = ""
    ca_file: Path | None = None
    ca_files: dict[str, Path] = {}
    crl_urls: dict[str, str] = {}
    proxy: str = ""
    connect_timeout_s: float = 5.0
    timeout_s: float = 30.0
    seat_full_codes: tuple[str, ...] = ("ClientAuth.SeatLimit",)
    not_bound_codes: tuple[str, ...] = ("10010002",)
    seat_lost_codes: tuple[str, ...] = ("10010003",)
    late_window_s: float = 960.0
    blank_window_s: float | None = None
    offline_budget_s: float = 604800.0
    cache_quota_bytes: int = 4 * 1024**3
    download_deadline_s: float = 3600.0
    avatar: str = ""
    fallback_picture: Path | None = None
    health_socket: str = ""
    health_port: int = 0
    enroll_url: str = ""
    enroll_secret: Secret | None = None
    broker_url: str = ""
    drive_url: str = ""
    content_manifest: str = ""
    content_keys: Path | None = None
    content_threshold: int = 1
    order_keys: Path | None = None
    order_threshold: int = 1
    order_url: str = ""
    root: Path | None = None
    root_url: str = ""
    render_data_names: dict[str, str] = {}
    asset_limits: dict[str, int] = {}
    origins: dict[str, str] = {}

    @classmethod
    def load(
        cls,
        file: Path | None,
        *,
        environ: Mapping[str, str],
        overrides: Mapping[str, str],
        system_file: Path = SYSTEM_FILE,
    ) -> Self:
        """Put the settings together.

        Args:
            file: TOML file; ``None`` takes the user's or the system's file where there is one.
            environ: the environment; ``AVATAR_AGENT_<NAME>`` sets ``<name>``.
            overrides: command-line options, setting -> text; secrets are refused here.
            system_file: the file used when the user has none.

        Raises:
            ConfigurationError: a file that cannot be read, an unknown name, a value of the wrong kind.
        """
        known = cls.names()
        chosen: dict[str, Given] = {}
        for source in (
            defaults(environ),
            read_file(file, environ=environ, system_file=system_file),
            read_environment(environ, known=known),
            read_options(overrides),
        ):
            for given in source:
                if given.name not in known:
                    raise _unknown(given, known)
                chosen[given.name] = given
        return cls(
            **{name: _value(given) for name, given in chosen.items()},
            origins={name: chosen[name].origin if name in chosen else "default" for name in sorted(known)},
        )

    @classmethod
    def names(cls) -> frozenset[str]:
        """Everything that can be set."""
        return frozenset(name for name in cls.__struct_fields__ if name != "origins")

    def where(self, name: str) -> str:
        """What decided a setting: an option, a variable, a file, or the default."""
        return self.origins.get(name, "default")

    def shown(self) -> Iterator[tuple[str, str, str]]:
        """Name, printable value and origin of every setting; secrets stay hidden."""
        for name in self.__struct_fields__:
            if name != "origins":
                yield name, str(getattr(self, name)), self.where(name)


_FIELDS: Mapping[str, Any] = {field.name: field.type for field in msgspec.structs.fields(Settings)}
_PATHS = frozenset(name for name, kind in _FIELDS.items() if kind in (Path, Path | None))


def _value(given: Given) -> Any:
    kind = _FIELDS[given.name]
    try:
        if given.name in _PATHS:
            return given.base / Path(msgspec.convert(given.value, str)).expanduser()
        raw = given.value
        if isinstance(raw, str) and kind == tuple[str, ...]:
            raw = split(raw)
        elif isinstance(raw, str) and kind in (dict[str, str], dict[str, Path], dict[str, int]):
            raw = msgspec.json.decode(raw)
        if given.name == "seat_full_codes":
            check(msgspec.convert(raw, kind))
        if given.name in _BY_HOST:
            return _by_host(msgspec.convert(raw, dict[str, str]), given)
        value = msgspec.convert(raw, kind, strict=not given.is_text, dec_hook=_secret)
        if isinstance(value, int | float) and not _in_range(given.name, value):
            raise ValueError("out of range")
        return value
    except (msgspec.MsgspecError, ValueError, OverflowError, RuntimeError) as exc:
        # RuntimeError: too deep, or a path that begins with the ~ of a user who does not exist.
        # No reason from exc in the message: it may repeat a part of the value.
        raise ConfigurationError(
            f"setting {given.name} has a value of the wrong kind",
            code="config.value",
            where=given.origin,
            hint=f"it must be {_RANGES.get(given.name) or _WORDS.get(str(kind), 'text')}",
        ) from exc


_BY_HOST = frozenset({"ca_files", "crl_urls"})
_HOST = re.compile(r"(?:[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|[0-9a-f:]*:[0-9a-f:.]*:[0-9a-f:.]*)(?::[0-9]{1,5})?")


def _by_host(raw: Mapping[str, str], given: Given) -> dict[str, Any]:
    """A table by host, in lower case; files relative to where the table is, addresses http or https."""
    from urllib.parse import urlsplit  # here: most devices have no such table

    found: dict[str, Any] = {}
    for written, value in raw.items():
        host = written.lower()
        if not _HOST.fullmatch(host):
            raise ValueError("not a host")
        if given.name == "crl_urls":
            parts = urlsplit(value)
            if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
                raise ValueError("not an address")
            found[host] = value
        else:
            found[host] = given.base / Path(value).expanduser()
    return found


_MUST_PASS = frozenset(
    {"connect_timeout_s", "timeout_s", "download_deadline_s", "content_threshold", "order_threshold"}
)
"""Durations of nothing would mean that nothing ever works, no signature at all that everything counts; for the others
nothing is a choice.
"""


def _in_range(name: str, value: float) -> bool:
    if name == "health_port" and value > 65535:
        return False
    return math.isfinite(value) and (value > 0 if name in _MUST_PASS else value >= 0)


_RANGES = {
    "content_threshold": "a whole number of keys, 1 or more",
    "order_threshold": "a whole number of keys, 1 or more",
    "health_port": "a port from 1 to 65535, or 0 for none",
    "seat_full_codes": "codes, or regular expressions between slashes: of 200 characters at most, without repeated"
    ' groups, with two of * + { at most, as in seat_full_codes = ["1001", "/(?i)seats? .*full/"]',
}
_WORDS = {
    str(int | None): "a whole number, not negative",
    str(int): "a whole number, not negative",
    str(float): "a number of seconds, finite and not negative (a timeout: more than nothing)",
    str(float | None): "a number of seconds",
    str(dict[str, Path]): 'a table of hosts and PEM files, as in ca_files = {"host.example" = "ca.pem"}',
    str(dict[str, int]): "a table of names and whole numbers, as in asset_limits = {picture_pixels = 16777216}",
    str(dict[str, str]): "a table of names; crl_urls: hosts and http or https addresses without a login",
}


def _secret(kind: type, value: object) -> Secret:
    if kind is Secret and isinstance(value, str):
        return Secret(value)
    raise ValueError("a secret is text")


def _unknown(given: Given, known: frozenset[str]) -> ConfigurationError:
    near = difflib.get_close_matches(given.name, known, n=1)
    return ConfigurationError(
        f"there is no setting named {given.name.encode('unicode_escape').decode()[:80]}",
        code="config.unknown",
        where=given.origin,
        hint=f"did you mean {near[0]}?" if near else f"settings are {', '.join(sorted(known))}",
    )
