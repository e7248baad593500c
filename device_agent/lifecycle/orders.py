"""What headquarters may tell this device: an order counts by its signature, whoever brings it, and once.

With ``order_keys`` or a ``root`` of keys in the settings. Without, a broker's ``Removed`` counts by the verified
connection it came over.
"""

from __future__ import annotations

from urllib.parse import quote

import msgspec

from certs.errors import OrderError, RootError
from certs.order import LONGEST, Order, meant_for, read_keys, verify
from certs.signed import Signers
from device_agent.config import Settings
from device_agent.errors import AgentError, ConfigurationError, StateError, TakenOut
from device_agent.lifecycle import root_chain, rooted
from device_agent.lifecycle.device import Device
from device_agent.lifecycle.document import check_address, check_threshold, fetched, pem_of, shown
from device_agent.lifecycle.machine import LEAVING, Event, Phase
from device_agent.lifecycle.points import Point
from device_agent.lifecycle.record import Record, Unbind

HEADQUARTERS = "headquarters"

MOST_REMEMBERED = 64
"""Orders whose ids are kept: as many lives as one disk may have seen while an order of its first is still good."""

NOBODY = frozenset({Phase.BLANK, Phase.DECOMMISSIONED, Phase.CLONE_SUSPECT})
"""Phases in which there is no device that could be told anything."""


def are_held_to_keys(settings: Settings) -> bool:
    """Whether orders count by their signature, and nobody's bare word does."""
    return settings.order_keys is not None or settings.root is not None


def signers_of(settings: Settings) -> Signers:
    """Whose orders count, by the settings and what is on the disk; a newer root is not looked for.

    Raises:
        ConfigurationError: nobody is named, or fewer than have to sign; or the settings contradict each other.
        OrderError: the keys cannot be used (``order.keys``).
        RootError: what the settings name is no root.
    """
    if settings.root is not None:
        return root_chain.load(settings).last.order
    file = settings.order_keys
    if file is None:
        raise ConfigurationError(
            "the setting order_keys is missing: orders count by their signature",
            code="config.missing",
            where=settings.where("order_keys"),
            hint="name the PEM file of headquarters' public keys",
        )
    keys = read_keys(pem_of(file, setting="order_keys", code="config.orders"), where=str(file))
    signers = Signers(keys=keys, threshold=settings.order_threshold)
    check_threshold(settings, "order_threshold", keys=len(signers.ids), code="config.orders")
    return signers


def _signers(device: Device, *, where: str) -> Signers:
    """Whose orders count now.

    Raises:
        OrderError: the root of keys that says it cannot be believed or is over; the code is the root's.
    """
    if device.settings.root is None:
        return signers_of(device.settings)
    try:
        return rooted.newest(device).order
    except RootError as error:
        raise OrderError(error.message, code=error.code, where=error.where or where, hint=error.hint) from error


def obey(device: Device, data: bytes, *, where: str) -> bool:
    """Make an order durable that is good, for this device, and new; ``leaving.unbind`` then carries it out. Whether
    there is anything to do.

    Raises:
        OrderError: it does not count; nothing was changed.
        StateError: the disk belongs to other hardware.
        ConfigurationError: no keys are set, or they cannot be read.
    """
    signers = _signers(device, where=where)
    record = device.journal.record
    order = verify(data, keys=signers.keys, threshold=signers.threshold, now=device.now_utc(), where=where)
    if record.phase in (Phase.BLANK, Phase.DECOMMISSIONED):
        return False
    if record.tombstone is not None:  # only the end of it is to be done, and nothing names the device any more
        return True
    meant_for(order, device_id=record.device_id, tenant_id=record.tenant_id, app_id=record.app_id, where=where)
    if record.phase is Phase.CLONE_SUSPECT:
        raise StateError(
            "this disk was made on other hardware: the order is for that device", code="state.clone", where=where,
            hint="if it was moved on purpose: avatar-agent bind --accept-new-hardware",
        )  # fmt: skip
    under_way = record.unbind.intent_id if record.phase in LEAVING and record.unbind is not None else ""
    if order.id == under_way:
        return True
    if order.id in record.orders:
        raise OrderError(
            "this device has carried out the order before", code="order.replayed", where=where,
            hint="if it is to leave again, have headquarters sign a new order",
        )  # fmt: skip
    device.journal.write(_ordered(device, record, order))
    return True


def _ordered(device: Device, record: Record, order: Order) -> Record:
    """The order and that it was used up are one write: there is no moment with one of them alone."""
    orders = (*record.orders, order.id)[-MOST_REMEMBERED:]
    if record.phase in LEAVING:
        unbind = record.unbind or Unbind(intent_id="", ordered_at=device.now())
        unbind = msgspec.structs.replace(unbind, intent_id=order.id, by=HEADQUARTERS)
        return record.changed(unbind=unbind, orders=orders)
    unbind = Unbind(intent_id=order.id, by=HEADQUARTERS, ordered_at=device.now())
    return record.moved(Event.UNBIND_ORDERED, unbind=unbind, orders=orders)


def believe(device: Device, refusal: AgentError) -> None:
    """Whether the office's word that this device was taken out counts; an order that came with it is durable after it.

    Raises:
        OrderError: where orders are held to keys, no good one came with it, nor did one before.
    """
    record = device.journal.record
    if not are_held_to_keys(device.settings):
        return
    if record.phase in LEAVING and record.unbind is not None and record.unbind.by == HEADQUARTERS:
        return  # by an order that was good, which may be over by now
    order = refusal.order if isinstance(refusal, TakenOut) else b""
    if not order:
        raise OrderError(
            "the office says that this device was taken out, and gives no signed order", code="order.missing",
            where=refusal.where,
            hint="ask headquarters: if it is so, have the order sent along, or bring it (avatar-agent unbind --order)",
        )  # fmt: skip
    try:
        obey(device, order, where=refusal.where)
    except OrderError as error:
        if error.code != "order.early":
            raise
        # A clock that stands in 1970: nobody but the office speaks to a device that was taken out.
        device.ask_the_time()
        obey(device, order, where=refusal.where)


def is_asked_for(settings: Settings, record: Record) -> bool:
    """Whether the settings name an address of orders, and the device could obey one."""
    return bool(settings.order_url) and record.phase not in NOBODY | LEAVING and bool(record.device_id)


def ask(device: Device) -> bool:
    """Look for an order at the address of the settings, and make a good one durable; whether there is one.

    Raises:
        OrderError: what is there does not count.
        NetworkError: the address cannot be asked.
        ConfigurationError: it is not https, or no keys are set.
    """
    settings = device.settings
    check_address(settings, "order_url", code="config.orders")
    signers_of(settings)  # before anything is sent
    address = settings.order_url.replace("{device_id}", quote(device.journal.record.device_id, safe=""))
    with device.watch.step("order") as note:
        device.reach(Point.ORDER_ASK)
        try:
            data = fetched(device, address, what="order", setting="order_url", longest=LONGEST, none=(204, 404))
        finally:
            device.reach(Point.ORDER_ANSWERED)
        note.result = "none"
        if not data:
            return False
        obey(device, data, where=shown(address))
        note.result = "remove"
    return True
