"""``avatar-agent`` as a process of its own, forked off one that has loaded the modules: starting Python and loading
them is most of what a command costs. What a command is in all else is its own: arguments, environment, folder, streams,
the end of the interpreter. Tests of how a program starts, or of what it loads, start Python itself.
"""

from __future__ import annotations

import atexit
import functools
import gc
import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

MODULE = "device_agent.cli.main"
REQUEST_BYTES = 1 << 20


class Parent:
    """The process that forks: one command at a time."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._one_at_a_time = threading.Lock()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", __file__, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
            )
        atexit.register(self.close)

    def run(
        self, arguments: tuple[str, ...], *, environ: Mapping[str, str], folder: Path, stdin: int, timeout_s: float
    ) -> tuple[int, bytes, bytes]:
        """Exit status (negative: the signal), stdout, stderr; TimeoutExpired after killing it."""
        order = {"arguments": arguments, "environ": dict(environ), "folder": str(folder)}
        outs = [os.memfd_create(name) for name in ("stdout", "stderr")]
        try:
            with self._one_at_a_time:
                socket.send_fds(self._socket, [json.dumps(order).encode()], [stdin, *outs])
                pid = int(self._socket.recv(REQUEST_BYTES))
                self._socket.settimeout(timeout_s)
                try:
                    status = int(self._socket.recv(REQUEST_BYTES))
                except TimeoutError:
                    os.kill(pid, signal.SIGKILL)
                    self._socket.settimeout(None)
                    self._socket.recv(REQUEST_BYTES)
                    raise subprocess.TimeoutExpired(list(arguments), timeout_s) from None
                finally:
                    self._socket.settimeout(None)
            return status, *(os.pread(out, os.fstat(out).st_size, 0) for out in outs)
        finally:
            for out in outs:
                os.close(out)

    def close(self) -> None:
        """End it; a command that still runs is left alone."""
        self._socket.close()
        self._process.wait()


@functools.cache
def parent() -> Parent:
    """One for the whole run of the tests."""
    return Parent()


def avatar_agent(
    *arguments: str,
    environ: Mapping[str, str] | None = None,
    folder: Path | None = None,
    stdin: str | int = "",
    timeout_s: float = 120.0,
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, in the folder and with the environment of the tests unless others are given.

    Args:
        stdin: what is typed, or a descriptor to read from.
    """
    given = stdin if isinstance(stdin, int) else os.memfd_create("stdin")
    try:
        if isinstance(stdin, str):
            os.pwrite(given, stdin.encode(), 0)
        status, out, err = parent().run(
            arguments,
            environ=os.environ if environ is None else environ,
            folder=folder or Path.cwd(),
            stdin=given,
            timeout_s=timeout_s,
        )
    finally:
        if isinstance(stdin, str):
            os.close(given)
    return subprocess.CompletedProcess(["avatar-agent", *arguments], status, out.decode(), err.decode())


def become(order: dict[str, object], descriptors: list[int], loaded: int) -> None:
    """In the child: be the command that was ordered, and end as Python ends, but for taking its modules apart."""
    before = set(sys.modules)
    for place, descriptor in enumerate(descriptors):
        os.dup2(descriptor, place)
        os.close(descriptor)
    os.environ.clear()
    os.environ.update(order["environ"])  # type: ignore[arg-type]
    os.chdir(str(order["folder"]))
    sys.stdin, sys.stdout, sys.stderr = (os.fdopen(place, mode, encoding="utf-8") for place, mode in enumerate("rww"))
    sys.argv = ["avatar-agent", *order["arguments"]]  # type: ignore[misc]

    @atexit.register
    def tell() -> None:
        os.write(loaded, json.dumps(sorted(set(sys.modules) - before)).encode())

    status: object = 70
    try:
        importlib.import_module(MODULE).main()
    except SystemExit as end:
        status = end.code or 0
    finally:
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status if isinstance(status, int) else 1)


def main() -> None:
    """Fork for each order; load what the last one had to load, so that the next finds it."""
    orders = socket.socket(fileno=int(sys.argv[1]))
    importlib.import_module(MODULE)
    while True:
        data, descriptors, _, _ = socket.recv_fds(orders, REQUEST_BYTES, 3)
        if not data:
            return
        loads, loaded = os.pipe()
        gc.freeze()
        pid = os.fork()
        if pid == 0:
            orders.close()
            os.close(loads)
            become(json.loads(data), descriptors, loaded)
            return
        os.close(loaded)
        for descriptor in descriptors:
            os.close(descriptor)
        orders.send(str(pid).encode())
        with os.fdopen(loads, "rb") as pipe:
            names = pipe.read()
        _, ended = os.waitpid(pid, 0)
        orders.send(str(os.waitstatus_to_exitcode(ended)).encode())
        for name in json.loads(names or b"[]"):
            with suppress(ImportError):
                importlib.import_module(name)


if __name__ == "__main__":
    main()
