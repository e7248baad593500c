"""The avatar that is on this device, opened into memory; needs no network."""

from __future__ import annotations

from device_agent.avatars.cache import AvatarCache
from device_agent.config import Settings
from device_agent.errors import StateError
from device_agent.lifecycle.held import require_shown
from device_agent.lifecycle.journal import load
from device_agent.lifecycle.keyring import read_with
from device_agent.lifecycle.licenses import license_for
from device_agent.lifecycle.vault import AVATARS, Vault


def open_avatar(settings: Settings, code: str | None) -> dict[str, bytes]:
    """The files of a fetched avatar, decrypted into memory; nothing is written.

    Args:
        code: the avatar's code; ``None`` takes the one that was fetched last.

    Raises:
        StateError: the device holds no seat, or the avatar was not fetched.
        LicenseRefused: the licence was refused, or the device was offline for longer than it may be.
        PackageError: the package on this device has been damaged.
        ConfigurationError: the TPM that the licence is sealed to cannot be asked now.
        SealError: what it sealed cannot be opened any more.
    """
    keyring = read_with(settings)
    record = require_shown(load(settings.state_dir, keyring=keyring).record, budget_s=settings.offline_budget_s)
    code = code or record.content.active
    if not code:
        raise StateError("no avatar was fetched yet", code="state.no_avatar", hint="fetch one: avatar-agent fetch CODE")
    package = AvatarCache(settings.cache_dir / AVATARS).cached(code)
    if package is None:
        raise StateError(
            f"the avatar {code} is not on this device", code="state.no_avatar", hint=f"avatar-agent fetch {code}"
        )
    return package.open(license_for(Vault(settings.state_dir, cover=keyring), package.data))
