"""Session and content, as health and metrics tell them: what is so, and not what was so."""

from __future__ import annotations

import re
from typing import Any

import pytest

from device_agent.errors import ConfigurationError
from device_agent.lifecycle.engine import Engine
from device_agent.lifecycle.machine import Phase

from .conftest import Site

HALF_HOUR = 2000.0
"""Seconds from one regular call to the next, and a little more."""


def overlay(site: Site) -> tuple[str, str]:
    """Session and content by health; metrics must agree: 1 for that value, 0 for every other."""
    facts = site.report.facts()
    for name, values in (("session", {"stopped", "starting", "started"}), ("content", {"verified", "fallback"})):
        rows = dict(re.findall(rf'^avatar_agent_{name}{{{name}="([a-z]+)"}} ([01])$', site.report.metrics(), re.M))
        assert set(rows) == values
        assert [value for value, number in rows.items() if number == "1"] == [facts[name]]
    return facts["session"], facts["content"]


def test_from_nothing_to_a_session_and_an_avatar(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A seat is no session yet, a session no avatar; while ClientStart is asked the session is starting."""
    start, during = Engine.start, []

    def asked(engine: Engine) -> Any:
        during.append((overlay(site), engine.record.phase))
        return start(engine)

    monkeypatch.setattr(Engine, "start", asked)
    assert overlay(site) == ("stopped", "fallback")
    site.live(60, until=lambda: site.record.phase is Phase.BOUND)
    assert site.report.snapshot.link == "online"
    assert overlay(site) == ("stopped", "fallback"), "the seat was taken, and ClientStart never asked"
    site.live(60, until=lambda: site.record.phase is Phase.READY)
    assert (site.record.phase, overlay(site)) == (Phase.READY, ("stopped", "verified")), "the picture comes first"
    site.live(5)
    assert (site.record.phase, overlay(site)) == (Phase.READY, ("started", "verified"))
    assert during == [(("starting", "verified"), Phase.READY)]


def test_a_session_ends_with_the_network_and_the_content_does_not(site: Site) -> None:
    site.live(HALF_HOUR)
    assert overlay(site) == ("started", "verified")
    site.harness.fault("drop_before", times=None)
    site.live(3600)
    assert overlay(site) == ("stopped", "verified")
    site.harness.lift_faults()
    site.live(1800)
    assert overlay(site) == ("started", "verified")


def test_there_is_no_session_while_the_last_call_found_no_platform(site: Site) -> None:
    """Also when it was a look for the avatar, between two regular calls, that found it out."""
    site.live(HALF_HOUR)
    site.harness.fault("drop_before", on="Render3dAvatar", times=None)
    site.overrides["avatar"] = "CH_3d_other"
    site.keeper.settings = site.settings()
    told = set()
    for _ in range(8):
        site.time.now += site.keeper.step()
        told.add((site.report.snapshot.link, overlay(site)[0]))
    assert told == {("online", "started"), ("offline", "stopped")}


def test_a_new_process_has_no_session_and_has_its_avatar(site: Site) -> None:
    site.live(HALF_HOUR)
    site.harness.fault("drop_before", times=None)
    site.start_again()
    site.keeper.step()
    assert overlay(site) == ("stopped", "verified")


def test_content_that_could_not_be_fetched_stops_no_session(site: Site) -> None:
    site.harness.fault("drop_before", on="assets", times=None)
    site.live(2 * HALF_HOUR)
    assert (site.report.snapshot.link, overlay(site)) == ("online", ("started", "fallback"))


def test_a_session_is_of_the_seat_for_which_it_was_opened(site: Site) -> None:
    """A command gives the seat back and takes another between two steps: the old session is not the new seat's."""
    site.live(HALF_HOUR)
    assert overlay(site) == ("started", "verified")
    with site.engine(site.settings()) as engine:
        engine.unbind()
        engine.bind()
    site.keeper.step()
    assert (site.report.snapshot.link, overlay(site)) == ("online", ("stopped", "verified"))
    site.live(5)
    assert overlay(site) == ("started", "verified")
    with site.engine(site.settings()) as engine:
        engine.unbind()
    site.keeper.step()
    assert (site.record.phase, overlay(site)) == (Phase.DECOMMISSIONED, ("stopped", "fallback"))


def test_an_avatar_that_was_deleted_is_a_fallback(site: Site) -> None:
    site.live(60)
    site.harness.fault("drop_before", times=None)
    for sealed in (site.folder / "cache").rglob("*.sealed"):
        sealed.unlink()
    site.live(4000)
    assert overlay(site) == ("stopped", "fallback")
    assert not site.report.snapshot.may_show


def test_a_cache_that_cannot_be_read_keeps_nobody_from_leaving(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.live(60)
    site.harness.fault("drop_before", on="ClientUnbindDevice", times=1)
    with site.engine(site.settings()) as engine, pytest.raises(Exception, match=r"."):
        engine.unbind()
    assert site.record.phase is Phase.UNBINDING

    def unreadable(_engine: Engine) -> bool:
        raise ConfigurationError("others can read the cache", code="file.open")

    monkeypatch.setattr(Engine, "has_avatar", property(unreadable))
    site.live(7200)
    assert site.record.phase is Phase.DECOMMISSIONED
    assert overlay(site) == ("stopped", "fallback")
