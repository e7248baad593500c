"""Settings that do not go with a root of keys, and what the doctor says of one."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from certs.errors import OrderError, RootError
from device_agent.errors import ConfigurationError
from device_agent.harness.signing_key import public_pem
from device_agent.lifecycle.engine import Engine
from device_agent.service.finding import Level
from tests.device_agent.lifecycle.conftest import CODE, Kiosk

from .conftest import C1, C2, Headquarters, chain_file, fetch, finding


def test_settings_that_do_not_fit(kiosk: Kiosk, hq: Headquarters) -> None:
    hq.lists(5)
    fetch(kiosk)
    keys = kiosk.folder.parent / "keys.pub"
    keys.write_bytes(public_pem(C1))

    def code_with(act: Callable[[Engine], object] = lambda engine: engine.fetch(CODE), **settings: str) -> str:
        with kiosk.engine(overrides=settings) as engine:
            with pytest.raises((ConfigurationError, RootError, OrderError)) as caught:
                act(engine)
            assert caught.value.hint
            return caught.value.code

    for twice in ("content_keys", "order_keys"):
        assert code_with(**{twice: str(keys)}) == "config.root"
        assert finding(kiosk, **{twice: str(keys)}).level is Level.BAD
        with kiosk.engine(overrides={twice: str(keys)}) as engine:
            assert engine.root.problem == "config.root"
    assert code_with(content_threshold="2") == "config.root"
    assert code_with(order_threshold="2") == "config.root"
    assert code_with(root="/none") == "config.root"
    assert code_with(root="/dev/zero") == "config.root"
    assert code_with(root=str(keys)) == "root.form"
    assert code_with(root_url="https://fleet.example/root.json") == "config.root"
    assert code_with(root_url="http://fleet.example/{version}.json") == "config.root"
    assert code_with(content_manifest="http://fleet.example/") == "config.content"
    hq.first.write_bytes(hq.root(1, app_id="another"))
    assert code_with() == "root.account"
    assert finding(kiosk).level is Level.BAD
    del kiosk.overrides["root"]
    assert finding(kiosk).level is Level.BAD, "root_url without a root"
    assert code_with(lambda engine: engine.fetch(CODE)) == "config.missing"


def test_doctor_says_whose_signatures_count(kiosk: Kiosk, hq: Headquarters) -> None:
    hq.serves_root(2, content=(C1, C2), content_threshold=2)
    hq.lists(5, also=C2)
    fetch(kiosk)
    assert "2 of 2 key" in finding(kiosk, "manifest").says
    assert "1 of 1 key" in finding(kiosk, "orders").says
    assert "1 after the one in the settings" in finding(kiosk).says
    chain_file(kiosk).write_bytes(b"[" + hq.root(2, content=(C1, C2), content_threshold=2) + b",1]")
    assert json.loads(chain_file(kiosk).read_bytes())[1] == 1
