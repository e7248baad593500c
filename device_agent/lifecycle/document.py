"""Documents that an operator signs, as they are fetched: their keys, and small files from addresses of the settings."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from urllib.parse import urlsplit

from device_agent.api.endpoint import is_loopback
from device_agent.api.faults import WHOLE
from device_agent.config import Settings
from device_agent.errors import ConfigurationError, NetworkError, NotThePlatform
from device_agent.lifecycle.device import Device
from device_agent.plain_file import read_plain

LONGEST_PEM = 1024 * 1024


def pem_of(file: Path, *, setting: str, code: str) -> bytes:
    """What is in a file of public keys.

    Raises:
        ConfigurationError: it cannot be read.
    """
    try:
        pem, _mode = read_plain(file, limit=LONGEST_PEM)
    except OSError as error:
        raise ConfigurationError(
            f"the operator's keys cannot be read: {(error.strerror or type(error).__name__).lower()}",
            code=code,
            where=str(file),
            hint=f"{setting} names a PEM file of Ed25519 public keys",
        ) from error
    return pem


def check_threshold(settings: Settings, setting: str, *, keys: int, code: str) -> None:
    """Refuse a threshold that cannot be reached.

    Raises:
        ConfigurationError: it is above the number of different keys.
    """
    threshold = getattr(settings, setting)
    if threshold > keys:
        raise ConfigurationError(
            f"{setting} is {threshold}, and there {'is 1 key' if keys == 1 else f'are {keys} different keys'}",
            code=code,
            where=settings.where(setting),
            hint="name a file with more keys, or lower it",
        )


def check_address(settings: Settings, setting: str, *, code: str) -> None:
    """Refuse plain http, but for this machine itself.

    Raises:
        ConfigurationError: the address is not https.
    """
    try:
        parts = urlsplit(str(getattr(settings, setting)))
        good = bool(parts.hostname) and (
            parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))
        )
    except ValueError:
        good = False
    if not good:
        raise ConfigurationError(
            f"{setting} must be an https address", code=code, where=settings.where(setting), hint="use https"
        )


def fetched(
    device: Device, address: str, *, what: str, setting: str, longest: int, none: Collection[int] = ()
) -> bytes | None:
    """A small document; at most one byte more than ``longest``, by which its reader sees that it is too long.

    Args:
        none: statuses that say that there is none.

    Raises:
        NetworkError: it does not come, or not in time.
        NotThePlatform: something else is there.
    """
    settings, data = device.settings, bytearray()
    ends = device.clock.steady() + WHOLE * settings.timeout_s
    with device.client.web.get(
        address,
        headers={"accept-encoding": "identity"},
        connect_s=settings.connect_timeout_s,
        timeout_s=settings.timeout_s,
    ) as answer:
        if answer.status in none:
            return None
        if answer.status != 200:
            elsewhere = 300 <= answer.status < 400
            raise NotThePlatform(
                f"the {what} is not there (HTTP {answer.status})",
                code="network.redirect" if elsewhere else "network.not_the_platform",
                where=shown(address),
                hint=f"check {setting}; a redirect is not followed",
            )
        for piece in answer.pieces():
            data += piece
            if len(data) > longest:
                break
            if device.clock.steady() > ends:
                raise NetworkError(
                    f"the {what} takes too long", code="network.timeout", where=shown(address),
                    hint="check the network; timeout_s can be set",
                )  # fmt: skip
    return bytes(data[: longest + 1])


def shown(address: str) -> str:
    """An address without login and query."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
