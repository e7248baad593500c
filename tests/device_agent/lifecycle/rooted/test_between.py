"""Whoever stands in the place of root_url, or on the way to it, gains nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from certs import root as roots
from tests.device_agent.lifecycle.conftest import CODE, Kiosk

from .conftest import C1, O1, R1, R2, THIEF, Headquarters, chain_file, fetch, refused


def nothing_signed(hq: Headquarters) -> bytes:
    return b"<html>log in</html>"


def endless(hq: Headquarters) -> bytes:
    return hq.root(2) + b" " * roots.LONGEST


def stranger(hq: Headquarters) -> bytes:
    return hq.root(2, by=(THIEF,), content=(THIEF,))


def skipped(hq: Headquarters) -> bytes:
    return hq.root(3, content=(THIEF,))


def rolled_back(hq: Headquarters) -> bytes:
    return hq.root(1, content=(THIEF,))


def another_s(hq: Headquarters) -> bytes:
    return hq.root(2, app_id="another")


def wrong_role(hq: Headquarters) -> bytes:
    return hq.root(2, by=(C1, O1), content=(THIEF,))


def unsigned_by_the_new(hq: Headquarters) -> bytes:
    return hq.root(2, root=(THIEF,), by=(R1, R2))


@pytest.mark.parametrize(
    ("attack", "code"),
    [(nothing_signed, "root.form"), (endless, "root.form"), (stranger, "root.signature"), (skipped, "root.version"),
     (rolled_back, "root.version"), (another_s, "root.account"), (wrong_role, "root.signature"),
     (unsigned_by_the_new, "root.signature")],
)  # fmt: skip
def test_attacks_are_told_and_stop_no_list_of_the_present_root(
    kiosk: Kiosk, hq: Headquarters, attack: Callable[[Headquarters], bytes], code: str
) -> None:
    hq.lists(5)
    fetch(kiosk)
    hq.world.roots.served = lambda _version: attack(hq)  # type: ignore[union-attr, method-assign]
    with kiosk.engine() as engine:
        before = engine.record.root
        engine.fetch(CODE)
        (step,) = [step for step in engine.steps if step.name == "root"]
        assert (step.ok, step.passing, step.result) == (False, True, code)
        assert engine.record.root == before
    assert not chain_file(kiosk).exists()
    hq.lists(6, by=THIEF)
    assert refused(kiosk) == "manifest.signature"


@pytest.mark.parametrize(
    ("fault", "code"), [("http_500", "network.not_the_platform"), ("redirect", "network.redirect"),
                        ("drop_before", "network.cut"), ("captive", "root.form")]
)  # fmt: skip
def test_who_stands_between(kiosk: Kiosk, hq: Headquarters, fault: str, code: str) -> None:
    hq.lists(5)
    kiosk.harness.fault(fault, on="assets", times=1)
    with kiosk.engine() as engine:
        engine.bind()
        engine.fetch(CODE)
        assert [step.result for step in engine.steps if step.name == "root"] == [code]
    hq.serves_root(2)
    hq.serves_root(3)
    kiosk.harness.fault(fault, on="assets", skip=1, times=1)
    assert fetch(kiosk) == (2, 5), "what came before it was cut is kept"
    assert fetch(kiosk) == (3, 5)
