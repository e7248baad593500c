"""Whose signatures count on this device where a root of keys says it: the newest root that can be had, while it lasts.

Roots are looked for when a list or an order is about to be held to one, and before the present one ends. What is
accepted is durable before it is used. Somebody who keeps newer roots away gains the time until the present one ends,
and no more: from then on nothing new is accepted, and what is on the screen stays inside the offline budget.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from certs import root as roots
from certs.errors import CertError, IdentityError, RootError, TrustError
from certs.root import LONGEST, Root
from device_agent.config import Settings
from device_agent.errors import AgentError, NetworkError, PlatformError
from device_agent.lifecycle import root_chain
from device_agent.lifecycle.device import Device
from device_agent.lifecycle.document import check_address, fetched, shown
from device_agent.lifecycle.machine import Phase
from device_agent.lifecycle.points import Point
from device_agent.lifecycle.record import Record, SeenRoot
from device_agent.lifecycle.root_chain import Chain

SOON = timedelta(days=30)
"""This long before its end a newer root is looked for without any other reason, and people are told."""

MAY_FAIL = (NetworkError, PlatformError, IdentityError, TrustError, RootError)
"""What stops a look for newer roots, and nothing else: the way there, this device's certificate, or what is there."""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How the root of keys is, for health and doctor.

    Attributes:
        ends: seconds since 1970; 0 without one.
        problem: code of what is wrong with it; empty when nothing is.
    """

    version: int = 0
    ends: float = 0.0
    problem: str = ""


def newest(device: Device) -> Root:
    """The root whose keys count now, after a look for newer ones. A look that fails (nobody answers, or with
    something else than a root) is reported as a step, and stops nothing.

    Raises:
        RootError: it is over (``root.expired``), or this device has seen a newer one (``root.lost``) or another of its
            version (``root.changed``); or the settings name none.
        ConfigurationError: the settings contradict each other, or an address is not https.
        PrivateFileError: it cannot be kept.
    """
    chain = _looked_after(device)
    _settle(device, chain)
    roots.check_time(chain.last, now=device.now_utc())
    return chain.last


def check(chain: Chain, record: Record, *, now: datetime) -> None:
    """Hold what is here to what this device has seen, and to the time.

    Raises:
        RootError: as ``newest``.
    """
    _hold_to_account(chain, record)
    _hold_to_seen(chain, record)
    roots.check_time(chain.last, now=now)


def tend(device: Device) -> None:
    """Look for a newer root though nothing is to be held to it: the present one ends soon, or the file was damaged.

    Raises:
        RootError, ConfigurationError, PrivateFileError: as ``newest``.
    """
    chain, record = root_chain.load(device.settings), device.journal.record
    if chain.damaged or _lost(chain, record) or _ends_soon(chain.last, now=device.now_utc()):
        _settle(device, _looked_after(device))


def standing(settings: Settings, record: Record, *, now: datetime) -> Standing:
    """How it is, without asking anybody; every error is a code in it."""
    if settings.root is None:
        return Standing()
    try:
        chain = root_chain.load(settings)
    except (AgentError, CertError) as error:
        return Standing(problem=error.code)
    problem = ""
    try:
        check(chain, record, now=now)
    except RootError as error:
        problem = error.code
    return Standing(version=chain.last.version, ends=chain.last.claims.expires.timestamp(), problem=problem)


def _may_ask(record: Record) -> bool:
    """Whether there is a device: nothing leaves before its id is durable, nor from a disk in another machine."""
    return bool(record.device_id) and record.phase not in (Phase.BLANK, Phase.CLONE_SUSPECT)


def _ends_soon(root: Root, *, now: datetime) -> bool:
    return now >= root.claims.expires - SOON


def _looked_after(device: Device) -> Chain:
    """The roots that are here, and those after them; durable."""
    settings = device.settings
    chain = root_chain.load(settings)
    _hold_to_account(chain, device.journal.record)
    if not settings.root_url or not _may_ask(device.journal.record):
        return chain
    check_address(settings, "root_url", code="config.root")
    had = chain.links
    with device.watch.step("root", may_fail=MAY_FAIL) as note:
        try:
            while (data := _asked(device, chain.last.version + 1)) is not None:
                chain = chain.with_next(data, where=shown(_address(settings, chain.last.version + 1)))
        finally:
            if chain.links != had or chain.damaged:
                device.reach(Point.ROOT_WRITE)
                root_chain.keep(settings, chain)
                device.reach(Point.ROOT_WRITTEN)
        note.result = f"version {chain.last.version}, until {chain.last.claims.expires.astimezone(UTC):%Y-%m-%d}"
    return chain


def _asked(device: Device, version: int) -> bytes | None:
    address = _address(device.settings, version)
    device.reach(Point.ROOT_ASK)
    try:
        return fetched(device, address, what="root", setting="root_url", longest=LONGEST, none=(204, 404))
    finally:
        device.reach(Point.ROOT_ANSWERED)


def _address(settings: Settings, version: int) -> str:
    return settings.root_url.replace("{version}", str(version))


def _settle(device: Device, chain: Chain) -> None:
    """Never back: how far roots were followed is part of the record, which is vouched for where there is a TPM."""
    record = device.journal.record
    _hold_to_seen(chain, record)
    seen = SeenRoot(first=chain.first.digest, version=chain.last.version, digest=chain.last.digest)
    if seen != record.root and _may_ask(record):
        device.journal.write(record.changed(root=seen))


def _lost(chain: Chain, record: Record) -> bool:
    seen = record.root
    return seen is not None and seen.first == chain.first.digest and chain.last.version < seen.version


def _hold_to_account(chain: Chain, record: Record) -> None:
    claims = chain.first.claims
    if record.device_id and (claims.tenant_id, claims.app_id) != (record.tenant_id, record.app_id):
        raise RootError(
            "the root of keys in the settings is another application's", code="root.account",
            hint="check root: it must be of this tenant and application",
        )  # fmt: skip


def _hold_to_seen(chain: Chain, record: Record) -> None:
    seen = record.root
    if seen is None or seen.first != chain.first.digest:
        return
    if _lost(chain, record):
        raise RootError(
            f"this device has seen version {seen.version} of the root of keys, and has {chain.last.version} now",
            code="root.lost",
            hint="its file was damaged: it goes on when root_url can be asked, or with the newest root in the settings",
        )
    if chain.digest_of(seen.version) != seen.digest:
        raise RootError(
            f"version {seen.version} of the root of keys says something else than before", code="root.changed",
            hint="root keys signed two roots of one version: find out who did; give this device the right one as root",
        )  # fmt: skip
