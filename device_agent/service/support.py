"""The bundle for support: what was found, the settings without secrets, versions; every text goes through a scrubber.

Nothing is copied from the secrets, the cache, or a log. What is in the bundle was chosen, not left over.
"""

from __future__ import annotations

import io
import ipaddress
import json
import os
import platform
import re
import socket
import tarfile
from collections.abc import Collection, Sequence
from importlib import metadata
from pathlib import Path

from device_agent.config import Settings
from device_agent.errors import ConfigurationError
from device_agent.lifecycle.journal import load
from device_agent.log import redacted
from device_agent.service.checkup import Finding

_ADDRESSES = (
    (re.compile(r"\b(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}\b", re.IGNORECASE), "<mac>"),
    (re.compile(r"\b(?!127\.)(?:\d{1,3}\.){3}\d{1,3}\b"), "<ip>"),
    (re.compile(r"[\w.+-]{1,64}@[\w-]{1,64}\.[\w.-]+"), "<e-mail>"),
)
_HOME = re.compile(r"(?<![\w/])/home/[^/\s,;:'\")]+")
_COLONS = re.compile(r"[0-9a-f]{0,4}:[0-9a-f:]{0,40}:[0-9a-f:.]{0,40}", re.IGNORECASE)
_PACKAGES = ("avatar-device-agent", "cryptography", "httpx", "msgspec", "moderngl", "numpy", "pyopenssl")
_SHOWN = (
    "endpoint", "app_id", "device_type", "proxy", "connect_timeout_s", "timeout_s", "late_window_s", "blank_window_s",
    "offline_budget_s", "cache_quota_bytes", "avatar", "health_port", "enroll_url", "broker_url", "content_manifest",
)  # fmt: skip
"""Settings that a bundle shows; a new one is left out until somebody thought about it."""


def scrubbed(text: str, *, hostname: str = "", names: Collection[str] = ()) -> str:
    """The text without addresses, e-mails, this machine's name, people's folders, logins in addresses, long opaque
    strings, and whole words of ``names``.
    """
    text = _HOME.sub("/home/<user>", redacted(text))
    for name in filter(None, names):
        text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", "<id>", text)
    for pattern, instead in _ADDRESSES:
        text = pattern.sub(instead, text)
    text = _COLONS.sub(_unless_it_is_a_time, text)
    if len(hostname) > 2:
        text = re.sub(rf"\b{re.escape(hostname)}\b", "<host>", text)
    return text


def _unless_it_is_a_time(found: re.Match[str]) -> str:
    try:
        ipaddress.IPv6Address(found[0])
    except ValueError:
        return found[0]
    return "<ip>"


def write_bundle(path: Path, *, findings: Sequence[Finding], settings: Settings | None) -> None:
    """Write the archive, mode 0600.

    Raises:
        ConfigurationError: it cannot be written, or is there already.
    """
    files = {
        "findings.txt": "".join(f"{f.level.name:<8} {f.check:<12} {f.says}\n" for f in findings),
        "versions.json": json.dumps(_versions(), indent=1),
    }
    if settings is not None:
        shown = {name: str(getattr(settings, name)) for name in _SHOWN}
        files["settings.json"] = json.dumps(shown, indent=1)
        files["state.json"] = json.dumps(_state(settings), indent=1)
    names = _names(settings) if settings is not None else ()
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as out, tarfile.open(fileobj=out, mode="w:gz") as archive:
            for name, text in files.items():
                data = scrubbed(text, hostname=socket.gethostname(), names=names).encode()
                entry = tarfile.TarInfo(f"avatar-agent/{name}")
                entry.size, entry.mode = len(data), 0o600
                archive.addfile(entry, io.BytesIO(data))
    except OSError as error:
        raise ConfigurationError(
            f"the bundle cannot be written: {(error.strerror or 'unknown').lower()}",
            code="doctor.bundle",
            where=str(path),
            hint="name a new file in a folder that can be written",
        ) from error


def _names(settings: Settings) -> tuple[str, ...]:
    """What names the device and its tenant."""
    record = load(settings.state_dir).record
    tenants = {str(found) for found in (settings.tenant_id, record.tenant_id) if found}
    return (record.device_id, settings.device_id, *tenants)


def _state(settings: Settings) -> dict[str, object]:
    """Of the record: how far things are, and nothing that names the device, the tenant, or the machine."""
    loaded = load(settings.state_dir)
    record = loaded.record
    return {
        "phase": str(record.phase),
        "generation": record.gen,
        "damaged": list(loaded.damaged),
        "id_source": record.id_source,
        "hardware_parts_known": sum(map(bool, record.hw_print)),
        "bind": {"attempts": record.bind.attempts, "outcome": record.bind.outcome},
        "bind_request_id": record.bound.request_id if record.bound else "",
        "unbind_request_ids": list(record.unbind.request_ids) if record.unbind else [],
        "blocked": record.blocked,
        "offline_s": record.contact.offline_s,
        "clock_offset_s": record.contact.offset_s,
        "avatars": len(record.content.packages),
    }


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version(), "system": platform.platform()}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found
