"""Clips made for an avatar that brings none: only as many as are asked for, and the same as if all were made."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from renderer.assets import Asset, load
from renderer.errors import AssetError
from renderer.output import show as module
from renderer.output.show import Repertoire
from renderer.sample import sample_avatar


@pytest.fixture(scope="module")
def bare() -> Asset:
    return replace(load(sample_avatar(), name="sample"), clips=(), groups={})


def test_the_first_pose_makes_idle_alone(bare: Asset, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    made = module.humanoid_clips
    monkeypatch.setattr(
        module, "humanoid_clips", lambda avatar, *, groups: asked.append(set(groups)) or made(avatar, groups=groups)
    )
    Repertoire(bare).player().pose(0.0)
    assert asked == [{"idle"}]


def test_what_is_made_alone_moves_as_what_is_made_with_the_rest(bare: Asset) -> None:
    alone, among = Repertoire(bare), Repertoire(bare)
    assert len(among.names) >= 8
    for group in (None, "hello"):
        for time in (0.0, 1.7):
            one = alone.player(group=group).pose(time).world(bare.avatar).copy()
            np.testing.assert_array_equal(one, among.player(group=group).pose(time).world(bare.avatar))


def test_clips_are_found_by_name_and_unknown_ones_told_with_all_names(bare: Asset) -> None:
    repertoire = Repertoire(bare)
    name = Repertoire(bare).names[-1]
    assert repertoire.player(clip=name).playing == (name,)
    for how in ({"clip": "dance"}, {"group": "dance"}):
        with pytest.raises(AssetError) as refused:
            Repertoire(bare).player(**how)
        assert "hello" in f"{refused.value} {refused.value.hint}"
