"""Taking the seat: identity first, intent before act, result after act."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from certs.identity import Identity as CertificateIdentity
from certs.rotation import Standing
from device_agent.api.causes import Cause, cause_of
from device_agent.config import Secret
from device_agent.errors import (
    AgentError,
    LicenseRefused,
    NetworkError,
    NotThePlatform,
    SeatsFull,
    ServerFault,
    SignatureRefused,
    StateError,
)
from device_agent.lifecycle import clone, licenses, window
from device_agent.lifecycle.account import Account, is_held_elsewhere
from device_agent.lifecycle.device import Device
from device_agent.lifecycle.identity import Identity, identify
from device_agent.lifecycle.machine import HOLDS_SEAT, LEAVING, Event, Phase
from device_agent.lifecycle.record import Bind, Bound, Content, Record
from device_agent.lifecycle.token import take
from device_agent.spec.client_render import ClientAuth, LicenseAuth


def bind(
    device: Device, account: Account, *, new_intent: Callable[[], str], device_info: str, lost: bool = False
) -> bool:
    """Take a seat for this device; whether anything had to be done.

    A device that holds its seat sends nothing: ClientAuth is not known to be free of charge when repeated. What is
    refused leaves the record as it was, plus the intent. ``lost``: the platform says that the seat is not held.

    Raises:
        StateError: the device is on its way out, or holds a seat under another licence, tenant or application.
        LicenseRefused, SeatsFull, NetworkError, PlatformError: from the platform.
    """
    record = _identified(device, account, lost=lost)
    if record.phase in HOLDS_SEAT and not lost:
        return False
    if device.settings.enroll_url:
        _certify(device, record)
    with device.watch.step("LicenseAuth") as note:
        try:
            token = device.call(
                LicenseAuth(tenant_id=account.tenant_id, app_id=account.app_id, license=account.license.reveal())
            )
        except SeatsFull:
            if record.phase is Phase.BINDING:
                device.journal.write(record.moved(Event.SEATS_FULL))
            raise
        except LicenseRefused as error:
            _license_refused(device, record, error, account=account)
            raise
        note.request_id = token.request_id
        note.result = "licence accepted"
    licenses.offer(device.vault, record, account.license)
    if token.data is not None and token.data.token:
        take(device.vault, Secret(token.data.token), now=device.now())
    before = window.settled(record.bind, now=device.now(), settings=device.settings, id_source=record.id_source)
    sure_from = before.unsure_until
    record = device.journal.write(
        record.moved(
            Event.BIND_INTENDED,
            license_fp=account.license.fingerprint,
            endpoint=device.settings.endpoint,
            blocked="",
            contact=msgspec.structs.replace(record.contact, offset_s=round(device.offset_s, 1)),
            bind=msgspec.structs.replace(
                before,
                intent_id=new_intent(),
                attempts=before.attempts + 1,
                outcome="none",
                # Until the answer is here this request may still be served, also when power fails after it left.
                unsure_until=max(sure_from, window.of_a_request(now=device.now(), settings=device.settings)),
            ),
        )
    )
    _take_seat(device, account, record, device_info=device_info, sure_from=sure_from)
    return True


def enroll(device: Device, account: Account, *, anew: bool) -> str:
    """Make the identity durable and get its certificate; the fingerprint."""
    return _certify(device, _certifiable(device, account), anew=anew)


def _certifiable(device: Device, account: Account) -> Record:
    """As ``_identified``; but a device that is leaving may need a certificate too, to give its seat back with."""
    record = device.journal.record
    return record if record.phase in (Phase.UNBINDING, Phase.SEALING) else _identified(device, account)


def take_over(device: Device, account: Account, identity: CertificateIdentity) -> bool:
    """Make the identity durable and use a certificate that was made elsewhere; whether it has worked."""
    record = _certifiable(device, account)
    with device.watch.step("certificate") as note:
        worked = device.certificates(record.device_id).take_over(identity, now=device.now_utc())
        note.result = identity.fingerprint
    return worked


def _certify(device: Device, record: Record, *, anew: bool = False) -> str:
    with device.watch.step("certificate") as note:
        keeper = device.certificates(record.device_id)
        now = device.time_to_judge(keeper, well=(Standing.FRESH, Standing.DUE))
        note.result = keeper.enroll(secret=device.settings.enroll_secret, now=now, anew=anew).fingerprint
    return note.result


def _take_seat(device: Device, account: Account, record: Record, *, device_info: str, sure_from: float) -> None:
    """Ask for the seat; ``sure_from`` is the end of the window of the requests before this one."""
    try:
        with device.watch.step("ClientAuth") as note:
            answer = device.call(
                ClientAuth(
                    tenant_id=account.tenant_id,
                    app_id=account.app_id,
                    license=account.license.reveal(),
                    device_id=record.device_id,
                    device_type=device.settings.device_type,
                    device_info=device_info,
                ),
                # One that got no answer may be served late and must be written down, so it is not repeated unseen.
                retry=msgspec.structs.replace(device.client.retry, only_unserved=True),
            )
            note.request_id = answer.request_id
            note.result = "seat taken"
    except AgentError as error:
        _refused(device, record, error, account=account, sure_from=sure_from)
        raise
    record = device.journal.write(
        record.moved(
            Event.BIND_OK,
            bind=msgspec.structs.replace(record.bind, outcome="ok", unsure_until=sure_from),
            bound=Bound(at=device.now(), request_id=answer.request_id, license_fp=account.license.fingerprint),
            contact=device.contact(),
            content=record.content if record.bound is not None else Content(),
        )
    )
    licenses.settle(device.vault, record)


def _refused(device: Device, record: Record, error: AgentError, *, account: Account, sure_from: float) -> None:
    """Write down what a ClientAuth that did not succeed leaves behind."""
    cause = cause_of(error)
    if _maybe_served(error):
        until = window.of_a_request(now=device.now(), settings=device.settings)
        bind = msgspec.structs.replace(record.bind, outcome="unsure", unsure_until=max(sure_from, until))
        device.journal.write(record.changed(bind=bind))
        return
    bind = msgspec.structs.replace(record.bind, outcome=f"refused:{cause}", unsure_until=sure_from)
    if isinstance(error, SeatsFull):
        device.journal.write(record.moved(Event.SEATS_FULL, bind=bind))
    elif isinstance(error, LicenseRefused):
        _license_refused(device, record.changed(bind=bind), error, account=account)
    else:
        device.journal.write(record.changed(bind=bind))


def _license_refused(device: Device, record: Record, error: LicenseRefused, *, account: Account) -> None:
    """Write down which, and why; a device that has asked for no seat yet has nothing that could be blocked."""
    cause = cause_of(error)
    fingerprint = account.license.fingerprint
    blocked = "gone" if cause is Cause.GONE else "expired" if cause is Cause.EXPIRED else "wrong-account"
    if record.phase is Phase.BINDING:
        device.journal.write(record.moved(Event.LICENSE_REFUSED, blocked=blocked, license_fp=fingerprint))
    elif record.phase is Phase.LICENSE_BLOCKED and (record.blocked, record.license_fp) != (blocked, fingerprint):
        device.journal.write(record.changed(blocked=blocked, license_fp=fingerprint))
    if cause is Cause.GONE:
        device.vault.forget_token()


def _maybe_served(error: AgentError) -> bool:
    if isinstance(error, NetworkError):
        return error.maybe_served or isinstance(error, NotThePlatform)
    nonce_used = isinstance(error, SignatureRefused) and error.code == "SignatureNonceUsed"
    return isinstance(error, ServerFault) or nonce_used


def _identified(device: Device, account: Account, *, lost: bool = False) -> Record:
    """The record of a device that has an id; makes the id durable before anything is sent. A seat that is ``lost`` may
    be asked for with another licence.
    """
    record = device.journal.record
    if record.phase in LEAVING:
        raise StateError(
            "this device is being unbound",
            code="state.leaving",
            hint="finish that first: avatar-agent unbind",
        )
    require_own_hardware(record)
    if record.phase is Phase.DECOMMISSIONED:
        record = device.journal.write(record.moved(Event.REPROVISIONED, tombstone=None))
    if record.phase is Phase.BLANK or (record.phase is Phase.IDENTIFIED and _differences(device, account, record)):
        return _identify(device, account, record)
    differs = _differences(device, account, record, lost=lost)
    if differs:
        raise StateError(
            f"this device already has an identity with another {' and '.join(differs)}",
            code="state.other_account",
            where=str(device.settings.state_dir),
            hint="unbind it first (avatar-agent unbind), or name another --state-dir",
        )
    return record


def require_own_hardware(record: Record) -> None:
    """A disk in another machine sends nothing, whatever is asked of it.

    Raises:
        StateError: it is one.
    """
    if record.phase is Phase.CLONE_SUSPECT:
        raise StateError(
            "this disk was made on other hardware",
            code="state.clone",
            hint="if it was moved on purpose: avatar-agent bind --accept-new-hardware (the old seat is not given back)",
        )


def _identify(device: Device, account: Account, record: Record) -> Record:
    with device.watch.step("identity") as note:
        identity = _identity(device, account, record)
        note.result = f"{identity.device_id} ({identity.source})"
        return device.journal.write(
            record.moved(
                Event.IDENTITY_MADE,
                device_id=identity.device_id,
                id_source=identity.source,
                tenant_id=account.tenant_id,
                app_id=account.app_id,
                hw_print=clone.hw_print(
                    identity.device_id,
                    root=device.hardware.root(identity.source) or "",
                    parts=device.hardware.parts,
                ),
                bind=_unsure_from_the_start(device, record, identity.source),
            )
        )


def _identity(device: Device, account: Account, record: Record) -> Identity:
    """The id of a record that is void (``Journal.disown``) stays while it can be this device's: its seat is held."""
    root, parts = device.hardware.root, device.hardware.parts
    is_known = record.phase is Phase.BLANK and bool(record.device_id) and not _differences(device, account, record)
    if is_known and not clone.is_another_s(record, root=root, parts=parts):
        return Identity(device_id=record.device_id, source=record.id_source)
    return identify(
        device.settings.device_id, tenant_id=account.tenant_id, app_id=account.app_id, hardware=device.hardware
    )


def _unsure_from_the_start(device: Device, record: Record, id_source: str) -> Bind:
    """The window of requests that were sent before this identity was made; of a corrected identity, its own."""
    if record.phase is Phase.IDENTIFIED:
        return Bind(unsure_until=record.bind.unsure_until, blank=record.bind.blank)
    until = window.of_a_blank_disk(now=device.now(), settings=device.settings, id_source=id_source)
    return Bind(unsure_until=max(until, record.bind.unsure_until), blank=until > 0)


def accept_hardware(device: Device) -> bool:
    """The operator's word that this machine is meant to have this disk; whether there was anything to accept.

    The device becomes a new one. The old id is not unbound: the machine that it belongs to may be alive. Its
    certificate and token go; what is licensed to the application stays.
    """
    record = device.journal.record
    if record.phase is not Phase.CLONE_SUSPECT:
        return False
    device.vault.forget_device()
    bare = Record(
        gen=record.gen, phase=record.phase, contact=record.contact, endpoint=record.endpoint, orders=record.orders,
        root=record.root,
    )  # fmt: skip
    device.journal.write(bare.moved(Event.HARDWARE_ACCEPTED))
    return True


def _differences(device: Device, account: Account, record: Record, *, lost: bool = False) -> list[str]:
    """Settings that do not fit the identity this device has; the licence may change while it holds no seat."""
    license_fp = record.license_fp if record.phase in HOLDS_SEAT and not lost else ""
    return [
        name
        for name, ours, theirs in (
            ("tenant_id", record.tenant_id, account.tenant_id),
            ("app_id", record.app_id, account.app_id),
            ("license_file", license_fp, account.license.fingerprint),
            ("device_id", record.device_id, device.settings.device_id),
        )
        if ours and theirs and ours != theirs
    ] + (["endpoint"] if is_held_elsewhere(record, device.settings) else [])
