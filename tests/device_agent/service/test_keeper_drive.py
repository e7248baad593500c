"""When the keeper begins and ends what the drive channel lives on."""

from __future__ import annotations

import msgspec
import pytest

from device_agent.config import Settings
from device_agent.drive import Session
from device_agent.harness.serve import RunningHarness
from device_agent.lifecycle.machine import Phase
from device_agent.lifecycle.observe import Step
from device_agent.service.keeper import CHECK_S, SESSION_LEAST_S

from .conftest import Site


class Told:
    """Every session that the keeper told of, and what was asked of the platform by then."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.sessions: list[Session | None] = []
        self.calls: list[list[str]] = []
        site.keeper._session_began = self

    def __call__(self, settings: Settings, session: Session | None) -> None:
        assert settings is self.site.keeper.settings
        self.sessions.append(session)
        self.calls.append([call.operation for call in self.site.harness.calls()])


@pytest.fixture
def told(site: Site) -> Told:
    return Told(site)


def test_each_session_is_told_with_its_token(site: Site, told: Told, platform: RunningHarness) -> None:
    site.live(2.5 * CHECK_S)
    sessions = [one for one in told.sessions if one is not None]
    assert len(sessions) == len(told.sessions) == len(platform.calls(operation="ClientStart"))
    assert len({one.token.reveal() for one in sessions}) == len(sessions) >= 2
    ready = platform.ready
    assert {(one.tenant_id, one.app_id) for one in sessions} == {(ready.tenant_id, ready.app_id)}
    known = platform.with_world(
        lambda world: world.channels.knows(
            token=sessions[-1].token.reveal(), app_id=ready.app_id, tenant_id=str(ready.tenant_id)
        )
    )
    assert known is not None, "the platform's own token"
    kept = b"".join(path.read_bytes() for path in site.folder.rglob("*") if path.is_file())
    assert not any(one.token.reveal().encode() in kept for one in sessions), "memory only"


def test_the_session_ends_before_the_seat_is_given_back(site: Site, told: Told) -> None:
    site.live(2.5 * CHECK_S)
    with site.engine(site.settings(), None) as engine:
        engine.unbind()
    site.live(60.0)
    assert site.record.phase is Phase.DECOMMISSIONED
    assert told.sessions[-1] is None
    assert told.sessions.count(None) == 1


def first_session(site: Site, told: Told) -> None:
    while not told.sessions:  # and no further: the moment at which the first session began
        wait = site.keeper.step()
        site.time.sleep(0.0 if told.sessions else wait)


def refusing(site: Site, seconds: float) -> None:
    """The drive channel refuses every token, as often as a line asks."""
    end = site.time.now + seconds
    while site.time.now < end:
        site.keeper.want_session()
        site.live(75.0)


def test_a_token_that_was_refused_is_followed_by_another_session_but_not_at_once(site: Site, told: Told) -> None:
    first_session(site, told)
    for _ in range(3):
        site.keeper.want_session()
        site.keeper.step()
    assert len(told.sessions) == 1, "at most every five minutes"
    site.time.sleep(SESSION_LEAST_S)
    site.live(1.0)
    assert len(told.sessions) == 2
    site.live(SESSION_LEAST_S)
    assert len(told.sessions) == 2, "what was refused before it began is not held against it"


def test_a_channel_that_takes_no_token_costs_a_few_sessions_and_then_none(site: Site, told: Told) -> None:
    first_session(site, told)
    refusing(site, CHECK_S)
    assert 2 <= len(told.sessions) <= 4
    before = len(told.sessions)
    refusing(site, 10 * CHECK_S)
    assert len(told.sessions) - before <= 12, "no more than the regular calls bring"


def test_a_device_that_was_told_to_ask_less_does_so_for_the_channel_too(site: Site, told: Told) -> None:
    first_session(site, told)
    site.keeper._rhythm.rest = 4.0
    site.keeper.want_session()
    assert site.keeper._another_session_in() == pytest.approx(4.0 * SESSION_LEAST_S)


def test_devices_whose_tokens_are_refused_together_ask_one_after_the_other(site: Site, told: Told) -> None:
    waits = []
    first_session(site, told)
    for _ in range(12):
        site.live(CHECK_S)
        site.time.sleep(SESSION_LEAST_S)
        site.keeper.want_session()
        site.keeper.step()
        waits.append(site.keeper._another_session_in())
        site.live(2 * SESSION_LEAST_S)
    finite = [wait for wait in waits if wait <= SESSION_LEAST_S]
    assert len(finite) >= 6
    assert max(finite) - min(finite) > SESSION_LEAST_S / 3


def test_a_platform_that_refuses_the_device_is_not_asked_more_often_for_the_channel_s_sake(
    site: Site, told: Told, platform: RunningHarness
) -> None:
    """V9: an hour at least after such a refusal."""
    first_session(site, told)
    site.harness.rules(after_unbind="refused")
    ready, device_id = site.harness.ready, site.record.device_id
    site.harness.with_world(
        lambda world: world.seats.give_back(tenant_id=ready.tenant_id, device_id=device_id, rules=world.rules)
    )
    site.live(2 * CHECK_S, until=lambda: site.report.snapshot.problem == "10010003")
    before = len(platform.calls())
    refusing(site, 3400.0)
    assert len(platform.calls()) == before


def test_settings_that_come_in_the_middle_of_a_step_get_no_token_of_the_old_ones(site: Site) -> None:
    """The address of platform and channel may both be others' now."""
    site.live(60)
    old, sessions = site.keeper.settings, []
    new = msgspec.structs.replace(old, drive_url="wss://elsewhere.example/ws")

    def began(settings: Settings, session: Session | None) -> None:
        sessions.append((settings.drive_url, session))

    def reload(step: Step) -> None:
        if step.name == "ClientStart":
            site.keeper.settings = new

    site.keeper._session_began = began
    seen = site.keeper._seen
    site.keeper._seen = lambda step: (reload(step), seen(step))[1]  # type: ignore[method-assign]
    site.live(CHECK_S * 1.2, until=lambda: bool(sessions))
    assert sessions[0][0] == old.drive_url
    site.live(10)
    assert sessions[1][0] == new.drive_url, "the next step is the new ones'"
