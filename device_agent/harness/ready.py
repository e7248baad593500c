"""What a stand-in says when it is ready, and the settings file it writes for an agent."""

from __future__ import annotations

import json
import os
import secrets
from contextlib import suppress
from pathlib import Path

import msgspec

from device_agent.errors import ConfigurationError


class Ready(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The one line of JSON that ``avatar-agent harness serve`` prints.

    Attributes:
        ca_file: the authority to trust; with TLS or an office only.
        content_manifest, content_keys: with a signed list of the packages only.
        root, root_url: with a root of keys only; an agent then needs neither of the files of keys.
        est_url, broker_url, crl_url, enroll_secret: with an office only; the secret is good for one device.
        order_keys, order_url: with an office only; by whose orders devices leave, and where they can be fetched.
    """

    endpoint: str
    im_url: str
    admin_url: str
    access_key_id: str
    access_key_secret: str
    tenant_id: int
    app_id: str
    license_file: str
    avatar_codes: list[str]
    ca_file: str = ""
    est_url: str = ""
    broker_url: str = ""
    crl_url: str = ""
    enroll_secret: str = ""
    order_keys: str = ""
    order_url: str = ""
    content_manifest: str = ""
    content_keys: str = ""
    root: str = ""
    root_url: str = ""

    def __repr__(self) -> str:
        return f"Ready(endpoint={self.endpoint!r}, tenant_id={self.tenant_id!r}, app_id={self.app_id!r})"

    def line(self) -> str:
        """The line, without its end."""
        return msgspec.json.encode(self).decode()


def write_settings(path: Path, ready: Ready) -> None:
    """A settings file for an agent that works against this stand-in; mode 0600, its folders beside it. With an office
    it holds no access key: the device's certificate opens the broker.

    Raises:
        ConfigurationError: it cannot be written.
    """
    beside = path.absolute().parent
    settings: dict[str, str | int] = {
        "endpoint": ready.endpoint,
        "tenant_id": ready.tenant_id,
        "app_id": ready.app_id,
        "license_file": ready.license_file,
        "drive_url": ready.im_url,
        "state_dir": str(beside / "state"),
        "cache_dir": str(beside / "cache"),
    }
    if ready.est_url:
        settings |= {"enroll_url": ready.est_url, "enroll_secret": ready.enroll_secret, "broker_url": ready.broker_url}
        settings |= {"order_keys": ready.order_keys, "order_url": ready.order_url}
    else:
        settings |= {"access_key_id": ready.access_key_id, "access_key_secret": ready.access_key_secret}
    if ready.content_manifest:
        settings |= {"content_manifest": ready.content_manifest, "content_keys": ready.content_keys}
    if ready.root:
        settings = {name: value for name, value in settings.items() if name not in ("content_keys", "order_keys")}
        settings |= {"root": ready.root, "root_url": ready.root_url}
    if ready.ca_file:
        settings["ca_file"] = ready.ca_file
    # A JSON text or number is a TOML one as well, as long as non-ASCII stays as it is and DEL does not occur.
    lines = [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in settings.items()]
    _write(path, "\n".join(lines) + "\n")


def _write(path: Path, text: str) -> None:
    """One rename, mode 0600. The folder may be one that others can enter: people write this file into a project."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.new")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
            temporary.replace(path)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise
    except OSError as error:
        raise ConfigurationError(
            f"the settings file cannot be written: {(error.strerror or 'unknown').lower()}",
            code="harness.settings",
            where=str(path),
            hint="give --settings a path in a folder that this user may write",
        ) from error
