"""What a look through the opener comes to."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from device_agent.cli.apart import Apart
from device_agent.cli.following import _Look, _say_how_apart
from device_agent.cli.limits import limits_of
from device_agent.display.seen import Kept, Rules, State
from device_agent.errors import StateError
from device_agent.service.lines import Lines
from renderer.assets import Limits

PLACE = Path("/var/lib/avatar-agent")
GOOD = Rules(offline_budget_s=5.0, asset_limits={"objects": 7})
WRONG = Rules(offline_budget_s=5.0, asset_limits={"objects": 0}, limits_from="config.toml")


def limits(rules: Rules) -> Limits:
    return limits_of(rules.asset_limits, where=rules.limits_from)


def looking(state: State, *, hidden: frozenset[Path] | None = frozenset({PLACE})) -> tuple[_Look, SimpleNamespace]:
    opener = SimpleNamespace(state=state, places=frozenset({PLACE / "secrets"}))
    opener.look = lambda: opener.state
    return _Look(Apart(opener=opener, hidden=hidden, folder=None), limits), opener


def test_limits_that_make_no_sense_are_a_fault_and_what_held_before_holds() -> None:
    packages = (Kept(code="A", sha256="one"),)
    look, opener = looking(State(rules=WRONG, packages=packages))
    assert look() == State(fault="config.value", packages=packages), "there was nothing before"
    opener.state = State(rules=GOOD, packages=packages)
    assert look() is opener.state
    opener.state = State(rules=WRONG)
    assert look() == State(rules=GOOD, fault="config.value")


def test_places_that_were_not_hidden_end_it_where_anything_is_hidden() -> None:
    look, opener = looking(State(rules=GOOD))
    assert look() is opener.state
    opener.places = frozenset({PLACE, Path("/elsewhere")})
    with pytest.raises(StateError) as caught:
        look()
    assert caught.value.code == "display.places"
    free, opener = looking(State(rules=GOOD), hidden=None)
    opener.places = frozenset({Path("/elsewhere")})
    assert free() is opener.state, "a kernel without Landlock hides nothing, and the picture goes on"


def test_a_display_that_is_not_confined_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    for hidden, word in ((None, "display not confined"), (frozenset({PLACE}), "display confined")):
        look, _opener = looking(State(), hidden=hidden)
        _say_how_apart(look.apart, Lines())
        assert f'"event": "{word}"' in capsys.readouterr().err
