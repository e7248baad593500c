"""Opening a package for the screen: whether it may be shown is the table's to say, and not asked here again."""

from __future__ import annotations

from pathlib import Path

from device_agent.avatars.cache import AvatarCache
from device_agent.errors import StateError
from device_agent.lifecycle.keyring import reading
from device_agent.lifecycle.licenses import license_for
from device_agent.lifecycle.vault import AVATARS, Vault
from device_agent.tpm.sealing import Sealer


def open_files(state_dir: Path, cache_dir: Path, *, code: str, sha256: str, tpm: str = "") -> dict[str, bytes]:
    """The files of a package, decrypted into memory.

    Args:
        tpm: as in the settings: what the licence is sealed to.

    Raises:
        StateError: it is not here any more, or its licence is not.
        PackageError, LicenseError: it does not open.
        ConfigurationError: it cannot be read, or the TPM cannot be asked now.
        SealError: what the TPM has sealed cannot be opened any more.
    """
    cache = AvatarCache(cache_dir / AVATARS)
    here = (package for package in (cache.cached(code), cache.previous(code)) if package is not None)
    package = next((package for package in here if package.sha256 == sha256), None)
    if package is None:
        raise StateError(f"this package of {code} is not on this device any more", code="display.gone")
    keyring = reading(state_dir, sealer=Sealer(Path(tpm)) if tpm else None)
    return package.open(license_for(Vault(state_dir, cover=keyring), package.data))
