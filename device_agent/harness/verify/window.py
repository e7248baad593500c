"""The time a request says it was made at: its form, and the window it must lie in."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from device_agent.harness.refusal import GatewayRefusal

WINDOW_S = 900.0
"""A request's time may differ from the platform's by 15 minutes (documented)."""

NONCE_S = 1860.0
"""A nonce is remembered for 31 minutes (the vendor's staff in a public answer)."""

_FORM = re.compile(r"(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})Z", re.ASCII)


def check_time(text: str, *, now: float) -> None:
    """Hold a request's time against the wall's.

    Raises:
        GatewayRefusal: ``InvalidTimeStamp.Format`` or ``InvalidTimeStamp.Expired``.
    """
    try:
        found = _FORM.fullmatch(text)
        if found is None:
            raise ValueError
        year, month, day, hour, minute, second = map(int, found.groups())
        stamp = datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp()
    except ValueError:
        raise GatewayRefusal(
            400,
            "InvalidTimeStamp.Format",
            "Specified time stamp is not well formatted: YYYY-MM-DDThh:mm:ssZ is wanted.",
        ) from None
    if abs(now - stamp) > WINDOW_S:
        raise GatewayRefusal(400, "InvalidTimeStamp.Expired", "Specified time stamp or date value is expired.")
