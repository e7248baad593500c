"""How long a request without an answer may still be served, and what that means for giving a seat back.

A ClientAuth that timed out here can reach the platform until the end of its signature's window. A seat that is given
back before that may be taken again by the late request, so the device unbinds once more when the window is over.
"""

from __future__ import annotations

import msgspec

from device_agent.api.endpoint import Endpoint
from device_agent.config import Settings
from device_agent.lifecycle.machine import Event
from device_agent.lifecycle.record import Bind


def of_a_request(*, now: float, settings: Settings) -> float:
    """End of the window of a ClientAuth that leaves now, seconds since 1970."""
    return now + settings.late_window_s


def of_a_blank_disk(*, now: float, settings: Settings, id_source: str) -> float:
    """Until when a request that an earlier installation of this device sent may still be served; 0 for none.

    A blank disk cannot say what was sent before it was wiped, so it assumes the worst: something was, just now. Two
    cases cannot have such a request: an id that was drawn at random a moment ago, which nobody has used before, and
    an endpoint on this machine itself, where no network can hold a request back. ``blank_window_s`` decides otherwise.
    """
    if settings.blank_window_s is not None:
        return now + settings.blank_window_s if settings.blank_window_s > 0 else 0.0
    if id_source == "random" or Endpoint.parse(settings.endpoint).is_loopback:
        return 0.0
    return now + settings.late_window_s


def is_elsewhen(bind: Bind, *, now: float, settings: Settings) -> bool:
    """Whether the window ends later than any that was written by the clock of now: one of the two clocks is wrong."""
    longest = max(settings.late_window_s, settings.blank_window_s or 0.0)
    return bind.unsure_until > now + longest


def settled(bind: Bind, *, now: float, settings: Settings, id_source: str) -> Bind:
    """The window by a clock that the platform has just been heard by.

    What a blank disk assumed was written before anything was heard, on a board without a battery perhaps in 1970: it
    starts now. So does a window of another clock, which would never end.
    """
    if bind.blank:
        until = of_a_blank_disk(now=now, settings=settings, id_source=id_source)
    elif is_elsewhen(bind, now=now, settings=settings):
        until = of_a_request(now=now, settings=settings)
    else:
        return bind
    return msgspec.structs.replace(bind, unsure_until=until, blank=False)


def unbound(*, now: float, unsure_until: float) -> Event:
    """What it means that the platform took the seat back: done, or to be done once more later."""
    return Event.UNBIND_OK_BUT_UNSURE if now < unsure_until else Event.UNBIND_OK
