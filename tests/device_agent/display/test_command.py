"""``avatar-agent preview --fullscreen`` as its unit starts it: what systemd hears, and what visitors cannot do."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageGrab

from device_agent.display.notes import read
from tests.device_agent.display.conftest import Site
from tests.renderer.output.x_screen import needed, virtual_screen

pytestmark = pytest.mark.gl


class Unit:
    """The command with a service manager that listens."""

    def __init__(self, site: Site, screen: str, *options: str, config: str = "") -> None:
        self.screen = screen
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(site.folder / "notify"))
        self._socket.settimeout(60)
        self._environment = {
            **os.environ, "DISPLAY": screen, "RUNTIME_DIRECTORY": str(site.run),
            "NOTIFY_SOCKET": str(site.folder / "notify"), "WATCHDOG_USEC": "300000",
        }  # fmt: skip
        self._environment.pop("WAYLAND_DISPLAY", None)
        command = [sys.executable, "-m", "device_agent.cli.main", "preview", "--fullscreen", *options]
        self.process = subprocess.Popen(
            [*command, "--config", config or str(site.config)], env=self._environment, stderr=subprocess.PIPE, text=True
        )

    def hears(self, word: str) -> str:
        """The first message with a word in it."""
        while True:
            said = self._socket.recv(4096).decode()
            if word in said:
                return said

    def key(self, name: str) -> None:
        subprocess.run(
            [needed("xdotool", "xdotool"), "mousemove", "300", "300", "key", name],
            env=self._environment, check=True, timeout=30,
        )  # fmt: skip

    def picture(self) -> np.ndarray:
        return np.asarray(ImageGrab.grab(xdisplay=self.screen).convert("RGB"))

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()
        self._socket.close()


@pytest.fixture
def screen() -> Iterator[str]:
    with virtual_screen() as name:
        yield name


def test_the_unit_is_ready_with_its_first_frame_and_visitors_cannot_close_it(site: Site, screen: str) -> None:
    unit = Unit(site, screen)
    try:
        assert "STATUS=setup" in unit.hears("READY=1")
        card = unit.picture()
        assert card.shape == (600, 800, 3)
        assert card.min(axis=(0, 1)).max() > 8, "all of the screen is the card's"
        assert card.max() > 200
        for name in ("Escape", "q", "Tab", "alt+F4"):
            unit.key(name)
        site.bind()
        assert "STATUS=avatar" in unit.hears("STATUS=avatar")
        unit.hears("WATCHDOG=1")
        assert unit.process.poll() is None
        assert read(site.run).starts, "it may die of the avatar that it has begun with"
        unit.process.send_signal(signal.SIGTERM)
        assert unit.process.wait(30) == 128 + signal.SIGTERM
        assert read(site.run).starts == {}, "told to stop, it has not"
    finally:
        unit.end()


def test_a_background_that_lies_beside_the_settings(site: Site, screen: str) -> None:
    """Out of reach once the display is confined, and read before."""
    wall = site.folder / "wall.png"
    Image.new("RGB", (64, 64), (20, 160, 60)).save(wall)
    site.bind()
    unit = Unit(site, screen, "--background", str(wall))
    try:
        for _ in range(600):
            unit.hears("WATCHDOG=1")
            red, green, blue = (int(part) for part in unit.picture()[20, 20])
            if green > red + 60 and green > blue + 40:
                break
        else:
            pytest.fail(f"no green wall: {red}, {green}, {blue}")
    finally:
        unit.end()


def test_with_controls_it_can_be_closed(site: Site, screen: str) -> None:
    unit = Unit(site, screen, "--controls")
    try:
        unit.hears("READY=1")
        unit.key("Escape")
        assert unit.process.wait(60) == 0
    finally:
        unit.end()


def test_settings_that_cannot_be_used_are_a_card_until_they_can(site: Site, screen: str) -> None:
    site.licence = site.folder / "license.json"  # beside the settings: out of reach with them
    site.licence.write_bytes(Path(site.harness.ready.license_file).read_bytes())
    site.licence.chmod(0o600)
    site.config.write_text("offline_budget_s = 'much'\n")
    unit = Unit(site, screen)
    try:
        assert "STATUS=fault" in unit.hears("READY=1")
        site.write_settings()
        unit.hears("STATUS=setup")
    finally:
        unit.end()


def test_what_is_followed_is_no_file(site: Site, screen: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "device_agent.cli.main", "preview", "--follow", "CH_3d_x"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "[usage.preview]" in done.stderr


def test_a_limit_that_is_none_is_told_before_there_is_a_window(site: Site) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "device_agent.cli.main", "preview", "--follow", "--limit", "objects=0"],
        env={**os.environ, "DISPLAY": ":none", "AVATAR_AGENT_CONFIG": str(site.config)},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, "[usage.limit]" in done.stderr) == (2, True)


def test_the_display_does_not_even_load_what_speaks_to_a_network() -> None:
    program = "import sys, device_agent.cli.following; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    loaded = set(done.stdout.split())
    assert "device_agent.display.follow" in loaded
    network = {"ssl", "httpx", "h11", "http.client", "device_agent.api.client", "device_agent.lifecycle.engine"}
    assert not loaded & network
