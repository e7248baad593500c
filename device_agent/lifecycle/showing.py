"""Using the seat: a session, and the avatar that it shows."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import msgspec

from device_agent.api.causes import Cause, cause_of
from device_agent.avatars.cache import CachedPackage
from device_agent.avatars.package import check_opens, content_key
from device_agent.avatars.render_data import RenderData
from device_agent.config import Secret
from device_agent.errors import LicenseRefused
from device_agent.lifecycle.budget import is_spent
from device_agent.lifecycle.device import Device
from device_agent.lifecycle.held import require_seat
from device_agent.lifecycle.licenses import fetched, license_for, settle
from device_agent.lifecycle.listing import listed
from device_agent.lifecycle.machine import Event, Phase
from device_agent.lifecycle.observe import Progress
from device_agent.lifecycle.points import Point
from device_agent.lifecycle.record import Record
from device_agent.spec.client_render import ClientStart, Render3dAvatar


def start(device: Device) -> tuple[Secret, str]:
    """Begin a session: the token of the drive channel, which lives in memory only, and the RequestId.

    Raises:
        StateError: the device holds no seat.
        LicenseRefused, NetworkError, PlatformError: from the platform.
    """
    record = require_seat(device.journal.record)
    with device.watch.step("ClientStart") as note:
        try:
            answer = device.call(ClientStart(tenant_id=record.tenant_id, app_id=record.app_id))
        except LicenseRefused as error:
            license_ended(device, error)
            raise
        note.request_id = answer.request_id
        note.result = "session token received"
    licensed(device, device.journal.record, started_at=device.now())
    token = answer.data.im_token if answer.data is not None else None
    return Secret(token or ""), answer.request_id


def fetch(device: Device, code: str, *, progress: Progress | None) -> tuple[CachedPackage, str]:
    """Bring an avatar onto this device, verified; it becomes the one to show. Also gives the RequestId.

    Raises:
        StateError: the device holds no seat.
        PackageError: the package is damaged or does not open with this licence; the last good one stays.
        ManifestError: the operator's manifest does not allow it; the last good one stays.
        LicenseRefused, NetworkError, PlatformError: from the platform or the content's host.
    """
    record = require_seat(device.journal.record)
    settle(device.vault, record)
    with device.watch.step("Render3dAvatar") as note:
        answer = device.call(Render3dAvatar(tenant_id=record.tenant_id, app_id=record.app_id, code=code))
        note.request_id = answer.request_id
        raw = answer.data.render_data if answer.data is not None else None
        data = RenderData.parse(raw or "", names=device.settings.render_data_names or None)
        note.result = f"package version {data.version or 'unknown'}, sha256 {(data.sha256 or 'not given')[:12]}"
    allowed = listed(device, code, data)
    device.reach(Point.PACKAGE_FETCH)
    package = allowed if isinstance(allowed, CachedPackage) else _download(device, code, allowed, progress=progress)
    device.reach(Point.PACKAGE_ACTIVE)
    record = device.journal.record
    packages, here = {**record.content.packages, code: package.sha256}, device.cache.codes()
    content = msgspec.structs.replace(
        record.content,
        active=code,
        previous=record.content.active if record.content.active != code else record.content.previous,
        packages={kept: sha256 for kept, sha256 in packages.items() if kept in here},
    )
    record = device.journal.write(record.moved(Event.CONTENT_VERIFIED, content=content))
    fetched(device.vault, record, package.data)
    return package, answer.request_id


def _download(device: Device, code: str, data: RenderData, *, progress: Progress | None) -> CachedPackage:
    """Two steps to whoever watches: ``download``, then ``verify``, which decides whether the package becomes active."""
    license_ = license_for(device.vault, data)
    came = False

    def count(here: int, whole: int) -> None:
        nonlocal came
        came = True
        if progress is not None:
            progress(here, whole)

    verified = device.journal.record.content.packages.get(code)

    def check(path: Path) -> None:
        device.reach(Point.PACKAGE_COMPLETE)
        downloaded.result = f"{path.stat().st_size / 1e6:.1f} MB" + ("" if came else ", already here")
        downloading.close()
        if verified == path.stem:
            content_key(data, license_)  # wrapped anew, perhaps for another licence
            return  # these very bytes opened before: their hash says so, and opening them again costs a device seconds
        with device.watch.step("verify") as note:
            count = check_opens(path, key=content_key(data, license_), label=code)
            note.result = f"{count} files open with this licence"

    with ExitStack() as downloading:
        downloaded = downloading.enter_context(device.watch.step("download"))
        shown = (device.journal.record.content.active, device.journal.record.content.previous)
        return device.cache.fetch(code, data, web=lambda: device.client.web, progress=count, check=check, keep=shown)


def license_ended(device: Device, error: LicenseRefused) -> None:
    """Write down that the order ended; the seat, the licence and the avatar stay, and binding again heals it."""
    cause = cause_of(error)
    record = device.journal.record
    if cause in (Cause.EXPIRED, Cause.GONE):
        device.journal.write(record.moved(Event.LICENSE_REFUSED, blocked="gone" if cause is Cause.GONE else "expired"))
        if cause is Cause.GONE:
            device.vault.forget_token()


def offline(device: Device, seconds: float, *, budget_s: float, boot: str) -> None:
    """Add seconds without a licensed call to the budget that is used; a device that has used it up is locked.

    Args:
        boot: tells this start of the machine from others; what is not counted now is counted on from this moment.
    """
    record = device.journal.record
    contact = msgspec.structs.replace(
        record.contact, offline_s=round(record.contact.offline_s + seconds, 1), counting_boot=boot,
        counted_at=round(device.clock.steady(), 1),
    )  # fmt: skip
    if record.phase is Phase.READY and is_spent(contact.offline_s, budget_s=budget_s):
        device.journal.write(record.moved(Event.BUDGET_SPENT, contact=contact))
    else:
        device.journal.write(record.changed(contact=contact))


def licensed(device: Device, record: Record, **more: float) -> None:
    """Write down that a licensed call succeeded; a device whose offline budget was used up is ready again."""
    changes = {"contact": device.contact(), **more}
    if record.phase is Phase.LOCKED:
        device.journal.write(record.moved(Event.LICENSED_CALL_OK, **changes))
    else:
        device.journal.write(record.changed(**changes))
