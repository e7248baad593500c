"""A device's life as the README tells it: a harness, and a process for each command."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

AGENT = (sys.executable, "-m", "device_agent.cli.main")


@dataclass(frozen=True)
class Kiosk:
    """A folder with a settings file for a harness that runs."""

    folder: Path
    ready: dict[str, Any]

    def agent(self, *arguments: str, status: int = 0) -> dict[str, Any]:
        """What a command says with ``--json``."""
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder / "home"),
            "AVATAR_AGENT_CONFIG": str(self.folder / "agent.toml"),
        }
        done = subprocess.run(
            [*AGENT, *arguments, "--json"],
            cwd=self.folder, env=environment, capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        assert done.returncode == status, done.stderr
        assert len(done.stdout.splitlines()) == 1
        assert "Traceback" not in done.stderr
        return dict(json.loads(done.stdout))

    def seats(self) -> list[Any]:
        answer = httpx.get(f"{self.ready['admin_url']}/seats").raise_for_status().json()
        return list(answer if isinstance(answer, list) else answer["seats"])

    def files(self) -> list[Path]:
        """Everything the agent keeps."""
        return [path for name in ("state", "cache") for path in (self.folder / name).rglob("*") if path.is_file()]


@pytest.fixture
def kiosk(tmp_path: Path) -> Iterator[Kiosk]:
    (tmp_path / "home").mkdir()
    with subprocess.Popen(
        [*AGENT, "harness", "serve", "--seats", "1", "--settings", "agent.toml"],
        cwd=tmp_path, stdout=subprocess.PIPE, text=True,
    ) as harness:  # fmt: skip
        try:
            assert harness.stdout is not None
            yield Kiosk(tmp_path, json.loads(harness.stdout.readline()))
        finally:
            harness.terminate()
            assert harness.wait(20) == 0


@pytest.mark.gl
def test_bind_start_fetch_render_status_unbind(kiosk: Kiosk) -> None:
    license_text = json.loads(Path(kiosk.ready["license_file"]).read_text())["License"]
    code = kiosk.ready["avatar_codes"][0]

    assert kiosk.agent("status")["phase"] == "blank"
    bound = kiosk.agent("bind")
    assert [seat["device_id"] for seat in kiosk.seats()] == [bound["device_id"]]
    kiosk.agent("start")
    assert kiosk.agent("fetch", code)["avatar"] == code
    kiosk.agent("render", "--size", "180x320", "--out", "last.png")
    kiosk.agent("render", code, "--size", "180x320", "--camera", "1", "--out", "head.webp")
    with Image.open(kiosk.folder / "last.png") as last, Image.open(kiosk.folder / "head.webp") as head:
        assert last.size == head.size == (180, 320)
        assert last.convert("RGB").tobytes() != head.convert("RGB").tobytes()
    assert kiosk.agent("status")["phase"] == "ready"

    kept = kiosk.files()
    assert kept
    for path in kept:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700, path
        assert b"glTF" not in path.read_bytes(), f"decrypted content in {path}"

    kiosk.agent("unbind")
    assert kiosk.seats() == []
    for path in kiosk.files():
        content = path.read_bytes()
        assert license_text[64:128].encode() not in content, path
        assert b"PK\x03\x04" not in content, path
        assert bound["device_id"].encode() not in content, path
    assert kiosk.agent("status")["phase"] == "decommissioned"
    refused = kiosk.agent("render", "--out", "after.png", status=3)
    assert refused["code"].startswith("state.")
    assert not (kiosk.folder / "after.png").exists()


def test_a_second_device_is_refused_and_the_first_keeps_its_seat(kiosk: Kiosk) -> None:
    first = kiosk.agent("bind")
    refused = kiosk.agent("bind", "--device-id", "second", "--state-dir", "other", status=4)
    assert refused["hint"]
    assert [seat["device_id"] for seat in kiosk.seats()] == [first["device_id"]]
    kiosk.agent("unbind")
    assert kiosk.agent("bind", "--device-id", "second", "--state-dir", "other")["device_id"] == "second"
