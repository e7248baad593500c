"""Contact sheets: what is on them, where, and that each tile shows what its label says."""

from __future__ import annotations

import itertools
import json
from functools import cache

import numpy as np
import pytest

from renderer.animation.arkit import ARKIT
from renderer.animation.pose import Pose
from renderer.assets import Asset, load
from renderer.errors import AssetError
from renderer.output.offscreen import Offscreen
from renderer.output.sheet import MOMENTS, Sheet, Strip, Tile, clip_sheet, draw_sheet, expression_sheet
from renderer.output.show import show
from renderer.sample import sample_avatar


@cache
def sample() -> Asset:
    return load(sample_avatar(), name="sample.glb")


def moved(tile: Tile, rest: Pose) -> set[str]:
    """Names of the morph targets that a tile has on."""
    avatar = sample().avatar
    return {
        avatar.meshes[avatar.nodes[node].mesh].target_names[target]
        for node, weights in tile.pose.weights.items()
        for target in np.flatnonzero(weights != rest.weights[node])
    }


def test_every_channel_has_a_tile_that_moves_it_and_nothing_else() -> None:
    tiles = list(expression_sheet(sample(), aspect=1).tiles)
    rest = Pose.rest(sample().avatar)
    assert [tile.label.split(" + ")[0] for tile in tiles] == ["at rest", *ARKIT]
    assert moved(tiles[0], rest) == set()
    for tile in tiles[1:]:
        assert moved(tile, rest) == set(tile.label.split(" + "))
    assert [tile.label for tile in tiles if "+" in tile.label] == ["mouthClose + jawOpen"]
    assert not any(tile.faint for tile in tiles)


def face(*names: str) -> Asset:
    """A triangle with morph targets of these names, and no bones."""
    data = np.zeros((3, 3), "<f4").tobytes()
    document = {
        "asset": {"version": "2.0"},
        "buffers": [{"byteLength": len(data), "uri": "data:;base64," + "A" * (len(data) * 4 // 3)}],
        "bufferViews": [{"buffer": 0, "byteLength": len(data)}],
        "accessors": [{"bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3"}],
        "meshes": [
            {
                "primitives": [{"attributes": {"POSITION": 0}, "targets": [{"POSITION": 0} for _ in names]}],
                "extras": {"targetNames": names},
            }
        ],
        "nodes": [{"mesh": 0}],
    }
    return load(json.dumps(document).encode(), name="face")


def test_missing_channels_are_faint_and_named_so() -> None:
    sheet = expression_sheet(face("eyeBlink_L", "Grin"), aspect=1)
    tiles = {tile.label: tile for tile in sheet.tiles}
    assert len(tiles) == 1 + len(ARKIT) + 1
    assert [label for label, tile in tiles.items() if not tile.faint] == ["at rest", "eyeBlinkLeft", "Grin"]
    assert tiles["jawOpen (absent)"].pose.weights[0].tolist() == [0, 0]
    assert tiles["eyeBlinkLeft"].pose.weights[0].tolist() == [1, 0]
    assert tiles["Grin"].pose.weights[0].tolist() == [0, 1]
    assert sheet.title == "face: 1 of 52 ARKit channels, 1 more"


def test_a_file_without_channels_shows_what_it_has() -> None:
    sheet = expression_sheet(face("Grin", "Wink"), aspect=1)
    assert [tile.label for tile in sheet.tiles] == ["at rest", "Grin", "Wink"]


def test_nothing_to_show_is_refused() -> None:
    with pytest.raises(AssetError) as caught:
        expression_sheet(face(), aspect=1)
    assert caught.value.code == "expression.unknown"
    with pytest.raises(AssetError) as caught:
        clip_sheet(face("Grin"), aspect=1)
    assert caught.value.code == "clip.unknown"


def test_every_clip_has_a_strip_of_moments_in_its_own_frame() -> None:
    sheet = clip_sheet(sample(), aspect=0.6)
    assert [strip.heading.split()[1] for strip in sheet.strips] == [clip.name for clip in sample().clips]
    for strip, clip in zip(sheet.strips, sample().clips, strict=True):
        assert [float(tile.label) for tile in strip.tiles] == pytest.approx(
            [clip.duration * i / MOMENTS for i in range(MOMENTS)], abs=0.006
        )
        assert len({tile.view for tile in strip.tiles}) == 1
        poses = [tile.pose.rotations for tile in strip.tiles]
        assert all(not np.array_equal(a, b) for a, b in itertools.pairwise(poses))


@pytest.mark.gl
def test_tiles_are_drawn_in_reading_order() -> None:
    """Each place of the page holds the very picture that is drawn of its tile alone."""
    whole = expression_sheet(sample(), aspect=1)
    chosen = [tile for tile in whole.tiles if tile.label in ("at rest", "eyeBlinkLeft", "jawOpen")]
    sheet = Sheet(title="three", strips=tuple(Strip(tiles=(tile,)) for tile in chosen))
    shown = show(sample(), aspect=1)
    done: list[int] = []
    with Offscreen(sample().avatar, size=(64, 64)) as offscreen:
        page = draw_sheet(sheet, offscreen, show=shown, progress=done.append)
        alone = [
            offscreen.frame(
                tile.pose, view=tile.view, lighting=shown.lighting, background=shown.background, look=shown.look
            )
            for tile in chosen
        ]
    assert done == [1, 2, 3]
    places = []
    for picture in alone:
        windows = np.lib.stride_tricks.sliding_window_view(page[..., :3], (64, 64), axis=(0, 1))
        found = np.argwhere((np.moveaxis(windows, 2, -1) == picture[..., :3]).all(axis=(2, 3, 4)))
        assert len(found) == 1
        places.append(tuple(found[0]))
    assert places == sorted(places)
    assert len(set(places)) == 3
