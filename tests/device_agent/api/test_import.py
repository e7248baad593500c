"""What a program pays for that only imports the client."""

from __future__ import annotations

import subprocess
import sys

import pytest

IMPORT = "from device_agent.api.client import Client; from device_agent.spec.client_render import ClientStart"


def loaded(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_importing_the_client_loads_no_network_and_no_other_family() -> None:
    ours = loaded(IMPORT)
    assert ours.isdisjoint({"ssl", "socket", "h11", "httpx", "asyncio", "email.utils", "configparser", "tomllib"})
    assert {name for name in ours if name.startswith("device_agent.spec.")} == {
        f"device_agent.spec.{name}" for name in ("client_render", "fields", "operation", "parameter", "wire")
    }
    assert not any(name.startswith("device_agent.config") for name in ours)


@pytest.mark.parametrize("name", ["httpx", "device_agent.config", "device_agent.spec.video_task"])
def test_the_measure_sees_what_is_loaded(name: str) -> None:
    assert name in loaded(f"{IMPORT}; import {name}")


def test_making_an_async_client_loads_nothing_while_the_event_loop_waits() -> None:
    make = (
        "import asyncio, sys\n"
        "from device_agent.api.async_client import AsyncClient\n"
        "from device_agent.api.credentials import Credentials\n"
        "async def main():\n"
        "    AsyncClient(endpoint='https://a.example', credentials=Credentials(), environ={})\n"
        "before = set(sys.modules)\n"
        "asyncio.run(main())\n"
        "print(*(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", make], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
