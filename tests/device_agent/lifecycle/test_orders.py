"""Signed orders on the device: whoever brings one, only headquarters' own removes it, and each of them once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from certs import signed
from certs.errors import OrderError
from certs.order import DOMAIN, LONGEST, Order, sign
from device_agent.errors import ConfigurationError, NetworkError, PermissionRefused, StateError
from device_agent.harness.enrolment.server import Enrolment
from device_agent.harness.serve import RunningHarness
from device_agent.harness.signing_key import public_pem
from device_agent.lifecycle import orders
from device_agent.lifecycle.device import Device
from device_agent.lifecycle.document import shown
from device_agent.lifecycle.machine import Phase
from device_agent.lifecycle.office_refusals import REMOVED
from device_agent.lifecycle.record import Record, Tombstone, Unbind

from .conftest import CODE, Kiosk, Off

KEY, OTHER = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()


@pytest.fixture
def held(managed: Kiosk, office: Enrolment) -> Kiosk:
    """A device that obeys signed orders only, with an avatar on its screen."""
    managed.overrides |= {"order_keys": str(office.order_keys), "order_url": office.order_url}
    bound(managed)
    return managed


def bound(kiosk: Kiosk) -> str:
    with kiosk.engine() as engine:
        engine.bind()
        engine.start()
        engine.fetch(CODE)
        return engine.record.device_id


def taken_out(kiosk: Kiosk) -> str:
    """What the office's word comes to: the phase afterwards, or the code of a refusal that changed nothing."""
    with kiosk.engine() as engine:
        with pytest.raises(PermissionRefused) as refusal:
            engine.start()
        assert refusal.value.code == REMOVED
        before = durable(kiosk)
        told = None
        try:
            engine.believe(refusal.value)
        except OrderError as error:
            told = error
        if told is None:
            engine.unbind()
            return str(engine.record.phase)
        assert told.hint
        assert durable(kiosk) == before
        assert engine.record.phase is Phase.READY
        return told.code


def durable(kiosk: Kiosk) -> dict[str, bytes]:
    return {name: data for name, data in kiosk.files().items() if not name.endswith("lock")}


def device_of(kiosk: Kiosk) -> str:
    with kiosk.engine() as engine:
        return engine.record.device_id


def test_headquarters_order_removes_the_device_and_is_used_up(held: Kiosk, office: Enrolment) -> None:
    device_id = device_of(held)
    office.office.remove(device_id, removed=True)
    assert taken_out(held) == "decommissioned"
    with held.engine() as engine:
        (order_id,) = engine.record.orders
        assert engine.record.tombstone is not None
        assert engine.record.device_id == ""
    payload, _signers = signed.unverified(office.office.order(device_id), longest=LONGEST)
    assert order_id.encode() in payload


@pytest.mark.parametrize(
    ("how", "code"),
    [("unsigned", "order.missing"), ("other-device", "order.device"), ("expired", "order.expired")],
)  # fmt: skip
def test_an_office_that_lies(held: Kiosk, office: Enrolment, harness: RunningHarness, how: str, code: str) -> None:
    office.office.remove(device_of(held), removed=True)
    harness.rules(removed=how)
    assert taken_out(held) == code
    assert len(harness.seats()) == 1
    harness.rules(removed="signed")
    assert taken_out(held) == "decommissioned"


def test_an_order_is_good_once_also_when_the_device_is_bound_anew(
    held: Kiosk, office: Enrolment, harness: RunningHarness
) -> None:
    device_id = device_of(held)
    for life in range(2):
        office.office.remove(device_id, removed=True)
        assert taken_out(held) == "decommissioned"
        office.office.remove(device_id, removed=False)
        assert bound(held) == device_id
        office.office.remove(device_id, removed=True)
        harness.rules(removed="replayed")
        assert taken_out(held) == "order.replayed", life
        office.office.remove(device_id, removed=False)
        harness.rules(removed="signed")
    with held.engine() as engine:
        assert len(engine.record.orders) == 2


def test_without_keys_the_office_s_word_counts_as_before(
    managed: Kiosk, office: Enrolment, harness: RunningHarness
) -> None:
    office.office.remove(bound(managed), removed=True)
    harness.rules(removed="unsigned")
    assert taken_out(managed) == "decommissioned"


def test_a_local_unbind_does_not_leave_the_seat_to_an_office_that_lies(
    held: Kiosk, office: Enrolment, harness: RunningHarness
) -> None:
    """The operator at the device wants it gone; the office says, unsigned, that headquarters saw to the seat."""
    device_id = device_of(held)
    office.office.remove(device_id, removed=True)
    harness.rules(removed="unsigned")
    with held.engine() as engine:
        with pytest.raises(OrderError) as caught:
            engine.unbind()
        assert caught.value.code == "order.missing"
        assert engine.record.phase is Phase.UNBINDING
    harness.rules(removed="signed")
    with held.engine() as engine:
        engine.unbind()
        assert engine.record.phase is Phase.DECOMMISSIONED
        assert len(engine.record.orders) == 1, "used up, though the device was leaving by itself"


def test_what_was_begun_by_a_good_order_needs_no_second_one(
    held: Kiosk, office: Enrolment, harness: RunningHarness
) -> None:
    device_id = device_of(held)
    office.office.remove(device_id, removed=True)
    order = office.office.order(device_id)
    harness.rules(removed="unsigned")
    with held.engine() as engine:
        assert engine.obey(order, where="stick")
        assert engine.obey(order, where="stick"), "the same again goes on with it"
        engine.unbind()
        assert engine.record.phase is Phase.DECOMMISSIONED
        assert not engine.obey(order, where="stick"), "nobody is left who could obey"


def test_a_clock_of_1970_is_put_right_by_the_office_s_own(held: Kiosk, office: Enrolment) -> None:
    office.office.remove(device_of(held), removed=True)
    with held.engine(clock=Off(-1_700_000_000.0)) as engine:
        with pytest.raises(PermissionRefused) as refusal:
            engine.start()
        engine.believe(refusal.value)
        engine.unbind()
        assert engine.record.phase is Phase.DECOMMISSIONED


def test_an_order_that_ended_is_no_reason_to_ask_its_bringer_for_the_time(
    held: Kiosk, office: Enrolment, harness: RunningHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or a broker that kept an old order would say what makes it good again."""
    office.office.remove(device_of(held), removed=True)
    harness.rules(removed="expired")
    monkeypatch.setattr(Device, "ask_the_time", lambda _device: pytest.fail("asked"))
    assert taken_out(held) == "order.expired"


def test_an_order_at_an_address(held: Kiosk, office: Enrolment, harness: RunningHarness) -> None:
    with held.engine() as engine:
        assert engine.may_ask_for_orders
        assert not engine.ask_for_order()
        assert engine.record.phase is Phase.READY
        office.office.remove(engine.record.device_id, removed=True)
        harness.rules(removed="other-device")
        with pytest.raises(OrderError) as caught:
            engine.ask_for_order()
        assert (caught.value.code, engine.record.phase) == ("order.device", Phase.READY)
        harness.rules(removed="signed")
        assert engine.ask_for_order()
        assert engine.record.phase is Phase.UNBINDING
        assert not engine.may_ask_for_orders
        engine.unbind()
        assert engine.record.phase is Phase.DECOMMISSIONED


def test_an_id_with_marks_of_addresses_stays_within_its_place(kiosk: Kiosk, monkeypatch: pytest.MonkeyPatch) -> None:
    own_keys(kiosk, KEY, order_url="https://fleet.example/orders/{device_id}?v=1", device_id="../K?1&x#%/")
    bound(kiosk)
    asked: list[str] = []
    monkeypatch.setattr(orders, "fetched", lambda _device, address, **_more: asked.append(address))
    with kiosk.engine() as engine:
        assert not engine.ask_for_order()
    assert asked == ["https://fleet.example/orders/..%2FK%3F1%26x%23%25%2F?v=1"]


@pytest.mark.parametrize("login", ["", "me:s3cret@", "me@x:s3cret@"])
def test_an_address_is_told_without_its_login_and_query(login: str) -> None:
    assert shown(f"https://{login}fleet.example:8443/orders/K1?t=s3cret#x") == "https://fleet.example:8443/orders/K1"


def own_keys(kiosk: Kiosk, *keys: Ed25519PrivateKey, **settings: str) -> None:
    file = kiosk.folder / "operator.pub"
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(b"".join(public_pem(key) for key in keys))
    kiosk.overrides |= {"order_keys": str(file), **settings}


def order_for(kiosk: Kiosk, *, by: Ed25519PrivateKey = KEY, **changes: Any) -> bytes:
    now = datetime.now(UTC)
    with kiosk.engine() as engine:
        record = engine.record
    facts: dict[str, Any] = {
        "verb": "remove", "id": "order-0001", "device_id": record.device_id, "tenant_id": record.tenant_id,
        "app_id": record.app_id, "issued": now, "expires": now + timedelta(days=1),
    }  # fmt: skip
    return sign(Order(**{**facts, **changes}), key=by)


def refused(kiosk: Kiosk, data: bytes) -> str:
    before = durable(kiosk)
    with kiosk.engine() as engine:
        with pytest.raises(OrderError) as caught:
            engine.obey(data, where="stick")
        assert caught.value.where == "stick"
        assert engine.record.phase is Phase.READY
    assert durable(kiosk) == before
    return caught.value.code


@pytest.mark.parametrize(
    ("change", "code"),
    [({"device_id": "ANOTHER"}, "order.device"), ({"tenant_id": 7}, "order.device"), ({"app_id": "x"}, "order.device"),
     ({"verb": "reboot"}, "order.verb"), ({"by": OTHER}, "order.signature"),
     ({"expires": datetime.now(UTC) - timedelta(seconds=1), "issued": datetime(2026, 1, 1, tzinfo=UTC)},
      "order.expired"),
     ({"issued": datetime.now(UTC) + timedelta(hours=1)}, "order.early")],
)  # fmt: skip
def test_orders_in_a_file_with_an_access_key_and_no_office(kiosk: Kiosk, change: dict[str, Any], code: str) -> None:
    own_keys(kiosk, KEY)
    bound(kiosk)
    assert refused(kiosk, order_for(kiosk, **change)) == code
    with kiosk.engine() as engine:
        assert engine.obey(order_for_open(engine.record), where="stick")
        engine.unbind()
        assert engine.record.phase is Phase.DECOMMISSIONED


def order_for_open(record: Any) -> bytes:
    now = datetime.now(UTC)
    order = Order(
        verb="remove", id="order-good", device_id=record.device_id, tenant_id=record.tenant_id, app_id=record.app_id,
        issued=now, expires=now + timedelta(days=1),
    )  # fmt: skip
    return sign(order, key=KEY)


def test_two_of_two(kiosk: Kiosk) -> None:
    own_keys(kiosk, KEY, OTHER, order_threshold="2")
    bound(kiosk)
    one = order_for(kiosk)
    assert refused(kiosk, one) == "order.signature"
    two = signed.sign_too(one, domain=DOMAIN, key=OTHER, longest=LONGEST)
    with kiosk.engine() as engine:
        assert engine.obey(two, where="stick")


def test_ids_that_were_carried_out_are_kept_in_a_number_that_has_an_end(kiosk: Kiosk) -> None:
    own_keys(kiosk, KEY)
    bound(kiosk)
    with kiosk.engine() as engine:
        full = tuple(f"order-{number:04}" for number in range(orders.MOST_REMEMBERED))
        engine._device.journal.write(engine.record.changed(orders=full))
        engine.obey(order_for_open(engine.record), where="stick")
        assert engine.record.orders == (*full[1:], "order-good")
        engine.unbind()
    with kiosk.engine() as engine:
        assert engine.record.orders == (*full[1:], "order-good")


def test_a_disk_in_another_machine_obeys_nothing(kiosk: Kiosk) -> None:
    own_keys(kiosk, KEY)
    bound(kiosk)
    order = order_for(kiosk)
    kiosk.serial = "board-2"
    with kiosk.engine() as engine:
        assert engine.record.phase is Phase.CLONE_SUSPECT
        with pytest.raises(StateError) as caught:
            engine.obey(order, where="stick")
        assert caught.value.code == "state.clone"
        assert not engine.may_ask_for_orders
        assert engine.record.orders == ()


def test_settings_that_do_not_fit(kiosk: Kiosk, tmp_path: Path) -> None:
    bound(kiosk)
    own_keys(kiosk, KEY, KEY, order_url="https://127.0.0.1:1/{device_id}")

    def code_with(**settings: str) -> str:
        with kiosk.engine(overrides=settings) as engine:
            with pytest.raises((ConfigurationError, OrderError)) as caught:
                engine.ask_for_order()
            return caught.value.code

    assert code_with(order_threshold="2") == "config.orders", "the same key twice is one"
    assert code_with(order_keys="/none") == "config.orders"
    assert code_with(order_url="http://fleet.example/{device_id}") == "config.orders"
    assert code_with(order_url="https://[") == "config.orders"
    (tmp_path / "bad.pub").write_bytes(b"none")
    assert code_with(order_keys=str(tmp_path / "bad.pub")) == "order.keys"
    del kiosk.overrides["order_keys"]
    assert code_with() == "config.missing"
    with pytest.raises(ConfigurationError):
        kiosk.settings(order_threshold="0")


@pytest.mark.parametrize(
    ("fault", "code"), [("captive", "order.form"), ("redirect", "network.redirect"), ("drop_before", "network.cut")]
)
def test_who_stands_in_the_address_s_place(kiosk: Kiosk, harness: RunningHarness, fault: str, code: str) -> None:
    """The stand-in's own faults, over plain http on this machine; all of TLS is in test_hostile_network.py."""
    bound(kiosk)
    own_keys(kiosk, KEY, order_url=f"{harness.ready.endpoint}/assets/orders/{{device_id}}")
    harness.fault(fault, on="assets", times=1)
    before = durable(kiosk)
    with kiosk.engine() as engine:
        with pytest.raises((OrderError, NetworkError)) as caught:
            engine.ask_for_order()
        assert (caught.value.code, engine.record.phase) == (code, Phase.READY)
        assert not engine.ask_for_order(), "404: there is none"
    assert durable(kiosk) == before


def test_a_record_of_before_there_were_orders_is_read() -> None:
    old = msgspec.json.decode(b'{"v":1,"gen":3,"phase":"decommissioned"}', type=Record)
    assert old.orders == ()


def test_doctor_says_whose_orders_count(held: Kiosk) -> None:
    from device_agent.service.checkup import checkup
    from device_agent.service.finding import Level

    def finding(**overrides: str) -> Any:
        settings = held.settings(**overrides)
        return next(one for one in checkup(settings, environ={}, network=False) if one.check == "orders")

    assert finding().level is Level.OK
    assert "1 of 1 key" in finding().says
    assert finding(order_threshold="2").level is Level.BAD
    held.overrides.clear()
    assert finding().level is Level.NOTE
    assert "order_keys" in finding().fix


@pytest.mark.parametrize("phase", list(Phase))
def test_a_good_order_in_each_phase(kiosk: Kiosk, phase: Phase) -> None:
    """It moves whoever may hold a seat, goes on with who is leaving already, and nobody else."""
    own_keys(kiosk, KEY)
    bound(kiosk)
    order = order_for(kiosk)
    leaving, nobody = ("unbinding", "sealing", "erasing"), ("blank", "decommissioned", "clone-suspect", "fault")
    with kiosk.engine() as engine:
        began = Unbind(intent_id="at-the-device") if phase in leaving else None
        before = engine._device.journal.write(engine.record.changed(phase=phase, unbind=began))
        if phase in ("clone-suspect", "fault"):
            with pytest.raises(StateError):
                engine.obey(order, where="stick")
        else:
            assert engine.obey(order, where="stick") is (phase not in nobody)
        after = engine.record
        if phase in nobody:
            assert after == before
            return
        assert after.phase == (phase if phase in leaving else Phase.UNBINDING)
        assert after.orders == ("order-0001",)
        assert after.unbind is not None
        assert (after.unbind.intent_id, after.unbind.by) == ("order-0001", "headquarters")


def test_an_order_finds_a_device_of_which_only_the_tombstone_is_to_be_written(kiosk: Kiosk) -> None:
    """Power failed between the last two writes: nothing names the device any more, and it is no other one."""
    own_keys(kiosk, KEY)
    bound(kiosk)
    order = order_for(kiosk)
    with kiosk.engine() as engine:
        left = Record(phase=Phase.ERASING, tombstone=Tombstone(id_hash="x", at=1.0))
        before = engine._device.journal.write(left.changed(gen=engine.record.gen))
        assert engine.obey(order, where="stick")
        assert engine.record == before
        engine.unbind()
        assert engine.record.phase is Phase.DECOMMISSIONED


@pytest.mark.parametrize(
    ("phase", "device_id", "asked"),
    [
        (Phase.IDENTIFIED, "x", True), (Phase.READY, "x", True), (Phase.LICENSE_BLOCKED, "x", True),
        (Phase.BLANK, "", False), (Phase.BLANK, "x", False), (Phase.DECOMMISSIONED, "x", False),
        (Phase.CLONE_SUSPECT, "x", False), (Phase.UNBINDING, "x", False), (Phase.IDENTIFIED, "", False),
    ],
)  # fmt: skip
def test_who_could_be_told_anything(kiosk: Kiosk, phase: Phase, device_id: str, asked: bool) -> None:
    """A disk in another machine is not asked for: the order, if there is one, is for the device that it came from."""
    record = Record(phase=phase, device_id=device_id)
    settings = kiosk.settings(order_url="https://orders.example/{device_id}")
    assert orders.is_asked_for(settings, record) is asked
    assert not orders.is_asked_for(kiosk.settings(), record)
