"""The table of scenes: the column "Screen" of the specification, row by row."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from device_agent.display.cards import CARDS as WORDS
from device_agent.display.cards import short_code
from device_agent.display.scene import CARDS, SCREEN, Facts, Scene, When, scene_of, table
from device_agent.lifecycle.machine import Phase

FLAGS = ("may_show", "spent", "has_avatar", "unusable", "has_picture", "damaged", "by_force")
PAGE = Path(__file__).resolve().parents[3] / "docs" / "screen.md"


@pytest.mark.parametrize("phase", Phase)
def test_every_phase_shows_something_whatever_else_is_true(phase: Phase) -> None:
    assert SCREEN[phase][-1][1] is When.ALWAYS
    for values in itertools.product((False, True), repeat=len(FLAGS)):
        for blocked in ("", "expired", "gone", "invalid"):
            flags = dict(zip(FLAGS, values, strict=True))
            scene = scene_of(Facts(phase=phase, blocked=blocked, **flags))
            if scene is Scene.AVATAR:
                assert flags["may_show"], "a device that may not show its avatar does not"
                assert flags["has_avatar"]
            if scene is Scene.OPERATORS:
                assert flags["has_picture"]


@pytest.mark.parametrize(
    ("facts", "scene"),
    [
        (Facts(phase=Phase.BLANK), Scene.SETUP),
        (Facts(phase=Phase.BLANK, damaged=True), Scene.DAMAGED),
        (Facts(phase=Phase.CLONE_SUSPECT, may_show=True, has_avatar=True), Scene.CLONE),
        (Facts(phase=Phase.IDENTIFIED), Scene.SETUP),
        (Facts(phase=Phase.BINDING), Scene.SETUP),
        (Facts(phase=Phase.BINDING, may_show=True, has_avatar=True), Scene.AVATAR),
        (Facts(phase=Phase.SEAT_FULL, may_show=True, has_avatar=True), Scene.SEAT_FULL),
        (Facts(phase=Phase.LICENSE_BLOCKED, may_show=True, has_avatar=True, blocked="expired"), Scene.AVATAR),
        (Facts(phase=Phase.LICENSE_BLOCKED, has_avatar=True, spent=True, blocked="expired"), Scene.LICENSE_ENDED),
        (Facts(phase=Phase.LICENSE_BLOCKED, blocked="gone"), Scene.LICENSE_ENDED),
        (Facts(phase=Phase.LICENSE_BLOCKED, blocked="wrong"), Scene.LICENSE_REFUSED),
        (Facts(phase=Phase.BOUND), Scene.LOADING),
        (Facts(phase=Phase.BOUND, may_show=True, has_avatar=True), Scene.AVATAR),
        (Facts(phase=Phase.READY, may_show=True, has_avatar=True), Scene.AVATAR),
        (Facts(phase=Phase.READY, may_show=True, unusable=True), Scene.UNUSABLE),
        (Facts(phase=Phase.READY, has_avatar=True, spent=True), Scene.LOCKED),
        (Facts(phase=Phase.READY, has_avatar=True, spent=True, has_picture=True), Scene.OPERATORS),
        (Facts(phase=Phase.LOCKED, has_avatar=True, spent=True, has_picture=True), Scene.OPERATORS),
        (Facts(phase=Phase.LOCKED, has_avatar=True, spent=True), Scene.LOCKED),
        (Facts(phase=Phase.UNBINDING, has_avatar=True), Scene.LEAVING),
        (Facts(phase=Phase.SEALING, has_avatar=True), Scene.LEAVING),
        (Facts(phase=Phase.ERASING), Scene.LEAVING),
        (Facts(phase=Phase.DECOMMISSIONED), Scene.REMOVED),
        (Facts(phase=Phase.DECOMMISSIONED, by_force=True), Scene.ABANDONED),
        (Facts(phase=Phase.FAULT, may_show=True, has_avatar=True), Scene.AVATAR),
        (Facts(phase=Phase.FAULT), Scene.FAULT),
    ],
    ids=lambda value: str(value.phase) if isinstance(value, Facts) else str(value),
)
def test_the_column_screen(facts: Facts, scene: Scene) -> None:
    assert scene_of(facts) is scene


def test_every_scene_can_happen_and_every_card_has_words() -> None:
    assert {scene for choices in SCREEN.values() for scene, _ in choices} == set(Scene)
    assert set(WORDS) == set(CARDS)


def test_the_page_has_the_table() -> None:
    assert f"<!-- screen -->\n{table()}\n<!-- /screen -->" in PAGE.read_text(encoding="utf-8"), (
        "put what `python -m device_agent.display.scene` prints between the marks"
    )


@pytest.mark.parametrize(
    ("device_id", "short"),
    [
        ("ECUR5MYFSCMXR5JQBU2L6I6PDE", "ECUR-5MYF-SCMX"),
        ("lobby-7", "lobby-7"),
        ("k" * 40, "k" * 24 + "…"),
        ("a\x1b[2Jb", "a[2Jb"),
        ("", ""),
    ],
)
def test_a_code_is_short(device_id: str, short: str) -> None:
    assert short_code(device_id) == short
