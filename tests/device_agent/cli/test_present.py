"""Results reach every terminal and every script, whatever the locale and the file's name."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from contextlib import redirect_stdout

import pytest

from device_agent.cli import present

LOCALES = ("ascii", "gbk", "latin-1", "utf-8")
NAMES = ("头像.glb", "Zoë.glb", "\udcff.glb")
"""Chinese, Latin, and a file name that is not UTF-8, as Python hands it over."""


def written(say: Callable[[], None], *, encoding: str) -> bytes:
    """What reaches a file behind stdout in that locale."""
    file = io.BytesIO()
    with io.TextIOWrapper(file, encoding=encoding, write_through=True) as stdout, redirect_stdout(stdout):
        say()
        return file.getvalue()


@pytest.mark.parametrize("encoding", LOCALES)
@pytest.mark.parametrize("name", NAMES)
def test_a_line_for_a_person_is_always_written(name: str, encoding: str) -> None:
    assert written(lambda: present.put(f"{name}: done"), encoding=encoding).endswith(b".glb: done\n")


@pytest.mark.parametrize("encoding", LOCALES)
@pytest.mark.parametrize("name", NAMES)
def test_the_object_for_a_script_is_json_in_every_locale(name: str, encoding: str) -> None:
    line = written(lambda: present.put_json({"path": name}), encoding=encoding)
    assert json.loads(line.decode("ascii")) == {"ok": True, "path": name}
