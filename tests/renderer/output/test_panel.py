"""The preview's controls without a window: what is hit, what is drawn, what a change of the file does."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from renderer.assets import load
from renderer.output.panel import ROW, TAB_ROW, WIDTH, Panel, Row
from renderer.output.panel_picture import note_picture, panel_picture
from renderer.output.viewed import Viewed
from renderer.output.watch import PERIOD, Watch
from renderer.sample import sample_avatar

ROWS = (
    Row(kind="heading", label="all"),
    Row(kind="button", label="go", key="go"),
    Row(kind="slider", label="size", key="size", low=-2.0, high=2.0, value=1.0),
    *(Row(kind="text", label=f"line {index}") for index in range(40)),
)


@pytest.fixture
def done() -> list[tuple[str, float | None]]:
    return []


@pytest.fixture
def panel(done: list[tuple[str, float | None]]) -> Panel:
    return Panel(
        rows=lambda _tab: ROWS,
        press=lambda key: done.append((key, None)),
        slide=lambda key, value: done.append((key, value)),
    )


def middle(row: int) -> float:
    return TAB_ROW + (row + 0.5) * ROW


def test_tabs_are_gone_through_and_then_none_is_open(panel: Panel) -> None:
    seen = []
    for _ in range(5):
        panel.turn()
        seen.append(panel.tab)
    assert seen == ["Play", "Face", "Light", "About", None]
    assert not panel.covers(999.0, 1000.0)


def test_buttons_sliders_and_what_is_neither(panel: Panel, done: list[tuple[str, float | None]]) -> None:
    panel.open("Face")
    assert panel.covers(760.0, 1000.0)
    assert not panel.covers(740.0, 1000.0)
    panel.pressed(800.0, middle(0), 1000.0)
    panel.pressed(800.0, middle(1), 1000.0)
    panel.pressed(1000.0 - WIDTH / 2, middle(2), 1000.0)
    assert panel.dragged(2000.0, 1000.0)
    panel.released()
    assert not panel.dragged(900.0, 1000.0)
    panel.pressed(800.0, middle(200), 1000.0)
    assert done == [("go", None), ("size", pytest.approx(0.0)), ("size", 2.0)]


def test_scrolling_ends_where_the_rows_end(panel: Panel, done: list[tuple[str, float | None]]) -> None:
    panel.open("Face")
    panel.wheel(-1.0, 300.0)
    panel.pressed(800.0, middle(1) - 3 * ROW, 1000.0)
    assert done == []
    panel.wheel(-100.0, 300.0)
    lowest = panel.scroll
    assert lowest == pytest.approx(len(ROWS) * ROW + TAB_ROW + 10 - 300)
    panel.wheel(100.0, 300.0)
    assert panel.scroll == 0.0


def test_the_picture_fills_its_height_at_every_scale_and_shows_a_slider_s_value() -> None:
    for scale in (1.0, 1.5, 2.0):
        picture = panel_picture(ROWS, tab="Face", scroll=0.0, height=400, scale=scale)
        assert picture.shape == (400, round(WIDTH * scale), 4)
        line = picture[round((middle(2) + 7) * scale)].astype(int)
        blue = np.flatnonzero(line[:, 2] - line[:, 0] > 60)
        assert (blue.max() - 10 * scale) / ((WIDTH - 20) * scale) == pytest.approx(0.75, abs=0.02)
    assert note_picture("x" * 500, width=100, scale=2.0).shape == (48, 100, 4)


def test_a_long_note_is_broken_at_its_words_and_loses_nothing_until_it_is_too_long() -> None:
    words = "the data is damaged or was cut off: copy or export it again [glb.version]"
    one, many = note_picture(words, width=900, scale=1.0), note_picture(words, width=200, scale=1.0)
    assert (one.shape[0], many.shape[0]) == (24, 24 + 17 * 2)

    def ink(picture: np.ndarray) -> int:
        return int((picture[..., 0] > 128).sum())

    assert ink(many) == pytest.approx(ink(one), rel=0.05)
    assert note_picture(" ".join([words] * 20), width=200, scale=1.0).shape[0] == 24 + 17 * 4


def test_a_change_counts_once_it_is_over(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"1")
    watch, now = Watch(path), 0.0
    looks = []
    for step in range(6):
        now += PERIOD
        if step in (1, 2):
            path.write_bytes(b"1" * (step + 1))
            os.utime(path, ns=(step, step))
        looks.append(watch.changed(now))
    assert looks == [False, False, False, True, False, False]
    path.unlink()
    assert not watch.changed(now + PERIOD)
    assert not Watch(None).changed(99.0)


def test_a_folder_changes_with_the_files_in_it_and_a_document_with_those_it_names(tmp_path: Path) -> None:
    folder = tmp_path / "avatar"
    folder.mkdir()
    outside, beside = tmp_path / "secret.bin", folder / "other.txt"
    named = [folder / "a b.bin", folder / "c.png"]
    for path in (outside, beside, *named):
        path.write_bytes(b"1")
    document = folder / "a.gltf"
    uris = ["a%20b.bin", "../secret.bin", "data:;base64,AA==", "missing.bin", None, 5]
    document.write_text(json.dumps({"buffers": [{"uri": uri} for uri in uris], "images": [{"uri": "c.png"}, {}]}))

    def noticed(watched: Path, change: Path, *, gone: bool = False) -> bool:
        watch = Watch(watched)
        change.unlink() if gone else os.utime(change, ns=(1, change.stat().st_mtime_ns + 1))
        return [watch.changed(PERIOD * step) for step in (1, 2, 3)] == [False, True, False]

    assert all(noticed(document, path) for path in (document, *named))
    assert not any(noticed(document, path) for path in (outside, beside))
    assert all(noticed(folder, path) for path in (document, beside, *named))
    assert not noticed(folder, outside)
    assert noticed(document, named[0], gone=True)
    for broken in (b"{", b"[]", b'{"buffers": 5}', b'{"images": [5]}', b"\xff"):
        document.write_bytes(broken)
        assert noticed(document, document)


def test_what_is_changed_outlives_a_reload() -> None:
    asset = load(sample_avatar())
    first = Viewed(asset, aspect=1.0, clip=None, camera=None, background=None)
    first.press("clip 3")
    first.slide("shape jawOpen", 0.5)
    first.slide("lamp key", 2.0)
    first.time = 1.25
    again = Viewed(load(sample_avatar()), aspect=1.0, clip=None, camera=None, background=None)
    again.take_over(first)
    assert again.show.player.playing == first.show.player.playing
    assert (again.time, again.shapes, again.lamp.key) == (1.25, {"jawOpen": 0.5}, 2.0)
    shot = again.shot(again.show.view)
    assert shot.lighting.key is not None
    assert again.show.lighting.key is not None
    assert shot.lighting.key.intensity == pytest.approx(2.0 * again.show.lighting.key.intensity)
    assert max(float(weights.max()) for weights in shot.pose.weights.values()) >= 0.5
    again.press("rest")
    again.press("light")
    assert (again.shapes, again.shot(again.show.view).lighting.key) == ({}, again.show.lighting.key)


def test_a_state_follows_another_without_beginning_anew() -> None:
    viewed = Viewed(load(sample_avatar()), aspect=1.0, clip=None, camera=None, background=None)
    viewed.press("state Idle")
    viewed.time = 1.0
    viewed.shot(viewed.show.view)
    viewed.press("state Responding")
    viewed.time = 2.0
    viewed.shot(viewed.show.view)
    assert any(name.startswith("speak") for name in viewed.show.player.playing)
    on = [row.label for row in viewed.rows("Play") if row.on]
    assert on == ["Responding"]
