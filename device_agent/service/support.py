"""The bundle for support: what was found, the settings without secrets, versions; every text goes through a scrubber.

Nothing is copied from the secrets, the cache, or a log. What is in the bundle was chosen, not left over.
"""

from __future__ import annotations

import io
import json
import platform
import socket
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

from device_agent.config import Settings
from device_agent.errors import ConfigurationError
from device_agent.lifecycle.journal import load
from device_agent.plain_file import write_new
from device_agent.service.finding import Finding
from device_agent.service.scrubber import scrub

_PACKAGES = ("avatar-device-agent", "cryptography", "httpx", "msgspec", "moderngl", "numpy", "pyopenssl")
_SHOWN = (
    "endpoint", "app_id", "device_type", "proxy", "connect_timeout_s", "timeout_s", "late_window_s", "blank_window_s",
    "offline_budget_s", "cache_quota_bytes", "avatar", "health_port", "enroll_url", "broker_url", "content_manifest",
    "content_threshold", "order_threshold", "root_url",
)  # fmt: skip
"""Settings that a bundle shows; a new one is left out until somebody thought about it."""


@dataclass(frozen=True, kw_only=True)
class Page:
    """One file of a bundle, as it would be written.

    Attributes:
        scrubbed: how many of each kind were taken out of it; see ``scrub``.
    """

    name: str
    data: bytes = field(repr=False)
    scrubbed: Mapping[str, int]


def pages(*, findings: Sequence[Finding], settings: Settings | None) -> tuple[Page, ...]:
    """What a bundle would hold, so that it can be looked at before it is written."""
    files = {
        "findings.txt": "".join(f"{f.level.name:<8} {f.check:<12} {f.says}\n" for f in findings),
        "versions.json": json.dumps(_versions(), indent=1),
    }
    if settings is not None:
        shown = {name: str(getattr(settings, name)) for name in _SHOWN}
        files["settings.json"] = json.dumps(shown, indent=1)
        files["state.json"] = json.dumps(_state(settings), indent=1)
    names = _names(settings) if settings is not None else ()
    found = []
    for name, text in files.items():
        text, counts = scrub(text, hostname=socket.gethostname(), names=names)
        found.append(Page(name=name, data=text.encode(), scrubbed=counts))
    return tuple(found)


def write_bundle(path: Path, bundle: Sequence[Page]) -> None:
    """Write the archive, mode 0600.

    Raises:
        ConfigurationError: it cannot be written, or is there already.
    """
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for page in bundle:
            entry = tarfile.TarInfo(f"avatar-agent/{page.name}")
            entry.size, entry.mode = len(page.data), 0o600
            archive.addfile(entry, io.BytesIO(page.data))
    try:
        write_new(path, packed.getvalue())
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
