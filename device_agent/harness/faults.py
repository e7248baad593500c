"""Faults on order: what goes wrong, where, how often. The table is data; each room applies the kinds it knows."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

Kind = Literal[
    "latency",
    "late",
    "drop_before",
    "drop_after",
    "duplicate",
    "reorder",
    "wrong_bytes",
    "cut",
    "http_500",
    "throttle",
    "captive",
    "redirect",
    "clock",
    "token_expired",
    "seat_taken",
    "license_expired",
]

ASSETS = "assets"
"""What ``on`` says for downloads of packages."""

MEANINGS: dict[str, str] = {
    "latency": "answers only after `seconds`",
    "late": "hangs up, and serves the call once `seconds` have passed on the stand-in's clock, before the next one",
    "drop_before": "hangs up without having served the call",
    "drop_after": "serves the call and hangs up without an answer",
    "duplicate": "serves the call twice and sends the second answer",
    "reorder": "holds the answer until another call has been answered (at most `seconds`)",
    "wrong_bytes": "changes one bit of the byte at `bytes`",
    "cut": "hangs up after `bytes` bytes of the body",
    "http_500": "answers InternalError with HTTP 500",
    "throttle": "answers Throttling.User with HTTP 400; with `retry_after_ms` also x-acs-retry-after",
    "captive": "answers a log-in page with HTTP 200, as a hotel's network does",
    "redirect": "answers HTTP 302 to another host",
    "clock": "the platform's clock is off by `seconds`: Date header and time window",
    "token_expired": "answers InvalidSecurityToken.Expired",
    "seat_taken": "ClientAuth answers that every seat is taken",
    "license_expired": "answers 10020001, the order has ended",
}


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One entry of the table.

    Attributes:
        on: an operation's name, ``assets``, or ``*`` for everything.
        times: how often it strikes; ``None`` is for ever.
        skip: how many times it lets things pass first.
        seconds: for latency, late, reorder and clock.
        bytes: a count for cut, an offset for wrong_bytes.
        retry_after_ms: for throttle.
    """

    kind: Kind
    on: str = "*"
    times: Annotated[int, msgspec.Meta(ge=1)] | None = 1
    skip: Annotated[int, msgspec.Meta(ge=0)] = 0
    seconds: Annotated[float, msgspec.Meta(ge=-1e9, le=1e9)] = 0.0
    bytes: Annotated[int, msgspec.Meta(ge=0)] = 0
    retry_after_ms: Annotated[int, msgspec.Meta(ge=0)] | None = None


class Standing(msgspec.Struct, kw_only=True):
    """A fault that was ordered, and how far it has come."""

    fault_id: int
    fault: Fault
    skipped: int = 0
    struck: int = 0

    @property
    def spent(self) -> bool:
        """Whether it will not strike again."""
        return self.fault.times is not None and self.struck >= self.fault.times


class Faults:
    """The table of faults in force."""

    def __init__(self) -> None:
        self._standing: list[Standing] = []
        self._ordered = 0

    def order(self, fault: Fault) -> Standing:
        """Put a fault into force."""
        self._ordered += 1
        standing = Standing(fault_id=self._ordered, fault=fault)
        self._standing.append(standing)
        return standing

    def lift(self, fault_id: int | None = None) -> list[Standing]:
        """Take one fault, or all, out of force; those that were taken out."""
        gone = [standing for standing in self._standing if fault_id in (None, standing.fault_id)]
        self._standing = [standing for standing in self._standing if standing not in gone]
        return gone

    def table(self) -> list[Standing]:
        """Every fault that was ordered and not lifted, spent ones too."""
        return list(self._standing)

    def skew(self) -> float:
        """Seconds by which the clock faults in force put the wall's clock off."""
        return sum(standing.fault.seconds for standing in self._standing if standing.fault.kind == "clock")

    def strike(self, on: str, *kinds: Kind) -> Fault | None:
        """The first fault of these kinds that hits now, with its strike counted; those still to skip skip one."""
        hit: Fault | None = None
        for standing in self._standing:
            fault = standing.fault
            if fault.kind not in kinds or fault.on not in ("*", on) or standing.spent:
                continue
            if standing.skipped < fault.skip:
                standing.skipped += 1
            elif hit is None:
                standing.struck += 1
                hit = fault
        return hit
