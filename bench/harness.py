"""Signed calls per second that one process of the stand-in serves, beside moto's server on a comparable call.

    python bench/harness.py [--calls N] [--rounds N] [--moto PYTHON | --no-peer]

Prints one JSON line. The requests (ClientStart, ACS3-HMAC-SHA256, a nonce each) are signed beforehand and sent
over keep-alive connections by this process, so that what is measured is the server: signature, time, nonce, parameters,
state, record, answer. Every answer is checked. moto's call is STS GetCallerIdentity with a Signature Version 4 header,
which moto parses and does not verify; ``moto[server]`` is installed from the registry into a temporary environment,
unless ``--moto`` names an interpreter that has it. Both servers are one process without TLS; rounds alternate and the
best of each counts.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

BAR = 1500
CONNECTIONS = 16
LONGEST_S = 60.0


async def ask(address: tuple[str, int], requests: Iterator[bytes], wanted: bytes) -> int:
    """Send requests one after the other, each when the last was answered; how many were."""
    answered = 0
    writer: asyncio.StreamWriter | None = None
    for request in requests:
        if writer is None:
            reader, writer = await asyncio.open_connection(*address)
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        body = await reader.readexactly(int(head.partition(b"content-length:")[2].split(b"\r\n")[0]))
        if b" 200 " not in head.split(b"\r\n")[0] or wanted not in body:
            raise RuntimeError(f"a wrong answer: {body[:200]!r}")
        answered += 1
        if b"connection: close" in head:  # moto's server takes a connection for each call
            writer.close()
            writer = None
    if writer is not None:
        writer.close()
    return answered


async def rate(origin: str, requests: list[bytes], wanted: bytes) -> float:
    """Calls per second, from the first connection to the last answer."""
    parts = urlsplit(origin)
    address, rest = (parts.hostname or "", parts.port or 80), iter(requests)
    begin = time.perf_counter()
    async with asyncio.timeout(LONGEST_S):
        answered = await asyncio.gather(*(ask(address, rest, wanted) for _ in range(CONNECTIONS)))
    took = time.perf_counter() - begin
    if sum(answered) != len(requests):
        raise RuntimeError("not every request was answered")
    return len(requests) / took


def signed_calls(ready: dict[str, Any], count: int) -> list[bytes]:
    """Requests as our client signs them."""
    from device_agent.api.credentials import Credentials
    from device_agent.api.signing import Acs3Signer, Draft
    from device_agent.config import Secret
    from device_agent.spec.operation import VERSION

    key = Credentials(access_key_id=ready["access_key_id"], access_key_secret=Secret(ready["access_key_secret"]))
    draft = Draft(
        method="POST",
        origin=ready["endpoint"],
        host=urlsplit(ready["endpoint"]).netloc,
        action="ClientStart",
        version=VERSION,
        parameters={"TenantId": str(ready["tenant_id"]), "AppId": ready["app_id"]},
        headers={"accept": "application/json", "user-agent": "bench"},
    )
    requests = []
    for _ in range(count):
        exchange = Acs3Signer().sign(draft, credentials=key, now=datetime.now(UTC), nonce=os.urandom(16).hex())
        target = exchange.url.removeprefix(draft.origin)
        headers = "".join(f"{name}: {value}\r\n" for name, value in exchange.headers.items())
        requests.append(f"{exchange.method} {target} HTTP/1.1\r\n{headers}content-length: 0\r\n\r\n".encode())
    return requests


def moto_calls(origin: str, count: int) -> list[bytes]:
    """STS GetCallerIdentity, as boto3 would put it."""
    body = b"Action=GetCallerIdentity&Version=2011-06-15"
    date = datetime.now(UTC)
    head = (
        f"POST / HTTP/1.1\r\nhost: {urlsplit(origin).netloc}\r\nx-amz-date: {date:%Y%m%dT%H%M%SZ}\r\n"
        f"content-type: application/x-www-form-urlencoded; charset=utf-8\r\naccept: application/json\r\n"
        f"authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/{date:%Y%m%d}/us-east-1/sts/aws4_request, "
        f"SignedHeaders=content-type;host;x-amz-date, Signature={'0' * 64}\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return [head.encode() + body] * count


@contextmanager
def harness(folder: Path) -> Iterator[dict[str, Any]]:
    """The stand-in as the command line starts it."""
    package = folder / "bench"
    package.mkdir()
    for name in ("character.glb", "character.config.json"):
        (package / name).write_bytes(b"{}")
    command = [sys.executable, "-m", "device_agent.cli.main", "harness", "serve", "--avatar", str(package)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
    finally:
        process.terminate()
        process.wait(20)


@contextmanager
def moto_python(named: str) -> Iterator[str]:
    """An interpreter that has moto's server; empty where it cannot be installed."""
    if named:
        yield named
        return
    with tempfile.TemporaryDirectory() as folder:
        try:
            subprocess.run([sys.executable, "-m", "venv", folder], check=True, capture_output=True)
            pip = [f"{folder}/bin/pip", "install", "-q", "moto[server]"]
            subprocess.run(pip, check=True, capture_output=True, timeout=600)
        except (subprocess.SubprocessError, OSError) as error:
            sys.stderr.write(f"no peer: moto cannot be installed here ({type(error).__name__})\n")
            yield ""
            return
        yield f"{folder}/bin/python"


def version(python: str) -> str:
    """moto's version in that interpreter's environment."""
    code = "from importlib.metadata import version; print(version('moto'))"
    return subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


@contextmanager
def moto(python: str) -> Iterator[str]:
    """moto's server, once it accepts connections."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [python, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(300):
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


def measured(python: str, *, calls: int, rounds: int) -> tuple[list[float], list[float]]:
    """Calls per second of each round: ours, and those of moto in ``python``, none when that is empty."""
    ours, peer = [], []
    with tempfile.TemporaryDirectory() as folder, harness(Path(folder)) as ready:
        for _ in range(rounds):
            ours.append(asyncio.run(rate(ready["endpoint"], signed_calls(ready, calls), b'"Success":true')))
            if python:
                with moto(python) as origin:
                    few = moto_calls(origin, max(1, calls // 10))
                    asyncio.run(rate(origin, few[:10], b"GetCallerIdentity"))  # its first call loads the service
                    peer.append(asyncio.run(rate(origin, few, b"GetCallerIdentity")))
    return ours, peer


def main() -> None:
    parser = argparse.ArgumentParser(description="Signed calls per second of the stand-in, beside moto's server.")
    parser.add_argument("--calls", type=int, default=6000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--moto", default="", help="interpreter that has moto[server]")
    parser.add_argument("--no-peer", action="store_true", help="without moto")
    options = parser.parse_args()
    with moto_python(options.moto) if not options.no_peer else nullcontext("") as python:
        ours, peer = measured(python, calls=options.calls, rounds=options.rounds)
        name = f"moto {version(python)}" if python else None
    best, other = max(ours), max(peer, default=None)
    figures = {
        "signed_calls_per_s": round(best),
        "bar": BAR,
        "met": best >= BAR,
        "peer": name,
        "moto_calls_per_s": None if other is None else round(other),
        "ratio": None if other is None else round(best / other, 1),
    }
    machine = {"machine": platform.machine(), "python": platform.python_version(), "processors": os.cpu_count()}
    load = round(os.getloadavg()[0], 2)
    print(json.dumps({"bench": "harness", **machine, "load": load, **figures}))


if __name__ == "__main__":
    main()
