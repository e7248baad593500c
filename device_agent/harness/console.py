"""The handles of the stand-in: reset, licences, avatars, keys, time, rules, faults, and what was asked of it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Protocol

import msgspec

from device_agent.harness.callbacks import VALIDATE, Delivery
from device_agent.harness.faults import MEANINGS, Fault, Standing
from device_agent.harness.im.channels import ChannelOrder, ChannelRules
from device_agent.harness.operations.events import let_time_tell
from device_agent.harness.packages.source import file_source, sample_source
from device_agent.harness.recorder import Record
from device_agent.harness.rules import SeatRules
from device_agent.harness.state.accounts import AccessKey
from device_agent.harness.state.avatars import FAILED
from device_agent.harness.state.seats import LicenseState
from device_agent.harness.workings import Workings
from device_agent.harness.world import Snapshot, World

Count = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
Seconds = Annotated[float, msgspec.Meta(ge=-1e10, le=1e10)]


class Order(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of what can be ordered: an unknown field is a mistake, not something to pass over."""


class LicenseOrder(Order, frozen=True, kw_only=True):
    """A licence: for the first application, for another one by id, or for a new one (``app_id`` unknown so far)."""

    seats: Count = 10
    app_id: str = ""


class LicenseChange(Order, frozen=True, kw_only=True):
    """Let a licence end, or live again."""

    state: LicenseState


class AvatarOrder(Order, frozen=True, kw_only=True):
    """An avatar file on this machine; without a path the sample avatar."""

    path: str = ""
    code: str = ""
    name: str = ""


class TimeOrder(Order, frozen=True, kw_only=True):
    """Let seconds pass at once."""

    move: Seconds


class KeyOrder(Order, frozen=True, kw_only=True):
    """A key for the first tenant: permanent, or temporary with a security token; some operations may be denied."""

    temporary: bool = False
    expires_in: Seconds | None = None
    denied: tuple[str, ...] = ()
    active: bool = True


class CallbackOrder(Order, frozen=True, kw_only=True):
    """Where the first tenant wants its events, and the key they are signed with."""

    url: str
    auth_key: str


class FailureOrder(Order, frozen=True, kw_only=True):
    """Let the making of a 2D avatar fail."""

    reason: str = "the video could not be used"


class SeedOrder(Order, frozen=True, kw_only=True):
    """Ids from here on."""

    seed: str


class InvitationOrder(Order, frozen=True, kw_only=True):
    """A secret for a first certificate: for this device, or for any."""

    device_id: str = ""


class RemovalOrder(Order, frozen=True, kw_only=True):
    """Take a device out, or let it in again."""

    removed: bool


class OfficeDesk(Protocol):
    """What the console may order of a registration office."""

    def invite(self, device_id: str = "") -> str:
        """A provisioning secret that works once."""

    def remove(self, device_id: str, *, removed: bool) -> None:
        """Take a device out, or let it in again."""

    def devices(self) -> list[dict[str, object]]:
        """Every device that has a certificate, or was taken out."""


class Console:
    """Everything that may be done to a running stand-in; to be used on the server's own loop.

    Attributes:
        office: the registration office beside it, if there is one.
    """

    def __init__(self, *, world: World) -> None:
        self._world = world
        self.office: OfficeDesk | None = None
        self._snapshots: dict[str, Snapshot] = {}

    def take_snapshot(self, name: str) -> None:
        """Keep this moment under a name, in memory; a snapshot of that name is replaced."""
        self._snapshots[name] = self._world.snapshot()

    def restore_snapshot(self, name: str) -> bool:
        """Go back to a moment; whether there is a snapshot of that name."""
        if name not in self._snapshots:
            return False
        self._world.restore(self._snapshots[name])
        return True

    def snapshots(self) -> list[str]:
        """Names of the snapshots."""
        return list(self._snapshots)

    def reset(self) -> None:
        """Forget what happened; keep tenants, keys, licences and avatars."""
        self._world.reset()

    def seats(self) -> list[dict[str, object]]:
        """Every seat that is taken."""
        return self._world.seats.held()

    def calls(self, *, operation: str = "", since: int = 0) -> list[Record]:
        """What was asked and answered."""
        return self._world.recorder.records(operation=operation, since=since)

    def licenses(self) -> list[dict[str, object]]:
        """Every licence, without its text."""
        return self._world.seats.licenses()

    async def issue_license(self, order: LicenseOrder) -> dict[str, Any]:
        """A new licence; its file holds the text."""
        world = self._world
        tenant_id = world.household.tenant_id
        issued = world.office.issue(
            tenant_id=tenant_id, app_id=order.app_id or world.household.app_id, seats=order.seats
        )
        return {
            "license_id": issued.license_id,
            "tenant_id": issued.tenant_id,
            "app_id": issued.app_id,
            "seats": issued.seats,
            "license_file": str(issued.file),
        }

    def change_license(self, license_id: int, change: LicenseChange) -> bool:
        """Whether there was such a licence."""
        return self._world.seats.set_state(license_id, change.state)

    def avatars(self) -> list[str]:
        """Codes of all avatars."""
        return self._world.shelf.codes()

    async def add_avatar(self, order: AvatarOrder) -> dict[str, str]:
        """Offer one more avatar, packed before this returns.

        Raises:
            AssetError: the file is no avatar; nothing is offered then.
        """
        source = file_source(Path(order.path), code=order.code, name=order.name) if order.path else sample_source()
        files = await asyncio.to_thread(source.read)
        shelf = self._world.shelf
        shelf.offer(replace(source, read=lambda: files), tenant_id=self._world.household.tenant_id)
        shelf.keep(await asyncio.to_thread(shelf.seal, source.code))
        return {"code": source.code}

    def move_time(self, order: TimeOrder) -> float:
        """The stand-in's time afterwards."""
        self._world.clock.move(order.move)
        self.let_time_tell()
        return self._world.clock.now()

    def let_time_tell(self) -> None:
        """Let everything happen that time alone brings about, and tell whoever wants to know."""
        let_time_tell(self._world)
        self._world.callbacks.flush()

    def rules(self, changes: dict[str, Any] | None = None) -> SeatRules:
        """The rules of seats in force, after ``changes``.

        Raises:
            msgspec.ValidationError: no such rule, or no such answer to it.
        """
        if changes is not None:
            self._world.rules = msgspec.convert(msgspec.to_builtins(self._world.rules) | changes, SeatRules)
        return self._world.rules

    def channels(self) -> dict[str, Any]:
        """The drive channels that are open, and what came on them."""
        return self._world.channels.facts()

    def order_channels(self, order: ChannelOrder) -> int:
        """Let something happen on every open channel; how many there were."""
        return self._world.channels.order(order)

    def channel_rules(self, changes: dict[str, Any]) -> ChannelRules:
        """The rules of channels in force, after ``changes``.

        Raises:
            msgspec.ValidationError: no such rule, or no such answer to it.
        """
        channels = self._world.channels
        channels.rules = msgspec.convert(msgspec.to_builtins(channels.rules) | changes, ChannelRules)
        return channels.rules

    def workings(self, changes: dict[str, Any] | None = None) -> Workings:
        """How fast slow things go, after ``changes``.

        Raises:
            msgspec.ValidationError: no such setting, or a value of the wrong kind.
        """
        if changes is not None:
            self._world.workings = msgspec.convert(msgspec.to_builtins(self._world.workings) | changes, Workings)
        return self._world.workings

    def messages(self, session_id: str) -> list[dict[str, object]]:
        """What a session was told to say, and where each message is."""
        return self._world.messages.queue(session_id, now=self._world.clock.now())

    def fail_avatar(self, code: str, order: FailureOrder) -> bool:
        """Whether there was such an avatar."""
        world = self._world
        if world.avatars.find(code, tenant_id=world.household.tenant_id) is None:
            return False
        world.avatars.change(code, {"make_status": FAILED, "fail_reason": order.reason})
        return True

    async def set_callback(self, order: CallbackOrder) -> Delivery:
        """Note an address and send it the VALIDATE event; how that went."""
        world = self._world
        tenant_id = world.household.tenant_id
        world.callbacks.set_address(tenant_id=tenant_id, url=order.url, auth_key=order.auth_key)
        delivery = world.callbacks.tell(VALIDATE, {}, tenant_id=tenant_id)
        world.callbacks.flush()
        await world.callbacks.settle()
        return delivery

    def deliveries(self) -> list[Delivery]:
        """Events that were sent."""
        return self._world.callbacks.deliveries()

    def faults(self) -> list[Standing]:
        """Faults that were ordered and not lifted."""
        return self._world.faults.table()

    def fault_kinds(self) -> dict[str, str]:
        """Every kind of fault and what it does."""
        return dict(MEANINGS)

    def order_fault(self, fault: Fault) -> Standing:
        """Put a fault into force."""
        standing = self._world.faults.order(fault)
        self._world.clock.skew = self._world.faults.skew()
        return standing

    def lift_faults(self, fault_id: int | None = None) -> int:
        """Take one fault or all out of force; how many that were."""
        gone = self._world.faults.lift(fault_id)
        self._world.clock.skew = self._world.faults.skew()
        return len(gone)

    def add_key(self, order: KeyOrder) -> dict[str, str]:
        """A key that works from now on."""
        world = self._world
        key = AccessKey(
            access_key_id=("STS." if order.temporary else "LTAI") + world.ids.letters(20),
            secret=world.ids.letters(30),
            tenant_id=world.household.tenant_id,
            security_token=world.ids.token(96) if order.temporary else None,
            expires_at=None if order.expires_in is None else world.clock.now() + order.expires_in,
            active=order.active,
            denied=frozenset(order.denied),
        )
        world.accounts.add_key(key)
        return {
            "access_key_id": key.access_key_id,
            "access_key_secret": key.secret,
            "security_token": key.security_token or "",
        }

    def add_bearer(self, *, expires_in: float | None = None) -> str:
        """A bearer token of the first tenant."""
        world = self._world
        token = world.ids.token(48)
        expires_at = None if expires_in is None else world.clock.now() + expires_in
        world.accounts.add_bearer(token, tenant_id=world.household.tenant_id, expires_at=expires_at)
        return token

    def reseed(self, order: SeedOrder) -> None:
        """Give ids from another seed from here on."""
        self._world.ids.reseed(order.seed)
