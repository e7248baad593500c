"""What the drawing commands take from their options: finite numbers in range, or one clear refusal."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from device_agent.cli import source
from device_agent.cli.limits import file_limits
from device_agent.errors import ConfigurationError, UsageError
from renderer.assets import Limits
from renderer.errors import AssetError
from renderer.sample import sample_avatar
from tests.commands import avatar_agent


@pytest.mark.parametrize(("text", "size"), [("720x1280", (720, 1280)), ("1X1", (1, 1)), ("8192x8192", (8192, 8192))])
def test_sizes(text: str, size: tuple[int, int]) -> None:
    assert source.parse_size(text) == size


@pytest.mark.parametrize(
    "text", ["", "x", "90", "0x90", "90x0", "-1x5", "1.5x2", "90x90x90", "九x九", "9" * 5000 + "x1"]
)
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        source.parse_size(text)
    assert caught.value.code == "usage.size"


def test_expressions() -> None:
    assert source.parse_expressions(["jawOpen=0.5", " smile = 1", "blink"]) == {
        "jawOpen": 0.5,
        "smile": 1.0,
        "blink": 1.0,
    }


@pytest.mark.parametrize("pair", ["jawOpen=nan", "jawOpen=inf", "jawOpen=7", "jawOpen=-0.1", "jawOpen=", "=1", ""])
def test_what_is_no_expression(pair: str) -> None:
    with pytest.raises(UsageError) as caught:
        source.parse_expressions([pair])
    assert caught.value.code == "usage.expression"


def test_a_camera_from_above_is_a_camera() -> None:
    view = source.parse_view("0,5,0", "0,1,0", 30.0)
    assert view is not None
    assert (view.eye, view.target) == ((0.0, 5.0, 0.0), (0.0, 1.0, 0.0))


def test_without_a_place_the_avatar_decides() -> None:
    assert source.parse_view(None, None, None) is None


@pytest.mark.parametrize(
    ("eye", "target", "fov", "where"),
    [
        ("nan,0,0", None, 30.0, "--eye"),
        ("inf,1,0", None, 30.0, "--eye"),
        ("1,2", None, 30.0, "--eye"),
        ("1,2,3,4", None, 30.0, "--eye"),
        ("0,1,3", "0,-inf,0", 30.0, "--target"),
        ("0,1,0", None, 30.0, "--target"),
        ("2,2,2", "2,2,2", 30.0, "--target"),
        (None, "0,1,0", None, "--target"),
        (None, None, 30.0, "--fov"),
        ("0,1,3", None, float("nan"), "--fov"),
        ("0,1,3", None, 0.0, "--fov"),
    ],
)
def test_what_is_no_camera(eye: str | None, target: str | None, fov: float | None, where: str) -> None:
    with pytest.raises(UsageError) as caught:
        source.parse_view(eye, target, fov)
    assert (caught.value.code, caught.value.where) == ("usage.camera", where)


def test_an_avatar_with_nothing_to_see_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty.gltf").write_text('{"asset": {"version": "2.0"}, "scene": 0, "scenes": [{}]}')
    source.load_asset(str(tmp_path / "empty.gltf"), config=None, state_dir=None, cache_dir=None)
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "[scene.empty]" in told


def test_limits_are_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    avatar = tmp_path / "a.glb"
    avatar.write_bytes(sample_avatar())

    def load() -> str:
        try:
            source.load_asset(str(avatar), config=None, state_dir=None, cache_dir=None)
        except (AssetError, ConfigurationError) as error:
            return error.code
        return ""

    assert load() == ""
    for limits, code in (
        ('{"source_bytes": 1000}', "source.too-large"),
        ('{"objects": 5}', "limit.exceeded"),
        ('{"decoded_bytes": 100000}', "limit.exceeded"),
        ('{"source_byte": 1000}', "config.value"),
        ('{"objects": 0}', "config.value"),
        ('{"objects": "many"}', "config.value"),
    ):
        monkeypatch.setenv("AVATAR_AGENT_ASSET_LIMITS", limits)
        assert load() == code, limits


def test_limits_are_options_of_every_command_that_loads_an_avatar(tmp_path: Path) -> None:
    avatar = tmp_path / "a.glb"
    avatar.write_bytes(sample_avatar())
    out = ("--out", str(tmp_path / "a.png"))
    for command in (("render", *out), ("render", "--animation", str(avatar), *out), ("preview",), ("inspect",)):
        refused = _called(*command, str(avatar), "--limit", "source_bytes=1000")
        assert (refused.returncode, refused.stderr[-20:].strip()) == (7, "[source.too-large]"), command
        for limit in ("source_bytes=0", "source_bytes", "source_byte=9", "objects=1e9", "objects=-1"):
            wrong = _called(*command, str(avatar), "--limit", limit)
            assert (wrong.returncode, wrong.stderr[-14:].strip()) == (2, "[usage.limit]"), (command, limit)
    kept = _called("render", str(avatar), "--animation", str(avatar), *out, "--size", "8x8", "--limit", "objects=9999")
    assert kept.returncode == 0, kept.stderr


def test_an_option_comes_before_the_settings_and_these_hold_wherever_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tmp_path / "avatar-agent" / "config.toml"
    settings.parent.mkdir()
    settings.write_text("asset_limits = {source_bytes = 77, objects = 5}\n")
    assert file_limits(settings).source_bytes == 77
    assert file_limits(settings, ("source_bytes=88",)) == Limits(source_bytes=88, objects=5)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert file_limits(None) == Limits(source_bytes=77, objects=5)
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != settings)  # the service's, and we are not it
    assert file_limits(None, ("objects=6",)) == Limits(objects=6)


def _called(*arguments: str) -> subprocess.CompletedProcess[str]:
    return avatar_agent(*arguments)


def test_what_is_no_plain_file_is_not_called_missing(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.glb")
    done = avatar_agent("inspect", str(tmp_path / "pipe.glb"))
    assert (done.returncode, "it is no plain file" in done.stderr) == (7, True)
