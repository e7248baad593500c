"""The rules of seats that the documents leave open: each is a switch, and an agent must live with either answer. And
some of the office: what it sends along with ``Removed``, and how many new devices it admits.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from device_agent.harness.refusal import SEATS_FULL


class SeatRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Attributes:
    repeat: ClientAuth again for a device that has a seat is ``free``, or is ``counted`` and takes one more.
    full_and_bound: when every seat is taken, a device that has one is still ``admitted``, or is ``refused`` too.
    after_unbind: ClientStart and Render3dAvatar are ``allowed`` for an application none of whose devices has a
        seat, or ``refused`` (these calls carry no DeviceId, so the application is all there is to go by).
    unknown_unbind: unbinding a device that has no seat is ``ok``, or an ``error``.
    removed: the office tells a device that was taken out so with headquarters' ``signed`` order; or, as a hostile one
        could, ``unsigned``, with an order to an ``other-device``, with the one of its last removal but this
        (``replayed``), or with an ``expired`` one.
    new_devices_per_hour: device ids that the office has not seen before get so many first certificates in an hour, and
        then HTTP 429 with Retry-After; 0 for no limit.
    full_code: the code for "every seat is taken". The platform documents none; the default is ours.
    """

    repeat: Literal["free", "counted"] = "free"
    full_and_bound: Literal["admitted", "refused"] = "admitted"
    after_unbind: Literal["allowed", "refused"] = "allowed"
    unknown_unbind: Literal["ok", "error"] = "ok"
    removed: Literal["signed", "unsigned", "other-device", "replayed", "expired"] = "signed"
    new_devices_per_hour: Annotated[int, msgspec.Meta(ge=0)] = 0
    full_code: str = SEATS_FULL
