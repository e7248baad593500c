"""Which tenant, application and licence the device works for: settings and licence file, brought together."""

from __future__ import annotations

from dataclasses import dataclass

from certs.license import License
from device_agent.api.endpoint import is_same_platform
from device_agent.config import Settings
from device_agent.errors import ConfigurationError, LicenseRefused
from device_agent.lifecycle.licenses import license_to_ask_with
from device_agent.lifecycle.record import Record
from device_agent.lifecycle.vault import Vault


@dataclass(frozen=True, kw_only=True)
class Account:
    """What every licensed call names."""

    tenant_id: int
    app_id: str
    license: License


def account_of(settings: Settings, *, vault: Vault, record: Record) -> Account:
    """The account that the settings describe; a copy in the vault serves when no licence file is set.

    Raises:
        ConfigurationError: something is missing.
        LicenseRefused: the licence says that it belongs to another tenant or application.
        LicenseError: the licence cannot be read.
    """
    license_ = _license(settings, vault, record)
    tenant_id = license_.tenant_id if settings.tenant_id is None else settings.tenant_id
    app_id = settings.app_id or license_.app_id or ""
    if tenant_id is None or not app_id:
        missing = "tenant_id" if tenant_id is None else "app_id"
        raise ConfigurationError(
            f"the setting {missing} is missing, and the licence file does not name it",
            code="config.missing",
            where=str(settings.license_file or ""),
            hint=f"set {missing} (--{missing.replace('_', '-')}, the settings file, or AVATAR_AGENT_{missing.upper()})",
        )
    for name, wanted, stated in (
        ("tenant_id", tenant_id, license_.tenant_id),
        ("app_id", app_id, license_.app_id),
    ):
        if stated is not None and stated != wanted:
            raise LicenseRefused(
                f"the licence belongs to another {'tenant' if name == 'tenant_id' else 'application'} than the settings"
                f" name ({name})",
                code="license.other_account",
                where=str(settings.license_file or f"licence {license_.fingerprint}"),
                hint=f"{name} comes from {settings.where(name)}; use the licence of that application, or leave"
                f" {name} out and let the licence file decide",
            )
    return Account(tenant_id=tenant_id, app_id=app_id, license=license_)


def is_held_elsewhere(record: Record, settings: Settings) -> bool:
    """Whether this device may hold its seat at another platform than the settings name: what that one says about its id
    is no word about the seat, which would stay taken.
    """
    if not record.endpoint or record.bind.attempts == 0:
        return False
    if record.bound is None and record.bind.outcome.startswith("refused"):
        return False
    return not is_same_platform(record.endpoint, settings.endpoint)


def _license(settings: Settings, vault: Vault, record: Record) -> License:
    if settings.license_file is not None:
        return License.load(settings.license_file)
    kept = license_to_ask_with(vault, record)
    if kept is None:
        raise ConfigurationError(
            "the setting license_file is missing: nothing says which licence to use",
            code="config.missing",
            hint="name the licence file with --license, in the settings file, or in AVATAR_AGENT_LICENSE_FILE",
        )
    return kept
