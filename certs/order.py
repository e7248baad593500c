"""Signed orders of an operator's headquarters to one device: few verbs, for this device only, with an end, once.

The payload is JSON: ``{"type": "device-order", "verb": "remove", "id": "...", "device_id": "...", "tenant_id": 1,
"app_id": "...", "issued": "2027-01-01T00:00:00Z", "expires": "2027-01-08T00:00:00Z"}``, in the form of
``certs.signed``. That an order is obeyed once is its receiver's to remember: see ``Order.id``. docs/formats/orders.md
describes the whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from certs import signed
from certs.errors import OrderError

DOMAIN = b"avatar-device-order-v1\n"
"""Before what is signed: an order's signature is of no use for anything else, nor another's for an order."""

LONGEST = 16 * 1024
"""Bytes of an order that is read."""

KIND = "device-order"

REMOVE = "remove"
"""Give the seat back and erase everything."""

VERBS = frozenset({REMOVE})
"""All that a device can be told. There is no verb that runs anything, and none will take text to run."""

EARLY = timedelta(minutes=15)
"""How far two clocks may differ: an order from further in the future is not believed."""

_ID = r"^[A-Za-z0-9_-]{8,64}\Z"


class Order(msgspec.Struct, frozen=True, kw_only=True, rename={"kind": "type"}):
    """What was signed.

    Attributes:
        id: names this order and no other; a device remembers which it carried out.
        device_id, tenant_id, app_id: the one device that it is for.
        issued, expires: with their zone; it is good from the one to the other.
    """

    verb: Annotated[str, msgspec.Meta(max_length=64)]
    id: Annotated[str, msgspec.Meta(pattern=_ID)]
    device_id: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    tenant_id: int
    app_id: Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
    issued: Annotated[datetime, msgspec.Meta(tz=True)]
    expires: Annotated[datetime, msgspec.Meta(tz=True)]
    kind: str = KIND


def sign(order: Order, *, key: Ed25519PrivateKey) -> bytes:
    """A signed order, as a device is given it."""
    return signed.sign(msgspec.json.encode(order), domain=DOMAIN, key=key)


def read_keys(pem: bytes, *, where: str = "") -> tuple[Ed25519PublicKey, ...]:
    """The operator's public keys, one or more in one PEM text.

    Raises:
        OrderError: ``order.keys``: there is none, or one is of another kind.
    """
    keys = signed.read_keys(pem)
    if not keys:
        raise OrderError(
            "these are no readable Ed25519 public keys", code="order.keys", where=where,
            hint="avatar-agent fleet keygen writes a pair; give its .pub here",
        )  # fmt: skip
    return keys


def verify(
    data: bytes, *, keys: Sequence[Ed25519PublicKey], now: datetime, threshold: int = 1, where: str = ""
) -> Order:
    """The order, if enough of the keys signed it, it is one of those that we know, and its time is now. Nothing of it
    is read before its signatures. Whether it is for this device, and the first time, see ``meant_for``.

    Raises:
        OrderError: ``order.form``, ``order.signature``, ``order.verb``, ``order.early`` or ``order.expired``.
    """
    try:
        payload = signed.opened(data, domain=DOMAIN, keys=keys, threshold=threshold, longest=LONGEST)
    except signed.NotSigned:
        raise _bad_form(where) from None
    except signed.TooFew as few:
        raise OrderError(
            "none of the operator's keys has signed the order as it is"
            if not few.found
            else f"{few.found} of the operator's keys signed the order, and {threshold} have to",
            code="order.signature",
            where=where,
            hint="check order_keys and order_threshold here, and which key headquarters signs with",
        ) from None
    try:
        order = msgspec.json.decode(payload, type=Order)
        _moment(order.issued), _moment(order.expires)  # there are some that UTC has no date for
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, OverflowError):
        raise _bad_form(where) from None
    if order.kind != KIND or order.issued >= order.expires:
        raise _bad_form(where)
    if order.verb not in VERBS:
        raise OrderError(
            "the order is of a kind that this version does not know", code="order.verb", where=where,
            hint=f"this version knows: {', '.join(sorted(VERBS))}; update the agent, or give another order",
        )  # fmt: skip
    if order.issued > now + EARLY:
        raise OrderError(
            f"the order is from the future ({_moment(order.issued)})", code="order.early", where=where,
            hint=f"check the clocks: this device takes it to be {_moment(now)}",
        )  # fmt: skip
    if now >= order.expires:
        raise OrderError(
            f"the order ended on {_moment(order.expires)}", code="order.expired", where=where,
            hint="check this device's clock; if it is right, have headquarters sign a new one",
        )  # fmt: skip
    return order


def meant_for(order: Order, *, device_id: str, tenant_id: int, app_id: str, where: str = "") -> None:
    """Hold an order to the device that is to obey it.

    Raises:
        OrderError: ``order.device``: it is another's.
    """
    whose = (order.device_id, order.tenant_id, order.app_id)
    differs = [
        name
        for name, theirs, ours in zip(
            ("device_id", "tenant_id", "app_id"), whose, (device_id, tenant_id, app_id), strict=True
        )
        if theirs != ours
    ]
    if differs:
        raise OrderError(
            f"the order is for another device: its {' and '.join(differs)} differ{'s' if len(differs) == 1 else ''}",
            code="order.device",
            where=where,
            hint="avatar-agent status shows what this device is; have the order signed for that",
        )


def _bad_form(where: str) -> OrderError:
    return OrderError(
        "this is no signed order", code="order.form", where=where, hint="avatar-agent fleet order remove writes one"
    )


def _moment(when: datetime) -> str:
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
