"""What mypy --strict says to callers: the right result type, and no to wrong arguments."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
from device_agent.api.async_client import AsyncClient
from device_agent.api.client import Client
from device_agent.spec.client_render import ClientStart, LicenseAuth
from device_agent.spec.video_task import QueryVideoTaskInfo
from device_agent.spec.fields import App

def use(client: Client) -> None:
    reveal_type(client.call(LicenseAuth(tenant_id=1, app_id="a", license="l")))
    reveal_type(client.call(ClientStart(tenant_id=1, app_id="a")).data)
    LicenseAuth(tenant_id="1", app_id="a", license="l")
    LicenseAuth(tenant_id=1, app_id="a")
    LicenseAuth(1, "a", "l")
    QueryVideoTaskInfo(tenant_id=1, app=App(app_id="a"), status=9)
    client.call("LicenseAuth")
    client.call(ClientStart(tenant_id=1, app_id="a")).data.token

async def use_async(client: AsyncClient) -> None:
    reveal_type(await client.call(LicenseAuth(tenant_id=1, app_id="a", license="l")))
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[int, str]:
    """Line -> what mypy says about it."""
    file = tmp_path_factory.mktemp("typing") / "program.py"
    file.write_text(PROGRAM, encoding="ascii")
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run(
        # A cache of its own: two runs of mypy at once spoil a shared one.
        [
            sys.executable,
            "-m",
            "mypy",
            "--strict",
            "--no-error-summary",
            "--config-file",
            "",
            "--cache-dir",
            str(root / ".mypy_cache" / "typing"),
            str(file),
        ],
        capture_output=True,
        text=True,
        cwd=root,
        timeout=300,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    found: dict[int, str] = {}
    for line in done.stdout.splitlines():
        match = re.search(r"program\.py:(\d+): (.*)", line)  # a cached answer names the folder of an earlier run
        if match:
            found[int(match[1])] = found.get(int(match[1]), "") + match[2]
    return found


def lines(text: str) -> list[int]:
    return [number for number, line in enumerate(PROGRAM.splitlines(), 1) if text in line]


def test_the_result_follows_from_the_request(told: dict[int, str]) -> None:
    first, second, third = lines("reveal_type")
    assert "LicenseAuthResult" in told[first]
    assert "ClientStartData" in told[second]
    assert "None" in told[second]
    assert "LicenseAuthResult" in told[third]


def test_wrong_arguments_are_refused(told: dict[int, str]) -> None:
    for wrong in ('tenant_id="1"', 'LicenseAuth(tenant_id=1, app_id="a")', 'LicenseAuth(1,', "status=9",
                  'call("LicenseAuth")', ".data.token"):  # fmt: skip
        for number in lines(wrong):
            assert "error:" in told.get(number, ""), PROGRAM.splitlines()[number - 1]
