"""The platform client beside the vendor's official SDK: import, memory, calls over TLS, installed size.

    python bench/client.py [--rounds N] [--calls N] [--async-calls N] [--python PATH]

Prints one JSON line: per claim both figures, the ratio, the bar, and whether it is met. Each figure is taken in a fresh
process; rounds alternate between the two and the best of each counts, so that other work on the machine hurts both
alike. ``whole_ms`` in the row of the import is the same with all 30 operations and one client made, which loads what
ours puts off. Both talk HTTPS to the same server in a third process, which answers every request at once with the same
recorded answer: the figures are about clients, and no server of ours should be their limit. (That both speak correctly
is the contract tests' business.) The SDK runs with its defaults, except that its connect timeout is raised: its async
client makes a TLS context per call on the event loop and otherwise times out with 50 tasks.

A stall is how much later than asked a 2 ms sleep on the same event loop ended, from the making of the client to the
last answer; ``processor_ms`` is what the loop's thread itself spent in the busiest such sleep, which other work on the
machine does not lengthen. ``--python`` names the interpreter of an environment made from ``requirements/base.txt`` for
our side; without it ours runs where the SDK runs.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
TASKS = 50
OURS = ("msgspec", "httpx", "h11", "certifi")
"""What ``device_agent.api`` and what it stands on import of other projects'."""

SDK = "alibabacloud-avatar20220130"
IMPORTS = {
    "ours": "from device_agent.api.client import Client; from device_agent.spec.client_render import ClientStart",
    "sdk": "from alibabacloud_avatar20220130.client import Client; from alibabacloud_avatar20220130 import models;"
    " from alibabacloud_tea_openapi.models import Config",
    "nothing": "pass",
    "ours whole": """
from device_agent.api.client import Client
from device_agent.api.credentials import Credentials
from device_agent.secret import Secret
from device_agent.spec.operations import OPERATIONS
Client(endpoint="https://a", credentials=Credentials(access_key_id="a", access_key_secret=Secret("b")), environ={})
""",
    "sdk whole": """
from alibabacloud_avatar20220130 import models
from alibabacloud_avatar20220130.client import Client
from alibabacloud_tea_openapi.models import Config
Client(Config(access_key_id="a", access_key_secret="b", endpoint="a"))
""",
}
ANSWER = (
    b'{"RequestId":"6D1A4A1F-0000-4000-8000-000000000001","Code":"0","Message":"success","Success":true,'
    b'"Data":{"ImToken":"' + b"x" * 64 + b'"}}'
)


class Answering(asyncio.Protocol):
    """Answers every request with ``ANSWER``."""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._heard = b""

    def data_received(self, data: bytes) -> None:
        from email.utils import formatdate

        self._heard += data
        while b"\r\n\r\n" in self._heard:
            _, _, self._heard = self._heard.partition(b"\r\n\r\n")  # neither client sends a body
            self._transport.write(
                b"HTTP/1.1 200 OK\r\ndate: %b\r\ncontent-type: application/json;charset=utf-8\r\n"
                b"x-acs-request-id: 6D1A4A1F-0000-4000-8000-000000000001\r\ncontent-length: %d\r\n\r\n%b"
                % (formatdate(usegmt=True).encode(), len(ANSWER), ANSWER)
            )


def serve(folder: str) -> None:
    """Serve until the standard input ends; prints port and the authority's file."""
    import ssl
    from datetime import UTC, datetime

    from device_agent.harness.tls import server_files

    files = server_files(Path(folder) / "tls", host="127.0.0.1", now=datetime.now(UTC))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(files.certificate, files.key)

    async def run() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(Answering, "127.0.0.1", 0, ssl=context, backlog=1000)
        print(json.dumps([server.sockets[0].getsockname()[1], str(files.ca_file)]), flush=True)
        await loop.run_in_executor(None, sys.stdin.read)
        server.close()

    asyncio.run(run())


def our_client(kind: str, port: int, ca_file: str) -> tuple[Any, Any]:
    from device_agent.api.credentials import Credentials
    from device_agent.config import Secret
    from device_agent.spec.client_render import ClientStart

    if kind == "sync":
        from device_agent.api.client import Client as Made
    else:
        from device_agent.api.async_client import AsyncClient as Made  # type: ignore[assignment]
    client = Made(
        endpoint=f"https://127.0.0.1:{port}",
        credentials=Credentials(access_key_id="testid", access_key_secret=Secret("testsecret")),
        ca_file=Path(ca_file),
        environ={},
    )
    return client, ClientStart(tenant_id=12345, app_id="app-of-the-benchmark")


def sdk_client(port: int) -> tuple[Any, Any]:
    from alibabacloud_avatar20220130 import models
    from alibabacloud_avatar20220130.client import Client
    from alibabacloud_tea_openapi.models import Config

    config = Config(
        access_key_id="testid",
        access_key_secret="testsecret",
        endpoint=f"127.0.0.1:{port}",
        protocol="HTTPS",
        connect_timeout=120_000,
        read_timeout=120_000,
    )
    return Client(config), models.ClientStartRequest(tenant_id=12345, app_id="app-of-the-benchmark")


def sequential(who: str, port: int, ca_file: str, calls: int) -> dict[str, float]:
    """Calls one after the other; afterwards the process's memory."""
    if who == "ours":
        client, request = our_client("sync", port, ca_file)
        call = client.call
    else:
        client, request = sdk_client(port)
        call = client.client_start
    call(request)
    begin = time.perf_counter()
    for _ in range(calls):
        call(request)
    rate = calls / (time.perf_counter() - begin)
    status = Path("/proc/self/status").read_text(encoding="ascii")
    found = re.search(r"VmRSS:\s+(\d+)", status)
    return {"rate": rate, "rss_mib": int(found[1]) / 1024 if found else 0.0}


def prepare(who: str) -> None:
    """Load what a program would have loaded at its head: that is not the event loop's time."""
    modules = ("device_agent.api.async_client",) if who == "ours" else ("alibabacloud_avatar20220130.client", "aiohttp")
    for name in modules:
        importlib.import_module(name)


async def together(who: str, port: int, ca_file: str, calls: int) -> dict[str, float]:
    """Calls of ``TASKS`` tasks; connecting counts."""
    stall, busy, left, running = 0.0, 0.0, calls, True

    async def beat() -> None:
        nonlocal stall, busy
        while running:
            begin, spent = time.perf_counter(), time.thread_time()
            await asyncio.sleep(0.002)
            stall = max(stall, time.perf_counter() - begin - 0.002)
            busy = max(busy, time.thread_time() - spent)

    prepare(who)
    beating = asyncio.create_task(beat())
    await asyncio.sleep(0.01)
    begin = time.perf_counter()
    if who == "ours":
        client, request = our_client("async", port, ca_file)
        call = client.call
    else:
        client, request = sdk_client(port)
        call = client.client_start_async

    async def work() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            await call(request)

    await asyncio.gather(*(work() for _ in range(TASKS)))
    rate = calls / (time.perf_counter() - begin)
    running = False
    await beating
    if who == "ours":
        await client.close()
    return {"rate": rate, "stall_ms": stall * 1000.0, "busy_ms": busy * 1000.0}


def installed(names: tuple[str, ...]) -> dict[str, Any]:
    """The packages and all that they require here, in MiB of files, without compiled Python."""
    seen: dict[str, int] = {}
    wanted = [re.sub(r"[-_.]+", "-", name).lower() for name in names]
    while wanted:
        name = wanted.pop()
        if name in seen:
            continue
        try:
            package = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue  # for another platform or an extra
        files = [Path(str(package.locate_file(file))) for file in package.files or () if file.suffix != ".pyc"]
        seen[name] = sum(file.stat().st_size for file in files if file.is_file())
        for line in package.requires or ():
            if "extra ==" not in line:
                found = re.match(r"[A-Za-z0-9._-]+", line)
                wanted.append(re.sub(r"[-_.]+", "-", found[0]).lower() if found else "")
    return {"mib": sum(seen.values()) / 2**20, "packages": len(seen)}


def child(python: str, *arguments: str, **environment: str) -> dict[str, Any]:
    done = subprocess.run(
        [python, str(Path(__file__).resolve()), *arguments],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
    )
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def import_seconds(python: str, who: str) -> float:
    begin = time.perf_counter()
    subprocess.run([python, "-c", IMPORTS[who]], check=True, env=os.environ | {"PYTHONPATH": str(ROOT)})
    return time.perf_counter() - begin


def row(claim: str, ours: float, peer: float, bar: str, met: bool, *, unit: str, **more: Any) -> dict[str, Any]:
    ratio = round(ours / peer, 3)
    figures = {"ours": round(ours, 2), "sdk": round(peer, 2), "ratio": ratio, "unit": unit}
    return {"claim": claim, **figures, "bar": bar, "met": met, **more}


def compare(options: argparse.Namespace, port: int, ca_file: str) -> list[dict[str, Any]]:
    here, own = sys.executable, options.python or sys.executable
    best: dict[str, float] = {}

    def least(name: str, value: float) -> None:
        best[name] = min(best.get(name, value), value)

    def most(name: str, value: float) -> None:
        best[name] = max(best.get(name, value), value)

    trust = {"SSL_CERT_FILE": ca_file, "REQUESTS_CA_BUNDLE": ca_file}
    for _ in range(options.rounds * 5):
        least("bare ours", import_seconds(own, "nothing"))
        least("import ours", import_seconds(own, "ours"))
        least("bare sdk", import_seconds(here, "nothing"))
        least("import sdk", import_seconds(here, "sdk"))
        least("whole ours", import_seconds(own, "ours whole"))
        least("whole sdk", import_seconds(here, "sdk whole"))
    for _ in range(options.rounds):
        for who, python in (("ours", own), ("sdk", here)):
            told = child(python, "--sequential", who, str(port), ca_file, str(options.calls), **trust)
            most(f"sequential {who}", told["rate"])
            least(f"memory {who}", told["rss_mib"])
            told = child(python, "--together", who, str(port), ca_file, str(options.async_calls[who]), **trust)
            most(f"async {who}", told["rate"])
            least(f"stall {who}", told["stall_ms"])
            least(f"busy {who}", told["busy_ms"])
    ours, peer = ((best[f"import {who}"] - best[f"bare {who}"]) * 1000.0 for who in ("ours", "sdk"))
    whole = [round((best[f"whole {who}"] - best[f"bare {who}"]) * 1000.0, 1) for who in ("ours", "sdk")]
    met = ours <= 0.35 * peer
    rows = [row("import over a bare interpreter", ours, peer, "<= 0.35", met, unit="ms", whole_ms=whole)]
    ours, peer = best["memory ours"], best["memory sdk"]
    rows.append(row("memory after import and calls", ours, peer, "<= 0.6", ours <= 0.6 * peer, unit="MiB"))
    ours, peer = best["sequential ours"], best["sequential sdk"]
    rows.append(row("sequential calls over TLS", ours, peer, ">= 1.15", ours >= 1.15 * peer, unit="calls/s"))
    ours, peer = best["async ours"], best["async sdk"]
    rows.append(row(f"async calls over TLS, {TASKS} tasks", ours, peer, ">= 50", ours >= 50 * peer, unit="calls/s"))
    ours, peer = best["stall ours"], best["stall sdk"]
    busy = [round(best[f"busy {who}"], 2) for who in ("ours", "sdk")]
    met = ours <= 20.0
    rows.append(row("longest stall of the event loop", ours, peer, "<= 20 ms", met, unit="ms", processor_ms=busy))
    sizes = [installed(names) for names in (OURS, (SDK,))]
    ours, peer = (size["mib"] for size in sizes)
    packages = [size["packages"] for size in sizes]
    met = ours <= 0.5 * peer
    rows.append(row("installed size of the dependencies", ours, peer, "<= 0.5", met, unit="MiB", packages=packages))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description="The platform client beside the vendor's SDK.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--calls", type=int, default=1000, help="calls one after the other")
    parser.add_argument("--async-calls", type=int, default=5000, help="our async calls; the SDK makes a 25th of them")
    parser.add_argument("--python", default="", help="interpreter of a clean base install, for ours")
    options = parser.parse_args()
    options.async_calls = {"ours": options.async_calls, "sdk": max(TASKS, options.async_calls // 25)}
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o700)
        server = subprocess.Popen(
            [sys.executable, str(Path(__file__).resolve()), "--serve", folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        try:
            assert server.stdout is not None
            port, ca_file = json.loads(server.stdout.readline())
            rows = compare(options, port, ca_file)
        finally:
            server.communicate(b"", timeout=10)
    environment: dict[str, Any] = {
        "machine": platform.machine(),
        "python": platform.python_version(),
        "processors": os.cpu_count(),
    }
    environment["load"] = round(os.getloadavg()[0], 2)
    report = {"bench": "client", "peer": f"{SDK} {metadata.version(SDK)}", **environment, "rows": rows}
    print(json.dumps({**report, "missed": [each["claim"] for each in rows if not each["met"]]}))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["--serve", folder]:
            serve(folder)
        case ["--sequential", who, port, ca_file, calls]:
            print(json.dumps(sequential(who, int(port), ca_file, int(calls))))
        case ["--together", who, port, ca_file, calls]:
            print(json.dumps(asyncio.run(together(who, int(port), ca_file, int(calls)))))
        case _:
            main()
