"""Headquarters' orders under the keeper's eyes: what does not count costs no picture, what counts is carried out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench.simulation.site import ManagedSite
from certs.order import Order, sign
from device_agent.config import Settings
from device_agent.harness.signing_key import public_pem
from device_agent.lifecycle.machine import Phase
from tests.device_agent.api.servers import Running, http_ok, says, serving

from .conftest import Site

KEY = Ed25519PrivateKey.generate()
DAY = 86400.0


class Held(ManagedSite):
    """A managed site that obeys signed orders only."""

    def settings(self) -> Settings:
        return msgspec.structs.replace(super().settings(), order_keys=self.office.order_keys)


@pytest.fixture
def held(managed: ManagedSite) -> Held:
    site = Held(
        folder=managed.folder, harness=managed.harness, time=managed.time, office=managed.office, secret=managed.secret
    )
    site.live(60)
    assert site.record.phase is Phase.READY
    return site


def take_out(site: ManagedSite, how: str = "signed") -> None:
    site.office.office.remove("kiosk-1", removed=True)
    site.harness.rules(removed=how)


@pytest.mark.parametrize(
    ("how", "code"), [("unsigned", "order.missing"), ("other-device", "order.device"), ("expired", "order.expired")]
)
def test_an_office_that_lies_costs_no_picture_inside_the_budget(held: Held, how: str, code: str) -> None:
    held.overrides["offline_budget_s"] = "21600"
    held.start_again()
    held.live(60)
    take_out(held, how)
    held.live(3 * 3600)
    snapshot = held.report.snapshot
    assert (snapshot.phase, snapshot.link, snapshot.problem) == (Phase.READY, "cred-blocked", code)
    assert snapshot.may_show
    assert 3600 < snapshot.offline_s < 4 * 3600, "the grace runs on"
    held.live(4 * 3600)
    assert held.record.phase is Phase.LOCKED
    held.office.office.remove("kiosk-1", removed=False)
    held.live(3600)
    assert held.record.phase is Phase.READY, "nothing was lost"


def test_the_signed_order_is_obeyed_and_the_wrong_ones_before_it_were_no_hindrance(held: Held) -> None:
    take_out(held, "other-device")
    held.live(3 * 3600)
    assert held.record.phase is Phase.READY
    held.harness.rules(removed="signed")
    held.live(3600)
    assert held.record.phase is Phase.DECOMMISSIONED
    assert not list((held.folder / "cache").rglob("*.sealed"))
    assert not list((held.folder / "state").rglob("*.pem"))


def order_for(site: Site) -> bytes:
    now = datetime.fromtimestamp(site.time.now, tz=UTC)
    record = site.record
    order = Order(
        verb="remove", id="order-0001", device_id=record.device_id, tenant_id=record.tenant_id, app_id=record.app_id,
        issued=now, expires=now + timedelta(days=1),
    )  # fmt: skip
    return sign(order, key=KEY)


def with_orders_at(site: Site, tmp_path: Path, port: int) -> None:
    keys = tmp_path / "operator.pub"
    keys.write_bytes(public_pem(KEY))
    site.overrides |= {"order_keys": str(keys), "order_url": f"http://127.0.0.1:{port}/{{device_id}}"}
    site.start_again()


def asked(server: Running) -> int:
    return server.everything.count(b"GET /")


NONE = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


def test_a_place_without_orders_is_asked_with_the_regular_call_and_no_more(site: Site, tmp_path: Path) -> None:
    with serving(says(NONE)) as server:
        with_orders_at(site, tmp_path, server.port)
        site.live(DAY)
        assert site.report.snapshot.link == "online"
        assert 40 <= asked(server) <= 60, "every half hour, more or less"
        assert site.record.device_id.encode() in server.everything


@pytest.mark.parametrize("answer", [http_ok(b"<html>"), b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n", b""])
def test_a_place_that_is_ill_changes_nothing(site: Site, tmp_path: Path, answer: bytes) -> None:
    with serving(says(answer)) as server:
        with_orders_at(site, tmp_path, server.port)
        site.live(DAY)
        snapshot = site.report.snapshot
        assert (snapshot.phase, snapshot.link, snapshot.problem) == (Phase.READY, "online", "")
        assert 40 <= asked(server) <= 60, "not more often than a good one"


def test_a_platform_that_refuses_keeps_nobody_from_hearing_headquarters(site: Site, tmp_path: Path) -> None:
    """The credentials are blocked, so that no licensed call succeeds; the order still comes."""
    site.live(60)
    data = order_for(site)
    with serving(says(http_ok(data))) as server:
        with_orders_at(site, tmp_path, server.port)
        site.harness.fault("token_expired", on="ClientStart", times=None)
        site.live(3600)
        assert site.record.phase is Phase.DECOMMISSIONED
        assert site.record.orders == ("order-0001",)
        assert site.seats() == []


def test_days_of_a_bad_order_ask_for_no_more_than_they_should(site: Site, tmp_path: Path) -> None:
    """V9 for the place of orders: whatever lies there, it is asked every 24 minutes at most."""
    site.live(60)
    data = order_for(site)[:-2]
    with serving(says(http_ok(data))) as server:
        with_orders_at(site, tmp_path, server.port)
        site.live(5 * DAY)
        assert asked(server) <= 5 * 24 * 60 / 24 + 1
        assert site.record.phase is Phase.READY


def test_a_device_whose_order_is_gone_still_hears_headquarters_within_the_hour(site: Site, tmp_path: Path) -> None:
    """The platform is asked once a day then; headquarters is not the platform."""
    site.live(60)
    lies_there = [NONE]
    with serving(lambda peer, _head: peer.sendall(lies_there[0])) as server:
        with_orders_at(site, tmp_path, server.port)
        site.live(60)
        (license_,) = site.harness._on_loop(site.harness._console.licenses)
        site.harness._on_loop(lambda: site.harness._world.seats.set_state(license_["license_id"], "released"))
        site.live(4 * 3600)
        assert site.record.phase is Phase.LICENSE_BLOCKED
        before, calls = asked(server), len(site.harness.calls(operation="LicenseAuth"))
        site.live(10 * 3600)
        assert 15 <= asked(server) - before <= 25
        lies_there[0] = http_ok(order_for(site))
        site.live(3600)
        assert site.record.phase is Phase.DECOMMISSIONED
        assert len(site.harness.calls(operation="LicenseAuth")) == calls
