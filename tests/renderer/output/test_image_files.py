"""Pictures and videos as files."""

from __future__ import annotations

import builtins
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from renderer.errors import OutputError
from renderer.output.image import write_image
from renderer.output.video import write_video

PICTURE = np.random.default_rng(1).integers(0, 256, (20, 30, 4), np.uint8)


def test_png_keeps_every_byte(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png", PICTURE)
    assert np.array_equal(np.array(Image.open(tmp_path / "a.png")), PICTURE)
    assert list(tmp_path.iterdir()) == [tmp_path / "a.png"]


def test_a_solid_picture_has_no_alpha_channel(tmp_path: Path) -> None:
    solid = PICTURE.copy()
    solid[..., 3] = 255
    write_image(tmp_path / "a.PNG", solid)
    with Image.open(tmp_path / "a.PNG") as picture:
        assert picture.mode == "RGB"
        assert np.array_equal(np.array(picture), solid[..., :3])


def test_webp_keeps_alpha(tmp_path: Path) -> None:
    write_image(tmp_path / "a.webp", PICTURE)
    with Image.open(tmp_path / "a.webp") as picture:
        assert picture.format == "WEBP"
        assert np.array_equal(np.array(picture.convert("RGBA"))[..., 3], PICTURE[..., 3])


def test_missing_folders_are_made_and_the_umask_counts(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_image(tmp_path / "new" / "deep" / "a.png", PICTURE)
    finally:
        os.umask(before)
    assert (tmp_path / "new" / "deep" / "a.png").stat().st_mode & 0o777 == 0o640


def test_unknown_ending(tmp_path: Path) -> None:
    with pytest.raises(OutputError) as caught:
        write_image(tmp_path / "a.bmp", PICTURE)
    assert caught.value.code == "output.format"
    assert ".png" in caught.value.hint


@pytest.mark.parametrize("write", [write_image, lambda path, _: write_video(path, [], fps=30, size=(2, 2))])
@pytest.mark.parametrize("blocked", ["file", "folder"])
def test_unwritable_places_are_named_and_left_alone(tmp_path: Path, write, blocked: str) -> None:
    name = "a.png" if write is write_image else "a.mp4"
    if blocked == "file":  # a file where the folder should be
        (tmp_path / "in").write_text("mine")
        target = tmp_path / "in" / name
    else:  # a folder where the file should be
        target = tmp_path / name
        target.mkdir()
        (target / "kept").touch()
    with pytest.raises(OutputError) as caught:
        write(target, PICTURE)
    assert caught.value.code == "output.unwritable"
    assert caught.value.where == str(target)
    assert caught.value.hint
    assert list(tmp_path.rglob("*.part")) == []


def test_a_failure_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "a.mp4"
    target.write_bytes(b"old")

    def frames():
        yield np.zeros((4, 4, 4), np.uint8)
        raise RuntimeError("the driver stopped")

    with pytest.raises(RuntimeError, match="the driver stopped"):
        write_video(target, frames(), fps=30, size=(4, 4))
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def moving(count: int, width: int = 64, height: int = 96):
    for index in range(count):
        frame = np.full((height, width, 4), (40, 90, 200, 255), np.uint8)
        frame[20:40, index * 3 : index * 3 + 16, :3] = (240, 200, 30)
        if index % 2:
            frame[60:, :, 3] = 0
        yield frame


def test_mp4_is_h264_that_every_player_shows(tmp_path: Path) -> None:
    av = pytest.importorskip("av")
    told: list[int] = []
    assert write_video(tmp_path / "a.mp4", moving(12), fps=24, size=(64, 96), progress=told.append) == 12
    assert told == list(range(1, 13))
    data = (tmp_path / "a.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat"), "the index comes first"
    with av.open(str(tmp_path / "a.mp4")) as video:
        stream = video.streams.video[0]
        assert (stream.codec_context.name, stream.pix_fmt) == ("h264", "yuv420p")
        assert (stream.width, stream.height, stream.average_rate) == (64, 96, 24)
        frames = [frame.to_ndarray(format="rgb24") for frame in video.decode(video=0)]
    assert len(frames) == 12
    assert np.abs(frames[0][80, 5].astype(int) - (40, 90, 200)).max() <= 6, "colours survive"
    assert np.abs(frames[11][30, 40].astype(int) - (240, 200, 30)).max() <= 12, "what moves has moved"
    assert np.abs(frames[11][30, 5].astype(int) - (40, 90, 200)).max() <= 12


def test_webm_is_vp9_with_alpha(tmp_path: Path) -> None:
    av = pytest.importorskip("av")
    write_video(tmp_path / "a.webm", moving(4), fps=30, size=(64, 96))
    with av.open(str(tmp_path / "a.webm")) as video:
        assert video.streams.video[0].codec_context.name == "vp9"
        assert (
            video.streams.video[0].metadata.get("alpha_mode", video.streams.video[0].metadata.get("ALPHA_MODE")) == "1"
        )


def test_odd_sizes_are_refused_before_anything_is_drawn(tmp_path: Path) -> None:
    def never():
        pytest.fail("a frame was drawn")
        yield

    with pytest.raises(OutputError) as caught:
        write_video(tmp_path / "a.mp4", never(), fps=30, size=(63, 96))
    assert caught.value.code == "output.size"


def test_without_pyav_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *arguments: object, **named: object):
        if name == "av":
            raise ImportError("No module named 'av'")
        return real(name, *arguments, **named)

    monkeypatch.delitem(sys.modules, "av", raising=False)
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(OutputError) as caught:
        write_video(tmp_path / "a.mp4", [], fps=30, size=(64, 96))
    assert caught.value.code == "output.video-missing"
    assert "avatar-device-agent[video]" in caught.value.hint
