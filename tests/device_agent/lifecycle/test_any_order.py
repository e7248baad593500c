"""A rule-based machine: whatever the operator does and the network loses, delays or repeats, in any order."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from device_agent.api.retry import NEVER
from device_agent.config import Settings
from device_agent.errors import AgentError
from device_agent.harness.packages.source import PackageSource
from device_agent.harness.serve import RunningHarness
from device_agent.lifecycle.engine import Engine
from device_agent.lifecycle.identity import Hardware, derive
from device_agent.lifecycle.journal import load
from device_agent.lifecycle.machine import Phase

CODE = "CH_3d_test"
FILES = {"character.glb": b"x" * 5000, "character.config.json": b"{}"}
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
CALLS = ("LicenseAuth", "ClientAuth", "ClientStart", "Render3dAvatar", "ClientUnbindDevice")
FAULTS = (
    "drop_before",
    "drop_after",
    "duplicate",
    "http_500",
    "throttle",
    "captive",
    "license_expired",
    "token_expired",
)


class Clock:
    """Starts with the platform's, and goes with it."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def wall(self) -> float:
        return self.now

    def steady(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Device(RuleBasedStateMachine):
    """One device, one platform with two seats of which somebody else has one."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.folder = Path(tempfile.mkdtemp(prefix="any-order-"))
        (self.folder / "serial").write_text("board-1")
        self.harness = RunningHarness.start(
            avatars=[PackageSource(code=CODE, name="test", read=lambda: FILES)], seats=2, keys=lambda: KEY,
            time_source=lambda: self.clock.now,
        )  # fmt: skip
        ready = self.harness.ready
        self.ours = derive(b"board-1", tenant_id=ready.tenant_id, app_id=ready.app_id)

    def teardown(self) -> None:
        self.harness.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    @initialize()
    def somebody_else_takes_a_seat(self) -> None:
        with self.engine(device_id="somebody-else", state_dir=str(self.folder / "other")) as engine:
            engine.bind()

    def engine(self, **overrides: str) -> Any:
        ready = self.harness.ready
        chosen = Settings.load(
            None,
            environ={
                "AVATAR_AGENT_ACCESS_KEY_ID": ready.access_key_id,
                "AVATAR_AGENT_ACCESS_KEY_SECRET": ready.access_key_secret,
            },
            overrides={
                "endpoint": ready.endpoint, "tenant_id": str(ready.tenant_id), "app_id": ready.app_id,
                "license_file": ready.license_file, "state_dir": str(self.folder / "state"),
                "cache_dir": str(self.folder / "cache"), "blank_window_s": "960", **overrides,
            },
            system_file=self.folder / "none",
        )  # fmt: skip
        hardware = Hardware(serial_files=[self.folder / "serial"], random_bytes=os.urandom)
        options = {"retry": NEVER, "environ": {}}
        return Engine.open(chosen, hardware=hardware, clock=self.clock, client_options=options)

    @property
    def phase(self) -> Phase:
        return load(self.folder / "state").record.phase

    def held(self) -> list[Any]:
        return [seat["device_id"] for seat in self.harness.seats() if seat["device_id"] != "somebody-else"]

    @rule(act=st.sampled_from(["bind", "start", "fetch", "unbind"]))
    def operate(self, act: str) -> None:
        with suppress(AgentError), self.engine() as engine:
            {"bind": engine.bind, "start": engine.start, "unbind": engine.unbind,
             "fetch": lambda: engine.fetch(CODE)}[act]()  # fmt: skip

    @rule(kind=st.sampled_from(FAULTS), on=st.sampled_from(CALLS))
    def spoil(self, kind: str, on: str) -> None:
        self.harness.fault(kind, on=on)

    @rule(on=st.sampled_from(CALLS), seconds=st.sampled_from([0.0, 300.0, 880.0, 5000.0]))
    def delay_and_let_others_overtake(self, on: str, seconds: float) -> None:
        self.harness.fault("late", on=on, seconds=seconds)

    @rule()
    def let_what_is_late_arrive(self) -> None:
        self.harness.deliver_late()

    @rule(on=st.sampled_from(["cut", "wrong_bytes"]), count=st.integers(0, 6000))
    def spoil_a_download(self, on: str, count: int) -> None:
        self.harness.fault(on, on="assets", bytes=count)

    @rule()
    def lose_the_disk(self) -> None:
        shutil.rmtree(self.folder / "state", ignore_errors=True)
        shutil.rmtree(self.folder / "cache", ignore_errors=True)

    @rule(slots=st.sampled_from([("state.0",), ("state.1",), ("state.0", "state.1")]))
    def fill_with_zeros(self, slots: tuple[str, ...]) -> None:
        for name in slots:
            path = self.folder / "state" / name
            if path.is_file():
                path.write_bytes(bytes(path.stat().st_size))

    @rule(seconds=st.sampled_from([1.0, 100.0, 1000.0]))
    def let_time_pass(self, seconds: float) -> None:
        self.clock.now += seconds

    @invariant()
    def the_rules_hold(self) -> None:
        held = self.held()
        assert held in ([], [self.ours]), "V1, V2"
        if self.phase is Phase.DECOMMISSIONED:
            assert held == [], "V4"
        for call in self.harness.calls(operation="ClientUnbindDevice"):
            assert call.parameters.get("DeviceId", self.ours) == self.ours, "V6"

    @rule()
    def with_nothing_in_the_way_it_is_ready_or_gone(self) -> None:
        """V11: no human, bounded time."""
        self.harness.lift_faults()
        for _ in range(4):
            if self.phase in (Phase.UNBINDING, Phase.SEALING, Phase.ERASING):
                with self.engine() as engine:
                    engine.unbind()
                self.clock.now += 1000
        if self.phase is Phase.DECOMMISSIONED:
            return
        with self.engine() as engine:
            engine.bind()
            engine.start()
            engine.fetch(CODE)
        assert self.phase is Phase.READY


TestAnyOrder = Device.TestCase
TestAnyOrder.settings = settings(
    max_examples=30,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
