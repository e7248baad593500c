"""``avatar-agent inspect``: tables for a person, one object for a script, a code for a broken file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from device_agent.cli import inspect
from device_agent.cli.fault import exit_status
from renderer.errors import AssetError


@pytest.fixture
def app() -> typer.Typer:
    made = typer.Typer()
    inspect.register(made)
    made.callback()(lambda: None)
    return made


@pytest.mark.shared
def test_json_counts_what_the_index_counts(app: typer.Typer, shared: Path) -> None:
    index = json.loads((shared / "models/INDEX.json").read_text(encoding="utf-8"))
    facts = {model["path"]: model["gltf"] for model in index["models"] if "gltf" in model}
    for name in ("avatars/brunette-t.glb", "avatars/RobotExpressive.glb", "khronos/MorphStressTest.glb"):
        result = CliRunner().invoke(app, ["inspect", str(shared / "models" / name), "--json"], catch_exceptions=False)
        assert result.exit_code == 0
        found = json.loads(result.stdout)
        assert found["ok"] is True
        assert len(found["meshes"]) == facts[name]["meshes"]
        assert len(found["images"]) == len(facts[name]["images"])
        assert len(found["clips"]) == len(facts[name]["animations"])
        assert found["joints"] == facts[name]["distinct_joints"]
        assert sum(mesh["primitives"] for mesh in found["meshes"]) == facts[name]["primitives"]


@pytest.mark.shared
def test_the_avatar_that_talks_is_complete(app: typer.Typer, shared: Path) -> None:
    path = str(shared / "models/avatars/brunette-t.glb")
    found = json.loads(CliRunner().invoke(app, ["inspect", path, "--json"]).stdout)
    assert (found["vertices"], found["triangles"], found["morph_targets"]) == (8026, 13317, 67)
    assert found["arkit"] == {"found": 52, "of": 52, "missing": []}
    assert found["humanoid"] == {"found": 15, "of": 15, "missing": []}
    assert {key: found["images"][0][key] for key in ("name", "mime_type", "width", "height")} == {
        "name": "Wolf3D_Teeth",
        "mime_type": "image/jpeg",
        "width": 128,
        "height": 128,
    }


@pytest.mark.shared
def test_tables_for_a_person(app: typer.Typer, shared: Path) -> None:
    result = CliRunner().invoke(app, ["inspect", str(shared / "models/avatars/RobotExpressive.glb")])
    assert result.exit_code == 0
    for word in ("Meshes", "Materials", "Clips", "Dance", "skin.weights", "15 of 15", "14 clips"):
        assert word in result.stdout


def test_names_cannot_reach_the_terminal(app: typer.Typer, tmp_path: Path) -> None:
    file = tmp_path / "a.gltf"
    name = "\x1b[31mred[/bold][red]"
    file.write_text(json.dumps({"asset": {"version": "2.0"}, "materials": [{"name": name}]}), encoding="utf-8")
    result = CliRunner().invoke(app, ["inspect", str(file)])
    assert result.exit_code == 0
    assert "\x1b[31m" not in result.stdout
    assert r"\x1b[31mred[/bold][red]" in result.stdout


@pytest.mark.parametrize(
    ("content", "code"), [(b"no avatar", "source.unknown"), (b"glTF\x02\0\0\0\xff\0\0\0", "glb.truncated")]
)
def test_a_broken_file_is_an_asset_error(app: typer.Typer, tmp_path: Path, content: bytes, code: str) -> None:
    file = tmp_path / "a.glb"
    file.write_bytes(content)
    with pytest.raises(AssetError) as caught:
        CliRunner().invoke(app, ["inspect", str(file)], catch_exceptions=False)
    assert caught.value.code == code
    assert str(file) in caught.value.where
    assert exit_status(caught.value) == 7


def test_a_missing_file(app: typer.Typer, tmp_path: Path) -> None:
    with pytest.raises(AssetError) as caught:
        CliRunner().invoke(app, ["inspect", str(tmp_path / "absent.glb")], catch_exceptions=False)
    assert caught.value.code == "source.unreadable"


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_names_that_the_terminal_cannot_write(tmp_path: Path, more: tuple[str, ...]) -> None:
    path = tmp_path / "头像.gltf"
    path.write_text('{"asset": {"version": "2.0"}, "materials": [{"name": "皮肤"}]}', encoding="utf-8")
    command = [sys.executable, "-m", "device_agent.cli.main", "inspect", str(path), *more]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, capture_output=True, env=environment, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert b"\\u76ae\\u80a4" in done.stdout
