"""What a device may do with the seat it holds; needs no network and imports none."""

from __future__ import annotations

from certs.license import License
from device_agent.errors import LicenseRefused, StateError
from device_agent.lifecycle.budget import is_spent, may_show
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


def require_shown(record: Record, *, budget_s: float) -> Record:
    """The record of a device whose avatar may be on the screen.

    Raises:
        LicenseRefused: its licence was refused, or it was offline for longer than it may.
        StateError: it holds no seat.
    """
    if may_show(record, budget_s=budget_s):
        return record
    if record.phase is Phase.LOCKED or is_spent(record.contact.offline_s, budget_s=budget_s):
        raise LicenseRefused(
            "this device was offline for longer than it may be",
            code="license.offline",
            hint="connect it, then: avatar-agent start",
        )
    return require_seat(record)


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
