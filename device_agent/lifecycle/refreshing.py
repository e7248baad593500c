"""Another token of LicenseAuth, for a device that holds its seat."""

from __future__ import annotations

from device_agent.api.retry import NEVER
from device_agent.config import Secret
from device_agent.errors import LicenseRefused
from device_agent.lifecycle.device import Device
from device_agent.lifecycle.held import kept_license, require_seat
from device_agent.lifecycle.licenses import license_to_ask_with
from device_agent.lifecycle.machine import Phase
from device_agent.lifecycle.showing import license_ended, licensed
from device_agent.lifecycle.token import take
from device_agent.spec.client_render import LicenseAuth


def refresh(device: Device) -> bool:
    """Ask for another token, with the licence that holds the seat; whether one came. The one that is here stays.

    One request: there is no hurry, and whoever asks comes again.

    Raises:
        StateError: the device holds no seat, or the copy of its licence is gone.
        LicenseRefused: the order ended, which moves the device as it does for ClientStart; or the licence is refused.
        NetworkError, PlatformError: from the platform.
    """
    record = require_seat(device.journal.record)
    license_ = license_to_ask_with(device.vault, record) or kept_license(device.vault)
    request = LicenseAuth(tenant_id=record.tenant_id, app_id=record.app_id, license=license_.reveal())
    with device.watch.step("LicenseAuth") as note:
        try:
            answer = device.call(request, retry=NEVER)
        except LicenseRefused as error:
            license_ended(device, error)
            raise
        token = answer.data.token if answer.data is not None else None
        note.request_id = answer.request_id
        note.result = "token renewed" if token else "no token came"
    if token:
        take(device.vault, Secret(token), now=device.now())
    record = device.journal.record
    if record.contact.offline_s or record.phase is Phase.LOCKED:  # else the record says already that all is well
        licensed(device, record)
    return bool(token)
