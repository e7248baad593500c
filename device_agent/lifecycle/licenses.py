"""Which licence counts. One that has not worked yet never takes the place of one that has.

A new licence waits beside the one in force until ClientAuth has succeeded with it; the record says so (``bound``)
before the files follow. The one before stays until an avatar is here that opens with the new one: RenderData wraps an
avatar's key for one licence.
"""

from __future__ import annotations

from contextlib import suppress

from certs.errors import LicenseError
from certs.license import License
from device_agent.avatars.package import content_key
from device_agent.avatars.render_data import RenderData
from device_agent.errors import PackageError
from device_agent.lifecycle.held import kept_license
from device_agent.lifecycle.machine import HOLDS_SEAT, Phase
from device_agent.lifecycle.record import Record
from device_agent.lifecycle.vault import Vault

WHERE = "the copy in the state folder"


def license_to_ask_with(vault: Vault, record: Record) -> License | None:
    """The copy that the next call names when no licence file is set; ``None`` when there is none.

    The seat that is held decides; without one it is the new licence's turn, and after its refusal the turn of the one
    in force, and so on: no refusal makes a device forget either.

    Raises:
        LicenseError: the copy in force cannot be read.
    """
    new = _readable(vault)
    if new is None:
        kept = vault.license()
        return None if kept is None else License.parse(kept.reveal(), where=WHERE)
    if record.phase in HOLDS_SEAT:
        takes = _has_worked(record, new)
    else:
        takes = not (record.phase is Phase.LICENSE_BLOCKED and record.license_fp == new.fingerprint)
    return new if takes else kept_license(vault)


def offer(vault: Vault, record: Record, license_: License) -> None:
    """Keep a licence that is about to ask for a seat; the one in force stays until this one has worked."""
    settle(vault, record)
    text = license_.to_json()
    kept = vault.license()
    if kept is None or kept.reveal() == text:
        vault.put_license(text)
    else:
        vault.put_new_license(text)


def settle(vault: Vault, record: Record) -> None:
    """Put a new licence in force that has worked, as the record says; may be repeated, and cut off, anywhere."""
    new = vault.new_license()
    if new is None or record.phase not in HOLDS_SEAT:
        return
    parsed, kept = _readable(vault), vault.license()
    if parsed is not None and _has_worked(record, parsed):
        if vault.previous_license() is None and kept is not None and kept != new:
            vault.put_previous_license(kept.reveal())
        vault.put_license(new.reveal())
    vault.forget_new_license()  # in force now, or the one in force took the seat instead


def fetched(vault: Vault, record: Record, data: RenderData) -> None:
    """An avatar came and was verified: the licence before is not needed any more, if the one in force opens it."""
    if vault.previous_license() is None:
        return
    settle(vault, record)
    if _opens(kept_license(vault), data):
        vault.forget_previous_license()


def license_for(vault: Vault, data: RenderData) -> License:
    """Of the licences that are kept, the one that this avatar's key is wrapped for.

    Raises:
        StateError: the copy of the licence is gone.
    """
    in_force = kept_license(vault)
    others = [text for text in (vault.new_license(), vault.previous_license()) if text is not None]
    if not others or _opens(in_force, data):
        return in_force
    for text in others:
        with suppress(LicenseError):
            other = License.parse(text.reveal(), where=WHERE)
            if _opens(other, data):
                return other
    return in_force  # its refusal says why


def _opens(license_: License, data: RenderData) -> bool:
    try:
        content_key(data, license_)
    except (PackageError, LicenseError):
        return False
    return True


def _has_worked(record: Record, license_: License) -> bool:
    return record.bound is not None and record.bound.license_fp == license_.fingerprint


def _readable(vault: Vault) -> License | None:
    """The new licence; one that a disk has damaged counts as none."""
    text = vault.new_license()
    if text is None:
        return None
    try:
        return License.parse(text.reveal(), where=WHERE)
    except LicenseError:
        return None
