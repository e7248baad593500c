"""Giving the seat back, then forgetting: every step may be repeated after a crash."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import msgspec

from certs.rotation import Standing
from device_agent.errors import AgentError, PermissionRefused, StateError
from device_agent.lifecycle import orders, window
from device_agent.lifecycle.account import is_held_elsewhere
from device_agent.lifecycle.device import Device
from device_agent.lifecycle.identity import id_hash
from device_agent.lifecycle.machine import LEAVING, Event, Phase
from device_agent.lifecycle.office_refusals import REMOVED, REVOKED
from device_agent.lifecycle.points import Point
from device_agent.lifecycle.record import Bind, Record, Tombstone, Unbind
from device_agent.lifecycle.ticket import OrphanTicket
from device_agent.spec.client_render import ClientUnbindDevice

_CLONE_HINT = "if it was moved on purpose: avatar-agent bind --accept-new-hardware"

TAKEN_OUT = "was taken out by headquarters"
"""Result of a step after which the device is free of its seat, and the seat is headquarters' to give back."""

NOTHING_TO_DO = frozenset({Phase.BLANK, Phase.DECOMMISSIONED})


def unbind(device: Device, *, new_intent: Callable[[], str]) -> bool:
    """Give the seat back and erase; whether anything had to be done.

    The order is durable before the call, secrets go after the seat is free. When a late ClientAuth could still take the
    seat again, the device stays SEALING: call this again when ``unsure_until`` is over.

    Raises:
        StateError: the disk belongs to other hardware, or the record is void.
        NetworkError, PlatformError: the seat may still be held; the order stays and is carried out next time.
    """
    record = device.journal.record
    if record.phase in NOTHING_TO_DO:
        _tell_of_a_void_record(record)
        return False
    if record.phase is Phase.CLONE_SUSPECT:
        raise StateError(
            "this disk was made on other hardware: its seat belongs to that device",
            code="state.clone",
            hint=_CLONE_HINT,
        )
    if record.phase is Phase.SEALING:
        if not _may_be_over(device, record):
            return True
        record = device.journal.write(record.moved(Event.WINDOW_OVER))
    elif record.phase not in (Phase.ERASING, Phase.UNBINDING):
        order = Unbind(intent_id=new_intent(), ordered_at=device.now())
        record = device.journal.write(record.moved(Event.UNBIND_ORDERED, unbind=order))
    if record.phase is Phase.UNBINDING:
        record = _give_back(device, record)
    if record.phase is Phase.ERASING:
        _erase(device, record)
    return True


def _tell_of_a_void_record(record: Record) -> None:
    """A device whose record is void (``Journal.disown``) has nothing left to unbind by, and may hold its seat."""
    if record.device_id:
        raise StateError(
            f"this device lost its storage key: its seat, under {record.device_id}, may still be held",
            code="state.void",
            hint="bind again, then unbind; or have headquarters give it back: avatar-agent fleet release DEVICE_ID",
        )


def _may_be_over(device: Device, record: Record) -> bool:
    """Whether it is time to ask once more: the window is over, or was written under another clock than that of now.

    Asking costs nothing; the answer tells the time, and ``_given_back`` decides by that.
    """
    now = device.now()
    return now >= record.bind.unsure_until or window.is_elsewhen(record.bind, now=now, settings=device.settings)


def abandon(
    device: Device, *, new_intent: Callable[[], str], keep: Callable[[OrphanTicket], None], reason: str
) -> OrphanTicket | None:
    """Erase though the seat may still be held; the ticket that names the seat, ``None`` when there is nothing to do.

    Args:
        keep: hands the ticket over before anything is erased; what it raises stops the erasing.

    Raises:
        StateError: the disk belongs to other hardware, or the record is void.
    """
    record = device.journal.record
    if record.phase in NOTHING_TO_DO:
        _tell_of_a_void_record(record)
        return None
    if record.phase is Phase.CLONE_SUSPECT:
        raise StateError("this disk was made on other hardware", code="state.clone", hint=_CLONE_HINT)
    if record.tombstone is not None:  # all but the end of it was done, and the ticket was given out before
        _erase(device, record)
        return None
    if record.phase not in LEAVING:
        order = Unbind(intent_id=new_intent(), ordered_at=device.now())
        record = device.journal.write(record.moved(Event.UNBIND_ORDERED, unbind=order))
    order = record.unbind or Unbind(intent_id=new_intent(), ordered_at=device.now())
    ticket = OrphanTicket(
        device_id=record.device_id,
        tenant_id=record.tenant_id,
        app_id=record.app_id,
        endpoint=record.endpoint,
        ordered_at=order.ordered_at,
        reason=reason,
    )
    keep(ticket)
    if record.phase is not Phase.ERASING:
        order = msgspec.structs.replace(order, mode="force", reason=reason)
        record = device.journal.write(record.moved(Event.SEAT_ABANDONED, unbind=order))
    _erase(device, record)
    return ticket


def _give_back(device: Device, record: Record) -> Record:
    if device.settings.broker_url and not device.settings.access_key_id:
        return _through_the_office(device, record)
    if is_held_elsewhere(record, device.settings):
        raise StateError(
            f"the seat of this device is held at {record.endpoint}, and {device.settings.endpoint} knows nothing of it",
            code="state.other_platform",
            where=device.settings.where("endpoint"),
            hint=f"name it: avatar-agent unbind --endpoint {record.endpoint}; or, if nothing answers there any more,"
            " avatar-agent unbind --accept-seat-leak",
        )
    with device.watch.step("ClientUnbindDevice") as note:
        try:
            answer = device.call(ClientUnbindDevice(tenant_id=record.tenant_id, device_id=record.device_id))
            note.request_id = answer.request_id
            note.result = "seat given back"
        except AgentError as error:
            if error.code not in device.settings.not_bound_codes or error.operation != "ClientUnbindDevice":
                raise
            note.request_id = error.request_id
            note.result = "was not bound"
    return _given_back(device, record, request_id=note.request_id, outcome=_outcome(device, record))


def _through_the_office(device: Device, record: Record) -> Record:
    """The office gives back the seat of the certificate's own device, and revokes the certificate the last time.

    Which time is the last is decided by the office's clock: by this device's own, which may be a year ahead, its
    certificate would be gone while a late request can still take the seat again. A device that the office does not know
    any more was taken out there: its seat is theirs to give back.

    A certificate that is revoked says that the last time was served, if it was good just before, and the record says
    that it was asked for then. Else somebody has revoked it for reasons of his own, and the seat may still be held.
    """
    with device.watch.step("office unbind") as note:
        if record.bind.blank or record.bind.unsure_until > 0:
            device.ask_the_time()
        _ready_to_show_itself(device, record)
        outcome = _outcome(device, record)
        last = outcome[1] is Event.UNBIND_OK
        order = record.unbind or Unbind(intent_id="")
        asked_before = order.last_asked
        device.reach(Point.CLIENT_UNBIND_DEVICE_SEND)
        try:
            if last and not asked_before:
                device.office.prove()
                device.journal.write(record.changed(unbind=msgspec.structs.replace(order, last_asked=True)))
            note.request_id = device.office.unbind(last=last)
            note.result = "seat given back" + (", certificate revoked" if last else "")
        except PermissionRefused as error:
            revoked_before = last and asked_before and REVOKED in error.message
            if error.code != REMOVED and not revoked_before:
                raise
            if error.code == REMOVED:
                orders.believe(device, error)
            note.result = TAKEN_OUT if error.code == REMOVED else "was revoked before"
        finally:
            device.reach(Point.CLIENT_UNBIND_DEVICE_ANSWERED)
    return _given_back(device, device.journal.record, request_id=note.request_id, outcome=outcome)


def _outcome(device: Device, record: Record) -> tuple[Bind, Event]:
    """The window as it is now, and what it will mean that the seat was given back now."""
    now = device.now()
    bind = window.settled(record.bind, now=now, settings=device.settings, id_source=record.id_source)
    return bind, window.unbound(now=now, unsure_until=bind.unsure_until)


def _ready_to_show_itself(device: Device, record: Record) -> None:
    """A certificate is what the office knows a device by: one that was lost, or is over, is asked for again."""
    settings, keeper = device.settings, device.certificates(record.device_id)
    if settings.enroll_url and settings.enroll_secret is not None:
        # One that is over by this device's clock may be good by the office's: a spent secret is no reason to stop.
        with suppress(*([PermissionRefused] if keeper.have() is not None else [])):
            now = device.time_to_judge(keeper, well=(Standing.FRESH, Standing.DUE))
            keeper.enroll(secret=settings.enroll_secret, now=now)
    device.settle_certificate()


def _given_back(device: Device, record: Record, *, request_id: str, outcome: tuple[Bind, Event]) -> Record:
    """Write down that the seat was given back; whether it has to be done once more is the window's to say."""
    order = record.unbind or Unbind(intent_id="")
    now = device.now()
    bind, event = outcome
    unsure = event is Event.UNBIND_OK_BUT_UNSURE
    order = msgspec.structs.replace(
        order, request_ids=(*order.request_ids, request_id), sealed_at=now if unsure else order.sealed_at
    )
    return device.journal.write(record.moved(event, bind=bind, unbind=order, contact=device.contact()))


def _erase(device: Device, record: Record) -> None:
    with device.watch.step("erase") as note:
        device.reach(Point.ERASE_KEY)
        device.keyring.destroy()  # first: whatever lies under it is gone at once
        device.reach(Point.ERASE_CONTENT)
        device.cache.erase()
        device.reach(Point.ERASE_SECRETS)
        device.vault.erase()
        device.reach(Point.ERASE_RECORD)
        device.journal.forget_damaged()
        order = record.unbind
        tombstone = record.tombstone or Tombstone(
            id_hash=id_hash(record.device_id), at=device.now(), request_ids=order.request_ids if order else ()
        )
        # First over the slot before, so that wherever power fails, neither slot names a device that is gone.
        bare = Record(
            gen=record.gen, phase=record.phase, tombstone=tombstone, contact=record.contact, orders=record.orders,
            root=record.root,
        )  # fmt: skip
        bare = device.journal.write(bare)
        device.journal.write(bare.moved(Event.ERASED))
        note.result = "licence, tokens and avatars erased"
