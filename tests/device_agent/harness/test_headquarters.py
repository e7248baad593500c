"""The stand-in's headquarters: orders that its office sends along, good ones and what a hostile office could send."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from certs.errors import OrderError
from certs.order import Order, read_keys, verify
from device_agent.harness.enrolment.headquarters import ORDERS, Headquarters
from device_agent.harness.enrolment.server import Enrolment, open_office
from device_agent.harness.serve import RunningHarness

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def said(headquarters: Headquarters, data: bytes, *, now: datetime = NOW) -> Order:
    return verify(data, keys=read_keys(headquarters.keys_file.read_bytes()), now=now)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "hq"
    path.mkdir(mode=0o700)
    return path


def test_one_removal_is_one_order_also_after_a_restart(folder: Path) -> None:
    first = Headquarters(folder, tenant_id=1, app_id="app")
    data = first.order("K1", now=NOW)
    assert said(first, data).device_id == "K1"
    again = Headquarters(folder, tenant_id=1, app_id="app")
    assert again.order("K1", now=NOW) == data
    assert again.order("K2", now=NOW) != data
    again.admitted("K1")
    later = again.order("K1", now=NOW)
    assert said(again, later).id != said(again, data).id
    assert again.order("K1", now=NOW, how="replayed") == data


def test_an_order_that_ended_is_signed_anew(folder: Path) -> None:
    headquarters = Headquarters(folder, tenant_id=1, app_id="app")
    data = headquarters.order("K1", now=NOW)
    later = NOW + timedelta(days=8)
    assert said(headquarters, headquarters.order("K1", now=later), now=later).id != said(headquarters, data).id


def test_what_a_hostile_office_could_send(folder: Path) -> None:
    headquarters = Headquarters(folder, tenant_id=1, app_id="app")
    assert headquarters.order("K1", now=NOW, how="unsigned") == b""
    assert said(headquarters, headquarters.order("K1", now=NOW, how="other-device")).device_id != "K1"
    with pytest.raises(OrderError, match="ended"):
        said(headquarters, headquarters.order("K1", now=NOW, how="expired"))


def test_damaged_orders_are_made_anew(folder: Path) -> None:
    Headquarters(folder, tenant_id=1, app_id="app").order("K1", now=NOW)
    (folder / ORDERS).write_bytes(b"\xff")
    again = Headquarters(folder, tenant_id=1, app_id="app")
    assert said(again, again.order("K1", now=NOW)).device_id == "K1"


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Enrolment]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    with (
        RunningHarness.start(keys=lambda: key) as harness,
        open_office(harness, tmp_path / "office") as opened,
    ):
        yield opened


def test_over_the_wire(office: Enrolment) -> None:
    tls = ssl.create_default_context(cafile=str(office.ca_file))
    with httpx.Client(verify=tls) as http:
        address = office.order_url.replace("{device_id}", "K%2F1")
        assert http.get(address).status_code == 404
        office.office.remove("K/1", removed=True)
        answer = http.get(address)
        assert (answer.status_code, answer.content) == (200, office.office.order("K/1"))
        assert json.loads(answer.content)["signatures"]
        office.office.remove("K/1", removed=False)
        assert http.get(address).status_code == 404


def test_a_device_that_is_taken_out_twice_is_sent_the_same_order(office: Enrolment) -> None:
    office.office.remove("K1", removed=True)
    first = office.office.order("K1")
    office.office.remove("K1", removed=True)
    assert office.office.order("K1") == first != b""
    office.office.remove("K1", removed=False)
    office.office.remove("K1", removed=True)
    assert office.office.order("K1") != first
