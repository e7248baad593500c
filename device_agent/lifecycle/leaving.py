"""Giving the seat back, then forgetting: every step may be repeated after a crash."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from device_agent.errors import AgentError, StateError
from device_agent.lifecycle.device import Device
from device_agent.lifecycle.identity import id_hash
from device_agent.lifecycle.machine import Event, Phase
from device_agent.lifecycle.record import Record, Tombstone, Unbind
from device_agent.spec.client_render import ClientUnbindDevice

NOTHING_TO_DO = frozenset({Phase.BLANK, Phase.DECOMMISSIONED})


def unbind(device: Device, *, new_intent: Callable[[], str]) -> bool:
    """Give the seat back and erase; whether anything had to be done.

    The order is durable before the call, secrets go after the seat is free. When a late ClientAuth could still take the
    seat again, the device stays SEALING: call this again when ``unsure_until`` is over.

    Raises:
        StateError: the disk belongs to other hardware.
        NetworkError, PlatformError: the seat may still be held; the order stays and is carried out next time.
    """
    record = device.journal.record
    if record.phase in NOTHING_TO_DO:
        return False
    if record.phase is Phase.CLONE_SUSPECT:
        raise StateError(
            "this disk was made on other hardware: its seat belongs to that device",
            code="state.clone",
            hint="start with an empty --state-dir on this machine",
        )
    if record.phase is Phase.SEALING:
        if device.now() < record.bind.unsure_until:
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


def _give_back(device: Device, record: Record) -> Record:
    with device.watch.step("ClientUnbindDevice") as note:
        try:
            answer = device.client.call(ClientUnbindDevice(tenant_id=record.tenant_id, device_id=record.device_id))
            note.request_id = answer.request_id
            note.result = "seat given back"
        except AgentError as error:
            if error.code not in device.settings.not_bound_codes or error.operation != "ClientUnbindDevice":
                raise
            note.request_id = error.request_id
            note.result = "was not bound"
    order = record.unbind or Unbind(intent_id="")
    now = device.now()
    unsure = now < record.bind.unsure_until
    order = msgspec.structs.replace(
        order, request_ids=(*order.request_ids, note.request_id), sealed_at=now if unsure else order.sealed_at
    )
    return device.journal.write(
        record.moved(Event.UNBIND_OK_BUT_UNSURE if unsure else Event.UNBIND_OK, unbind=order, contact=device.contact())
    )


def _erase(device: Device, record: Record) -> None:
    with device.watch.step("erase") as note:
        device.cache.erase()
        device.vault.erase()
        order = record.unbind
        tombstone = Tombstone(
            id_hash=id_hash(record.device_id), at=device.now(), request_ids=order.request_ids if order else ()
        )
        removed = record.moved(Event.ERASED)
        bare = Record(gen=removed.gen, phase=removed.phase, tombstone=tombstone, contact=record.contact)
        device.journal.write(bare)
        device.journal.write(bare)  # into the other slot too: it still names the device
        note.result = "licence, tokens and avatars erased"
