"""Everything one stand-in is made of, put together once and handed to whoever needs a part."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa

from certs.files import private_directory
from device_agent.harness.callbacks import Callbacks, Post, post_over_http
from device_agent.harness.clock import HarnessClock
from device_agent.harness.faults import Faults
from device_agent.harness.ids import Ids
from device_agent.harness.im.channels import Channels
from device_agent.harness.licensing import LicenseOffice, make_key
from device_agent.harness.packages.listing import Listing
from device_agent.harness.packages.shelf import Shelf
from device_agent.harness.packages.source import PackageSource
from device_agent.harness.recorder import Recorder
from device_agent.harness.roots import Roots
from device_agent.harness.rules import SeatRules
from device_agent.harness.state.accounts import AccessKey, Accounts
from device_agent.harness.state.avatars import Avatars
from device_agent.harness.state.messages import Messages
from device_agent.harness.state.seats import Seats
from device_agent.harness.state.sessions import Sessions
from device_agent.harness.state.store import Store
from device_agent.harness.state.switches import Switches
from device_agent.harness.state.tasks import Tasks
from device_agent.harness.verify.gate import Letter
from device_agent.harness.workings import Workings


@dataclass(frozen=True, kw_only=True)
class Setup:
    """What a stand-in is started with.

    Attributes:
        folder: where licence files and packages lie; mode 0700.
        keep: the state is a file in ``folder`` and survives; otherwise it is in memory.
        seed: makes ids, tokens and packages repeatable; empty takes a fresh one.
        seats: seats of the first licence.
        avatars: avatars to offer.
        time_source: seconds since 1970.
        keys: makes the RSA keys of licences.
        post: sends events to callback addresses.
    """

    folder: Path
    keep: bool = False
    seed: str = ""
    seats: int = 10
    avatars: tuple[PackageSource, ...] = ()
    rules: SeatRules = field(default_factory=SeatRules)
    workings: Workings = field(default_factory=Workings)
    time_source: Callable[[], float] = time.time
    keys: Callable[[], rsa.RSAPrivateKey] = make_key
    post: Post = post_over_http


@dataclass(frozen=True, kw_only=True)
class Household:
    """The first tenant: what an agent is told to use."""

    tenant_id: int
    app_id: str
    access_key_id: str
    access_key_secret: str = field(repr=False)
    license_file: Path


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """A stand-in at one moment."""

    state: bytes = field(repr=False)
    moved: float
    rules: SeatRules
    workings: Workings


@dataclass(kw_only=True)
class World:
    """One running stand-in. ``origin``, ``rules`` and ``workings`` change while it runs; the parts do not."""

    folder: Path
    clock: HarnessClock
    ids: Ids
    store: Store
    accounts: Accounts
    seats: Seats
    office: LicenseOffice
    shelf: Shelf
    sessions: Sessions
    messages: Messages
    tasks: Tasks
    avatars: Avatars
    switches: Switches
    callbacks: Callbacks
    faults: Faults
    recorder: Recorder
    channels: Channels
    household: Household
    first_rules: SeatRules
    rules: SeatRules
    first_workings: Workings
    workings: Workings
    origin: str = "http://127.0.0.1"
    listing: Listing | None = None
    roots: Roots | None = None
    late: list[tuple[float, Letter]] = field(default_factory=list, repr=False)
    """Calls that are under way although nobody waits for them any more, and when they arrive."""

    def reset(self) -> None:
        """Back to the morning of the first day: no seats, no calls, no faults, the source's time."""
        self.store.reset()
        self.faults.lift()
        self.late.clear()
        self.recorder.forget()
        self.callbacks.forget()
        self.channels.forget()
        self.clock.restart()
        self.rules = self.first_rules
        self.workings = self.first_workings

    def snapshot(self) -> Snapshot:
        """Everything that calls and orders can change, but for faults and the record of calls."""
        return Snapshot(state=self.store.snapshot(), moved=self.clock.moved, rules=self.rules, workings=self.workings)

    def restore(self, snapshot: Snapshot) -> None:
        """Back to a snapshot. Ids go on: none is given twice."""
        self.store.restore(snapshot.state)
        self.clock.move(snapshot.moved - self.clock.moved)
        self.rules, self.workings = snapshot.rules, snapshot.workings

    def close(self) -> None:
        """Close the state."""
        self.store.close()


def build_world(setup: Setup) -> World:
    """Open or create the state and settle the first tenant.

    Raises:
        ConfigurationError: the state cannot be opened.
        PrivateFileError: the folder cannot be used.
    """
    folder = private_directory(setup.folder)
    assets = private_directory(folder / "assets")
    store = Store(file=folder / "state.sqlite" if setup.keep else None)
    try:
        clock = HarnessClock(source=setup.time_source)
        ids = _ids(store, setup.seed)
        accounts = Accounts(store=store)
        seats = Seats(store=store)
        office = LicenseOffice(accounts=accounts, seats=seats, ids=ids, folder=folder, keys=setup.keys)
        household = _household(store, ids=ids, accounts=accounts, office=office, seats=setup.seats)
        shelf = Shelf(store=store, ids=ids, folder=assets)
        for source in setup.avatars:
            shelf.offer(source, tenant_id=household.tenant_id)
    except BaseException:
        store.close()
        raise
    return World(
        folder=folder,
        clock=clock,
        ids=ids,
        store=store,
        accounts=accounts,
        seats=seats,
        office=office,
        shelf=shelf,
        sessions=Sessions(store=store),
        messages=Messages(store=store),
        tasks=Tasks(store=store),
        avatars=Avatars(store=store),
        switches=Switches(store=store),
        callbacks=Callbacks(store=store, clock=clock, ids=ids, post=setup.post),
        faults=Faults(),
        recorder=Recorder(),
        channels=Channels(ids=ids, now=clock.now),
        household=household,
        first_rules=setup.rules,
        rules=setup.rules,
        first_workings=setup.workings,
        workings=setup.workings,
    )


def _ids(store: Store, seed: str) -> Ids:
    """A state that was kept goes on with its own seed, and never repeats the ids of its earlier runs."""
    kept = store.value("SELECT value FROM meta WHERE name = 'seed'")
    chosen = str(kept) if kept is not None else seed or os.urandom(16).hex()
    run = int(store.value("SELECT value FROM meta WHERE name = 'run'") or 0)
    with store.transaction():
        _remember(store, seed=chosen, run=str(run + 1))
    return Ids(seed=chosen, run=run)


def _household(store: Store, *, ids: Ids, accounts: Accounts, office: LicenseOffice, seats: int) -> Household:
    kept = {row["name"]: row["value"] for row in store.all("SELECT name, value FROM meta")}
    if "license_file" in kept:
        return Household(
            tenant_id=int(kept["tenant_id"]),
            app_id=kept["app_id"],
            access_key_id=kept["access_key_id"],
            access_key_secret=kept["access_key_secret"],
            license_file=Path(kept["license_file"]),
        )
    key = AccessKey(
        access_key_id=f"LTAI{ids.letters(20)}",
        secret=ids.letters(30),
        tenant_id=ids.number(10_000, 99_999),
    )
    with store.transaction():
        accounts.add_key(key)
        issued = office.issue(tenant_id=key.tenant_id, app_id=f"ALIPUB{ids.letters(10).upper()}", seats=seats)
        household = Household(
            tenant_id=key.tenant_id,
            app_id=issued.app_id,
            access_key_id=key.access_key_id,
            access_key_secret=key.secret,
            license_file=issued.file,
        )
        _remember(
            store,
            tenant_id=str(household.tenant_id),
            app_id=household.app_id,
            access_key_id=household.access_key_id,
            access_key_secret=household.access_key_secret,
            license_file=str(household.license_file),
        )
    return household


def _remember(store: Store, **facts: str) -> None:
    for name, value in facts.items():
        store.run("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))
