"""A kiosk with its screen: a real engine against a real harness, and the display beside it as a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from device_agent.api.retry import NEVER
from device_agent.config import Settings
from device_agent.harness.packages.source import SAMPLE_CODE, sample_source
from device_agent.harness.serve import RunningHarness
from device_agent.lifecycle.engine import Engine
from device_agent.lifecycle.identity import Hardware
from tests.renderer.output.x_screen import virtual_screen

CODE = SAMPLE_CODE


@dataclass
class Site:
    """One machine: its folders, its settings file, engines on it, and what its platform has on the shelf."""

    folder: Path
    harness: RunningHarness
    extra: str = ""
    licence: Path | None = None
    """Where the licence lies; ``None`` for where its platform has put it."""

    def __post_init__(self) -> None:
        self.run.mkdir(mode=0o700, parents=True)
        self.write_settings()

    @property
    def config(self) -> Path:
        return self.folder / "config.toml"

    @property
    def run(self) -> Path:
        """The display's run folder."""
        return self.folder / "run"

    def write_settings(self) -> None:
        ready = self.harness.ready
        self.config.write_text(
            f'endpoint = "{ready.endpoint}"\naccess_key_id = "{ready.access_key_id}"\n'
            f'access_key_secret = "{ready.access_key_secret}"\ntenant_id = {ready.tenant_id}\n'
            f'app_id = "{ready.app_id}"\nlicense_file = "{self.licence or ready.license_file}"\n'
            f'state_dir = "{self.folder}/state"\ncache_dir = "{self.folder}/cache"\n{self.extra}'
        )
        self.config.chmod(0o600)

    def settings(self) -> Settings:
        return Settings.load(self.config, environ={}, overrides={})

    def engine(self) -> AbstractContextManager[Engine]:
        (self.folder / "serial").write_text("board-1", encoding="ascii")
        hardware = Hardware(serial_files=[self.folder / "serial"], random_bytes=os.urandom)
        return Engine.open(self.settings(), hardware=hardware, client_options={"retry": NEVER, "environ": {}})

    def bind(self) -> str:
        """Bind and fetch; sha256 of the avatar."""
        with self.engine() as engine:
            engine.bind()
            return engine.fetch(CODE).package.sha256

    def publish(self, files: dict[str, bytes]) -> str:
        """Put a new version on the shelf and fetch it; its sha256."""
        source = replace(sample_source(), read=lambda: files)
        tenant = self.harness.ready.tenant_id
        self.harness.with_world(lambda world: world.shelf.offer(source, tenant_id=tenant))
        with self.engine() as engine:
            return engine.fetch(CODE).package.sha256


@dataclass
class Display:
    """The display of a site, on a virtual screen."""

    site: Site
    screen: str
    reports: list[dict] = field(default_factory=list)
    process: subprocess.Popen[str] = field(init=False)

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        environment = {**os.environ, "DISPLAY": self.screen, "RUNTIME_DIRECTORY": str(self.site.run)}
        environment.pop("WAYLAND_DISPLAY", None)
        child = Path(__file__).with_name("kiosk_child.py")
        self.log = self.site.folder / "display.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(child), str(self.site.config)],
                env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
            )  # fmt: skip

    def until(self, right: Callable[[dict], bool], *, turns: int = 5000) -> dict:
        """The first report that is right, among the next so many."""
        assert self.process.stdout is not None
        for _ in range(turns):
            line = self.process.stdout.readline()
            if not line:
                pytest.fail(f"the display ended: {self.log.read_text()}")
            report = json.loads(line)
            self.reports.append(report)
            if right(report):
                return report
        pytest.fail(f"it never happened; the last was {self.reports[-1:]}, the log {self.log.read_text()}")

    def says(self) -> list[dict]:
        """The log's lines."""
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]

    def lose_context(self) -> None:
        self._tell("")

    def reaches(self, *paths: Path) -> dict[Path, str]:
        """How it goes when the process that draws opens files."""
        self._tell(" ".join(map(str, paths)))
        reached = self.until(lambda report: len(report["reached"]) == len(paths))["reached"]
        return {Path(path): how for path, how in reached.items()}

    def opener(self) -> int:
        """Process id of the one that has the keys."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return int(children[0])

    def _tell(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def kill(self) -> None:
        """As if it had crashed."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.communicate()


@pytest.fixture(scope="session")
def display_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def site(tmp_path: Path, display_key: rsa.RSAPrivateKey) -> Iterator[Site]:
    with RunningHarness.start(avatars=[sample_source()], seats=1, keys=lambda: display_key) as running:
        yield Site(folder=tmp_path / "site", harness=running)


@pytest.fixture
def display(site: Site) -> Iterator[Display]:
    with virtual_screen() as screen:
        shown = Display(site=site, screen=screen)
        yield shown
        shown.kill()
