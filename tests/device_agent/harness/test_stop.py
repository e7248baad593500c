"""How a stand-in ends: idle connections hold nothing up, and what is under way arrives. No second passes in between."""

from __future__ import annotations

import os
import ssl
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest

from device_agent.harness import server
from device_agent.harness.packages.source import PackageSource
from device_agent.harness.serve import RunningHarness


@pytest.fixture(autouse=True)
def _endless_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever ended only because its time was over would not end at all."""
    monkeypatch.setattr(server, "GRACE_S", 1e9)


def trusting(running: RunningHarness) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=running.ready.ca_file)


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
def test_idle_connections_do_not_hold_it_up(tiny: PackageSource, license_key: Any, tls: bool) -> None:
    before = set(threading.enumerate())
    with RunningHarness.start(avatars=[tiny], keys=lambda: license_key, tls=tls) as running:
        context = trusting(running) if tls else False
        with httpx.Client(verify=context) as client, httpx.Client(verify=context) as other:
            for each in (client, other):
                assert each.get(f"{running.ready.admin_url}/ready").status_code == 200
            running.stop()
            assert set(threading.enumerate()) == before


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
def test_an_answer_under_way_arrives_whole(license_key: Any, tls: bool) -> None:
    """More than fits into the buffers between the two, so that it cannot have left before the end began."""
    big = PackageSource(code="CH_3d_big", name="big", read=lambda: {"character.glb": os.urandom(30_000_000)})
    with RunningHarness.start(avatars=[big], keys=lambda: license_key, tls=tls) as running:
        running.warm()
        package = next(Path(running.ready.license_file).parent.joinpath("assets").iterdir())
        whole = package.read_bytes()
        url = f"{running.ready.endpoint}/assets/{package.stem}/big.zip"
        context = trusting(running) if tls else False
        with httpx.Client(verify=context) as client, client.stream("GET", url) as response:
            stopping = threading.Thread(target=running.stop)
            stopping.start()
            received = b"".join(response.iter_raw())
            stopping.join()
        assert received == whole
