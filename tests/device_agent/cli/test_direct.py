"""Command lines read without the library mean what the library says they mean."""

from __future__ import annotations

import importlib
import inspect
from enum import Enum
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
import typer.main

from device_agent.cli import direct, render, run, status
from device_agent.cli.main import build

FACES = {"status": status.status, "run": run.run, "render": render.render}


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the commands' functions were called with."""
    seen: list[dict[str, Any]] = []
    for command in direct.COMMANDS.values():
        module, _, function = command.function.partition(":")
        monkeypatch.setattr(importlib.import_module(module), function, lambda **given: seen.append(given))
    return seen


@pytest.mark.parametrize("name", sorted(direct.COMMANDS))
def test_the_table_has_the_command_s_own_options(name: str) -> None:
    command = typer.main.get_command(build()).commands[name]  # type: ignore[attr-defined]
    flags = {flag: param.name for param in command.params for flag in param.opts if param.name != "help"}
    table = direct.COMMANDS[name].options
    face = inspect.signature(FACES[name]).parameters
    # Of ``render`` the library reads what has a range or choices.
    known = {flag: parameter for flag, parameter in flags.items() if name != "render" or flag in table}
    assert {flag: parameter for flag, (parameter, _) in table.items()} == known
    assert {p for p in face if face[p].default is inspect.Parameter.empty} == direct.COMMANDS[name].needed
    hints = get_type_hints(FACES[name])
    for parameter, kind in table.values():
        assert kind is hints[parameter] or kind in get_args(hints[parameter])
    module, _, function = direct.COMMANDS[name].function.partition(":")
    wanted = inspect.signature(getattr(importlib.import_module(module), function)).parameters
    plain = {p: face[p].default for p in wanted if p != "mode"}
    assert {p: wanted[p].default for p in wanted if p != "mode"} == plain
    assert wanted.keys() == face.keys()


@pytest.mark.parametrize(
    "arguments",
    [
        ["status"],
        ["status", "--json"],
        ["status", "--config", "a.toml", "--state-dir=s", "--cache-dir", "c", "--json", "--json"],
        ["status", "--config", "a", "--config", "b"],
        ["status", "--config=a=b"],
        ["render", "a.glb", "--out", "b.png"],
        ["render", "--out=b.png", "--size", "2x3", "--clip", "1", "--json", "a b.glb", "--turntable"],
        ["render", "--out", "b.png", "--look-at", "camera", "--eye", "0,1,2", "--target", "0,1,0"],
        ["run", "--endpoint", "https://a", "--license=l", "--device-id", "d e", "--config", "~/x"],
    ],
)
def test_read_here_or_by_the_library_is_the_same(arguments: list[str], called: list[dict[str, Any]]) -> None:
    directly = direct.read(arguments)
    assert directly is not None
    directly()
    build()(arguments, standalone_mode=False)
    here, library = called
    function = FACES[arguments[0]]
    left_out = {p: _plain(v.default) for p, v in inspect.signature(function).parameters.items()}
    assert {**left_out, **here} == {**left_out, **library}


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["bind"],
        ["bogus"],
        ["--help"],
        ["status", "--help"],
        ["status", "-h"],
        ["status", "here"],
        ["status", "--bogus"],
        ["status", "--config"],
        ["status", "--config", "--json"],
        ["status", "--config="],
        ["status", "--json=yes"],
        ["status", "--", "--json"],
        ["render", "a.glb"],
        ["render", "a.glb", "b.glb", "--out", "c.png"],
        ["render", "--out", "c.png", "--camera", "7"],
        ["render", "--out", "c.png", "--camera", "1"],
        ["render", "--out", "c.png", ""],
        ["run", "--json"],
        ["run", "--install-completion"],
    ],
)
def test_what_is_not_plainly_right_is_left_to_the_library(arguments: list[str]) -> None:
    assert direct.read(arguments) is None


def test_paths_are_paths(called: list[dict[str, Any]]) -> None:
    directly = direct.read(["status", "--config", "a.toml"])
    assert directly is not None
    directly()
    assert called == [{"config": Path("a.toml")}]


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, Enum) else value
