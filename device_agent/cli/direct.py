"""Command lines that are read without the command-line library.

Loading that library takes longer than all that ``status`` does, ``run`` would carry it for as long as the device lives,
and a first picture would wait for it. What is plainly right is read here; anything else (help, completion, a mistake)
is left to the library, which has the words for it. A test holds the table to the commands' own options.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple


class Direct(NamedTuple):
    """A command's function as ``module:name``, and its options: flag -> parameter and kind; ``bool`` takes no value.

    ``argument`` is the parameter that may stand without a flag. An option that is not in the table is for the library.
    """

    function: str
    options: Mapping[str, tuple[str, type]]
    argument: str | None = None
    needed: frozenset[str] = frozenset()


_FOLDERS = {"--state-dir": ("state_dir", Path), "--cache-dir": ("cache_dir", Path)}

COMMANDS: Mapping[str, Direct] = {
    "status": Direct(
        "device_agent.cli.standing:show",
        {"--config": ("config", Path), **_FOLDERS, "--json": ("as_json", bool)},
    ),
    "run": Direct(
        "device_agent.cli.serving:serve",
        {
            "--config": ("config", Path),
            "--endpoint": ("endpoint", str),
            "--license": ("license_file", Path),
            **_FOLDERS,
            "--device-id": ("device_id", str),
        },
    ),
    "render": Direct(
        "device_agent.cli.drawing:draw",
        {
            "--out": ("out", Path),
            "--size": ("size", str),
            "--clip": ("clip", str),
            "--eye": ("eye", str),
            "--target": ("target", str),
            "--background": ("background", str),
            "--animation": ("animation", Path),
            "--look-at": ("look_at", str),
            "--turntable": ("turntable", bool),
            "--config": ("config", Path),
            **_FOLDERS,
            "--json": ("as_json", bool),
        },
        argument="avatar",
        needed=frozenset(("out",)),
    ),
}


def read(arguments: Sequence[str]) -> Callable[[], None] | None:
    """What a command line asks for, ready to be called; ``None`` when the library has to read it."""
    command = COMMANDS.get(arguments[0]) if arguments else None
    if command is None:
        return None
    chosen: dict[str, Any] = {}
    rest = list(arguments[1:])
    while rest:
        word = rest.pop(0)
        if command.argument and word and not word.startswith("-") and command.argument not in chosen:
            chosen[command.argument] = word
            continue
        flag, sign, value = word.partition("=")
        name, kind = command.options.get(flag, ("", None))
        if kind is None or (kind is bool and sign):
            return None
        if kind is not bool and not sign:
            value = rest.pop(0) if rest else ""
            if value.startswith("-"):  # a flag where a value belongs, most likely
                return None
        if kind is not bool and not value:
            return None
        chosen[name] = True if kind is bool else kind(value)

    if not command.needed <= chosen.keys():
        return None

    def call() -> None:
        module, _, function = command.function.partition(":")
        getattr(importlib.import_module(module), function)(**chosen)

    return call
