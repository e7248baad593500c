"""The whole agent, left to itself for thirty days while the network loses, delays, repeats and overtakes, power fails,
disks and clocks go wrong, and people give orders: in any order.
"""

from __future__ import annotations

import io
import shutil
import tempfile
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from certs.errors import OrderError
from certs.order import REMOVE, Order, sign
from device_agent.errors import AgentError
from device_agent.harness.packages.source import PackageSource
from device_agent.harness.serve import RunningHarness
from device_agent.harness.signing_key import public_pem
from device_agent.lifecycle.identity import derive
from device_agent.lifecycle.machine import HOLDS_SEAT, LEAVING, Phase
from device_agent.service.lines import Lines

from .conftest import CODE, FILES, START, Site, Time

HOUR, DAY = 3600.0, 86400.0
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
CALLS = ("LicenseAuth", "ClientAuth", "ClientStart", "Render3dAvatar", "ClientUnbindDevice")
LOST = ("drop_before", "drop_after", "duplicate", "http_500", "throttle", "captive", "redirect", "license_expired",
        "token_expired", "seat_taken")  # fmt: skip
OTHER = "somebody-else"
OPERATOR, STRANGER = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()


class Agent(RuleBasedStateMachine):
    """One kiosk under a keeper, one platform with two seats of which somebody else has one."""

    def __init__(self) -> None:
        super().__init__()
        self.time = Time()
        self.folder = Path(tempfile.mkdtemp(prefix="agent-any-order-"))
        package = PackageSource(code=CODE, name="test", read=lambda: FILES)
        self.harness = RunningHarness.start(
            avatars=[package], seats=2, keys=lambda: KEY, time_source=lambda: self.time.now
        )
        (self.folder / "operator.pub").write_bytes(public_pem(OPERATOR))
        self.site = Site(
            folder=self.folder / "site",
            harness=self.harness,
            time=self.time,
            overrides={"blank_window_s": "960", "order_keys": str(self.folder / "operator.pub")},
            log=Lines(stream=io.StringIO()),
        )
        ready = self.harness.ready
        self.ours = derive(b"board-1", tenant_id=ready.tenant_id, app_id=ready.app_id)
        self.ordered = False
        self.signed = 0
        self.carried: list[str] = []

    @initialize()
    def somebody_else_takes_a_seat(self) -> None:
        other = Site(folder=self.folder / "other", harness=self.harness, time=self.time, overrides={"device_id": OTHER})
        with other.engine(other.settings()) as engine:
            engine.bind()

    def teardown(self) -> None:
        try:
            self.with_nothing_in_the_way_thirty_days_end_well()
        finally:
            self.harness.stop()
            shutil.rmtree(self.folder, ignore_errors=True)

    # What the network does.

    @rule(kind=st.sampled_from(LOST), on=st.sampled_from(CALLS), times=st.sampled_from([1, 2, 5, 30]))
    def spoil(self, kind: str, on: str, times: int) -> None:
        self.harness.fault(kind, on=on, times=times)

    @rule(on=st.sampled_from(CALLS), seconds=st.sampled_from([0.0, 5.0, 300.0, 880.0, 5000.0]))
    def delay_and_let_others_overtake(self, on: str, seconds: float) -> None:
        self.harness.fault("late", on=on, seconds=seconds)

    @rule(kind=st.sampled_from(["cut", "wrong_bytes"]), count=st.integers(0, 12_000))
    def spoil_a_download(self, kind: str, count: int) -> None:
        self.harness.fault(kind, on="assets", bytes=count)

    @rule()
    def let_what_is_late_arrive(self) -> None:
        self.harness.deliver_late()

    @rule()
    def mend_the_network(self) -> None:
        self.harness.lift_faults()

    # What time and power do.

    @rule(seconds=st.sampled_from([1.0, 20.0, 600.0, HOUR, 6 * HOUR]))
    def live(self, seconds: float) -> None:
        self.site.live(seconds)

    @rule(days=st.sampled_from([1, 3]))
    def live_for_days(self, days: int) -> None:
        self.site.live(days * DAY)

    @rule(off=st.floats(0.0, 120.0))
    def lose_power(self, off: float) -> None:
        self.time.now += off
        self.site.start_again()

    @rule(wall_off=st.sampled_from([0.0, -START, -1200.0, 1200.0, 400 * DAY]))
    def set_the_clock(self, wall_off: float) -> None:
        self.time.wall_off = wall_off

    @rule()
    def lose_the_disk(self) -> None:
        for name in ("state", "cache"):
            shutil.rmtree(self.site.folder / name, ignore_errors=True)
        self.ordered = False  # the order was on the disk: a re-imaged kiosk binds again
        self.carried.clear()
        self.site.start_again()

    @rule(slots=st.sampled_from([("state.0",), ("state.1",), ("state.0", "state.1")]))
    def fill_with_zeros(self, slots: tuple[str, ...]) -> None:
        for name in slots:
            path = self.site.folder / "state" / name
            if path.is_file():
                path.write_bytes(bytes(path.stat().st_size))
        self.ordered = self.ordered and len(slots) == 1 and self.phase in LEAVING | {Phase.DECOMMISSIONED}
        self.carried = [order_id for order_id in self.carried if order_id in self.site.record.orders]
        self.site.start_again()

    # What people do.

    @rule()
    def order_an_unbind(self) -> None:
        with suppress(AgentError), self.site.engine(self.site.settings()) as engine:
            engine.unbind()
        self.ordered = self.phase in LEAVING | {Phase.DECOMMISSIONED}

    @rule(kind=st.sampled_from(["good", "good", "replayed", "stranger's", "another device's", "ended"]))
    def bring_an_order_of_headquarters(self, kind: str) -> None:
        """Only a good one moves the device, and once; one that does not count changes nothing at all."""
        before, ready = self.site.record, self.harness.ready
        self.signed += 1
        order_id = self.carried[-1] if kind == "replayed" and self.carried else f"order-{self.signed:04}"
        now = datetime.fromtimestamp(self.time.now - (9 * DAY if kind == "ended" else 0.0), tz=UTC)
        order = Order(
            verb=REMOVE, id=order_id, device_id=OTHER if kind == "another device's" else self.ours,
            tenant_id=ready.tenant_id, app_id=ready.app_id, issued=now, expires=now + timedelta(days=7),
        )  # fmt: skip
        data = sign(order, key=STRANGER if kind == "stranger's" else OPERATOR)
        taken = False
        with suppress(AgentError, OrderError), self.site.engine(self.site.settings()) as engine:
            taken = engine.obey(data, where="a stick")
            with suppress(AgentError):
                engine.unbind()
        after = self.site.record
        is_off = abs(self.time.wall_off + before.contact.offset_s) > 600  # what it takes the time to be
        if not taken:
            assert after.orders == before.orders
            assert kind != "good" or after.phase is not Phase.READY or is_off, "a good one is obeyed"
            return
        if kind == "replayed" and order_id in self.carried:
            assert before.phase in LEAVING, "it goes on with what it is doing"
        assert kind in ("good", "replayed") or (kind == "ended" and is_off), kind
        assert order_id in after.orders
        self.carried.append(order_id)
        self.ordered = True

    @precondition(lambda self: self.phase is Phase.DECOMMISSIONED)
    @rule()
    def provision_again(self) -> None:
        with suppress(AgentError), self.site.engine(self.site.settings()) as engine:
            engine.bind()
        self.ordered = self.phase is Phase.DECOMMISSIONED

    # What must hold.

    @property
    def phase(self) -> Phase:
        return self.site.record.phase

    def held(self) -> list[Any]:
        return [seat for seat in self.site.seats() if seat != OTHER]

    @invariant()
    def the_rules_hold(self) -> None:
        held, record = self.held(), self.site.record
        assert held in ([], [self.ours]), "V1, V2"
        if record.phase is Phase.DECOMMISSIONED:
            assert held == [], "V4"
            assert not (self.site.folder / "state" / "secrets").exists(), "V5"
        if record.phase in HOLDS_SEAT and not self.ordered:
            assert held == [self.ours], "a recorded seat is held"
        if self.ordered:
            assert record.phase in LEAVING | {Phase.DECOMMISSIONED}, "an order is never forgotten"
            assert not self.site.report.snapshot.may_show or self.site.report.snapshot.phase not in LEAVING
        for call in self.harness.calls(operation="ClientUnbindDevice"):
            assert call.parameters.get("DeviceId", self.ours) == self.ours, "V6"

    def with_nothing_in_the_way_thirty_days_end_well(self) -> None:
        """V11: no human, bounded time."""
        self.harness.lift_faults()
        self.time.wall_off = 0.0
        self.site.live(2 * DAY, until=lambda: self.phase in (Phase.READY, Phase.DECOMMISSIONED))
        self.site.live(max(2 * HOUR, START + 30 * DAY - self.time.now))
        assert self.phase is (Phase.DECOMMISSIONED if self.ordered else Phase.READY)
        self.the_rules_hold()
        assert self.time.now >= START + 30 * DAY


QUICK = settings(
    max_examples=4,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

TestAgentInAnyOrder = Agent.TestCase
TestAgentInAnyOrder.settings = QUICK


@pytest.mark.slow
def test_many_lives_in_any_order() -> None:
    run_state_machine_as_test(Agent, settings=settings(QUICK, max_examples=40, stateful_step_count=30))
