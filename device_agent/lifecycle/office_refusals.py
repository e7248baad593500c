"""What an answer of the registration office means when it is not the one that was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

from device_agent.api.retry import advised_s
from device_agent.errors import NotThePlatform, PermissionRefused, ServerFault, TakenOut, Throttled

if TYPE_CHECKING:
    from device_agent.api.streams import Streamed

REMOVED = "office.removed"
"""Code of the refusal that says: headquarters took this device out. Whether to believe it: see ``orders``."""


REVOKED = "trust.revoked"
"""How our stand-in for an office names the reason why it refuses a certificate (another may say nothing)."""


def refused(response: Streamed, body: bytes, url: str) -> Exception:
    """The error that an answer other than 200 is; one that says when to ask again has it in ``advised_s``."""
    status = response.status
    if 300 <= status < 400:
        return NotThePlatform(
            f"the answer leads elsewhere (HTTP {status}), which is not followed",
            code="network.redirect",
            where=host_of(url),
            hint="check enroll_url and broker_url",
        )
    wait_s = advised_s(response.headers)
    if status == 202:  # RFC 7030, 4.2.3: the same request again, later
        pending = ServerFault(
            "the registration office has not decided yet", code="office.pending", where=host_of(url),
            hint=f"have the request approved there, and ask again{_later(wait_s)}",
        )  # fmt: skip
        pending.advised_s = wait_s
        return pending
    if status == 404:
        return NotThePlatform(
            "there is no such service at that address (HTTP 404)",
            code="network.not_the_platform",
            where=host_of(url),
            hint="check enroll_url and broker_url",
        )
    try:
        refusal = msgspec.json.decode(body, type=_Refusal)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        refusal = _Refusal()
    shown = refusal.code if refusal.code.isprintable() and len(refusal.code) < 60 else ""
    if status >= 500:
        fault = ServerFault(
            "the registration office has a problem of its own", code="office.fault", where=host_of(url),
            http_status=status,
        )  # fmt: skip
        fault.advised_s = wait_s
        return fault
    if status == 429:  # RFC 6585: nothing is wrong with what was asked, and nothing is lost
        throttled = Throttled(
            f"the registration office wants to be asked less{f' ({shown})' if shown else ''}",
            code="office.throttled", where=host_of(url), http_status=status,
            hint=f"the service asks again by itself{_later(wait_s)}; by hand: the same command",
        )  # fmt: skip
        throttled.advised_s = wait_s
        return throttled
    if refusal.code == "Removed":
        taken_out = TakenOut(
            "headquarters took this device out", code=REMOVED, where=host_of(url),
            hint="the service unbinds it; without the service: avatar-agent unbind",
        )  # fmt: skip
        taken_out.order = bytes(refusal.order)
        return taken_out
    revoked = shown == REVOKED
    return PermissionRefused(
        f"the registration office refuses (HTTP {status}{', ' if shown else ''}{shown})",
        code="office.refused",
        where=host_of(url),
        hint="ask for another enroll_secret, then: avatar-agent certs enroll" + (" --anew" if revoked else ""),
        http_status=status,
    )


def not_the_office(url: str) -> NotThePlatform:
    """The error that an answer is which no registration office gives."""
    return NotThePlatform(
        "the answer does not come from a registration office", code="network.not_the_platform", where=host_of(url),
        hint="check enroll_url and broker_url",
    )  # fmt: skip


def host_of(url: str) -> str:
    """Scheme, host and port of an address, for people; a login in it is left out."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


class _Refusal(msgspec.Struct, frozen=True, rename="pascal"):
    code: str = ""
    order: msgspec.Raw = msgspec.Raw(b"")


def _later(advised: float | None) -> str:
    return " later" if advised is None else f" in {advised:.0f} s"
