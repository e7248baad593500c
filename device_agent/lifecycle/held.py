"""What a device may do with the seat it holds; needs no network and imports none."""

from __future__ import annotations

from certs.license import License
from device_agent.errors import LicenseRefused, StateError
from device_agent.lifecycle.machine import HOLDS_SEAT, LEAVING, Phase
from device_agent.lifecycle.record import Record
from device_agent.lifecycle.vault import Vault


def require_seat(record: Record) -> Record:
    """The record of a device that holds a seat.

    Raises:
        LicenseRefused: its licence was refused when it last asked.
        StateError: it holds none.
    """
    if record.phase in HOLDS_SEAT:
        return record
    if record.phase is Phase.LICENSE_BLOCKED:
        raise LicenseRefused(
            f"the licence of this device was refused ({record.blocked})",
            code="license.blocked",
            hint="renew it, then: avatar-agent bind",
        )
    if record.phase in LEAVING:
        raise StateError("this device is being unbound", code="state.leaving", hint="finish that: avatar-agent unbind")
    raise StateError("this device is not bound", code="state.not_bound", hint="bind it: avatar-agent bind")


def kept_license(vault: Vault) -> License:
    """The licence this device was bound with.

    Raises:
        StateError: its copy is gone.
    """
    kept = vault.license()
    if kept is None:
        raise StateError(
            "the copy of the licence is gone from the state folder",
            code="state.license_gone",
            hint="bind again: avatar-agent unbind, then avatar-agent bind",
        )
    return License.parse(kept.reveal(), where="the copy in the state folder")
