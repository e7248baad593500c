"""A package that is new is opened and drawn once by a child process, before the display that people see takes it.

Pictures and meshes are decoded by libraries that are not ours. A package that makes one crash, eat memory or never end
does that to the child; the picture on the screen goes on. A package that takes the child over has its own avatar and
nothing else: the child can write only the driver's cache of compiled shaders, and reaches no network and nothing of the
device.

Run as ``python -m device_agent.display.trial`` with the task on stdin.
"""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO

import msgspec

from device_agent.display.confinement import beside, read_only

OUT_OF_MEMORY = "display.memory"
OUT_OF_TIME = "display.time"
CRASHED = "display.crashed"
KILLED = "display.killed"
"""Killed from outside, most likely because the machine ran out of memory: not the package's fault alone."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What a trial may take.

    Attributes:
        memory: bytes of the child that are in memory; looked at twenty times a second. No limit on addresses: graphics
            drivers take many more of those than they use. The unit's 2 GiB hold the display and one child.
        seconds: from start to end.
    """

    memory: int = 1536 * 1024**2
    seconds: float = 120.0


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What the child is to do: the files of a package, decrypted, and what an avatar may ask for."""

    code: str
    files: Mapping[str, bytes]
    asset_limits: dict[str, int] = {}


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """How a trial ended: empty ``code`` for well; ``passing`` when another try may end otherwise."""

    code: str = ""
    message: str = ""
    passing: bool = False


_DEVICES, _SHARED = Path("/dev"), Path("/dev/shm")  # noqa: S108 -- what everybody shares is what is left out
_NAMED = ("MESA_SHADER_CACHE_DIR", "__GL_SHADER_DISK_CACHE_PATH")
_COMPILED = ("mesa_shader_cache", "mesa_shader_cache_db", "nvidia/GLCache")
LOOK_S = 0.05
WORDS = 2000
"""Characters of the child's last words that are read."""


def tried(task: Task, *, limits: Limits = Limits(), program: tuple[str, ...] = ()) -> Verdict:  # noqa: B008 -- frozen
    """Let a child open and draw the package; waits for it.

    Args:
        program: the child's command line, without one this module's.
    """
    command = program or (sys.executable, "-P", "-m", __name__)
    try:
        with _in_memory(msgspec.msgpack.encode(task)) as given:
            child = subprocess.Popen(command, stdin=given, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)  # noqa: S603
    except OSError as error:
        return Verdict(code="display.trial", message=f"no trial is possible: {error.strerror}", passing=True)
    try:
        return _watched(child, limits)
    finally:
        if child.poll() is None:
            child.kill()
        child.communicate()


def _in_memory(task: bytes) -> IO[bytes]:
    """The task as a file that is on no disk: a child that does not read it keeps nobody waiting."""
    file = os.fdopen(os.memfd_create("trial", os.MFD_CLOEXEC), "w+b")
    file.write(task)
    file.seek(0)
    return file


def _watched(child: subprocess.Popen[bytes], limits: Limits) -> Verdict:
    ends = time.monotonic() + limits.seconds
    while True:
        with suppress(subprocess.TimeoutExpired):
            child.wait(timeout=LOOK_S)
            return _verdict(child)
        if time.monotonic() > ends:
            return Verdict(code=OUT_OF_TIME, message=f"not drawn within {limits.seconds:.0f} s")
        if _resident(child.pid) > limits.memory:
            return Verdict(code=OUT_OF_MEMORY, message=f"it takes more than {limits.memory >> 20} MiB to draw")


def _verdict(child: subprocess.Popen[bytes]) -> Verdict:
    assert child.stdout is not None
    with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):  # a package may have taken the child over
        return msgspec.json.decode(child.stdout.read(WORDS), type=Verdict)
    ended = child.returncode
    if ended == -signal.SIGKILL:
        return Verdict(code=KILLED, message="what opens and draws it was killed: the machine may be short of memory")
    how = f"by signal {_name(-ended)}" if ended < 0 else f"with status {ended}"
    return Verdict(code=CRASHED, message=f"what opens and draws it ended {how}")


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # real-time signals have none
        return str(number)


def _resident(pid: int) -> int:
    """Bytes of a process that are in memory; 0 when that cannot be told."""
    with suppress(OSError, ValueError, IndexError):
        pages = int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1])
        return pages * resource.getpagesize()
    return 0


def main() -> None:
    """The child's own work: its verdict on stdout."""
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold the licence's key
    with suppress(OSError):
        # When the machine runs out of memory, the kernel ends the trial first.
        Path("/proc/self/oom_score_adj").write_text("1000", "ascii")
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print is no verdict
    # Graphics are files there; without what drivers keep of the programs they compile, everything takes twice as long.
    read_only(writable=[*beside({_SHARED}, within=_DEVICES), *drivers_caches(os.environ)])
    task = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Task)
    out.write(msgspec.json.encode(verdict_on(task)))
    out.flush()


def drivers_caches(environ: Mapping[str, str]) -> list[Path]:
    """Folders in which graphics drivers keep compiled programs; the display's own has made them by then."""
    named = [Path(environ[name]) for name in _NAMED if environ.get(name)]
    home = Path(environ.get("HOME") or "/")
    cache = Path(environ.get("XDG_CACHE_HOME") or home / ".cache")
    return [*named, *(cache / name for name in _COMPILED), home / ".nv/GLCache"]


def verdict_on(task: Task) -> Verdict:
    """Read the package's files and draw it once, small."""
    from renderer.assets import Limits as AssetLimits
    from renderer.assets import load_package
    from renderer.errors import GraphicsError, RenderError
    from renderer.output.offscreen import Offscreen
    from renderer.output.show import show

    try:
        asset = load_package(task.files, name=task.code, limits=AssetLimits(**task.asset_limits))
        shown = show(asset, aspect=0.5625)
        with Offscreen(asset.avatar, size=(180, 320), samples=0) as offscreen:
            offscreen.take(shown.shot(0.0))
    except GraphicsError as error:
        # All of the package was read by then. A display with a window may draw what this process has no driver for.
        refused = error.code != "gl.none"
        return Verdict(code=error.code if refused else "", message=str(error) if refused else "")
    except RenderError as error:
        return Verdict(code=error.code, message=str(error))
    return Verdict()


if __name__ == "__main__":
    main()
