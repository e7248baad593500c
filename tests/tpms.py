"""TPMs for tests: the stand-in always, and swtpm, which we did not write, wherever it is installed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.stand_in_tpm import StandInTpm

KINDS = ("stand-in", *(("swtpm",) if shutil.which("swtpm") else ()))
HAS_TOOLS = bool(shutil.which("swtpm") and shutil.which("tpm2_createprimary"))


@contextmanager
def tpms(kind: str, folder: Path) -> Iterator[Callable[[], Path]]:
    """Starts TPMs, each with seeds of its own, and gives their sockets; all end with the context."""
    with ExitStack() as running:
        number = iter(range(1_000))

        def start() -> Path:
            own = folder / f"tpm-{next(number)}"
            own.mkdir(parents=True)
            if kind == "stand-in":
                return running.enter_context(StandInTpm().serving(own / "s"))
            running.callback(_stop, _swtpm(own))
            return own / "s"

        yield start


def _swtpm(folder: Path) -> int:
    subprocess.run(
        ["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={folder}", "--server", f"type=unixio,path={folder}/s",
         "--ctrl", f"type=unixio,path={folder}/s.ctrl", "--flags", "not-need-init,startup-clear",
         "--daemon", "--pid", f"file={folder}/pid"],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    return int((folder / "pid").read_text())


def _stop(pid: int) -> None:
    os.kill(pid, signal.SIGTERM)


def tool(tpm: Path, folder: Path, *command: str, stdin: bytes = b"") -> str:
    """Run one of tpm2-tools against a swtpm; what it says."""
    environment = {"PATH": os.environ["PATH"], "TPM2TOOLS_TCTI": f"swtpm:path={tpm}"}
    return subprocess.run(
        command, check=True, capture_output=True, timeout=60, cwd=folder, env=environment, input=stdin
    ).stdout.decode("utf-8", "replace")
