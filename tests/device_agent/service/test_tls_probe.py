"""What doctor says about who vouches for a server, against real TLS servers, straight and through a proxy."""

from __future__ import annotations

import base64
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from device_agent.api.trust import Trust
from device_agent.errors import NetworkError
from device_agent.service.checkup import checkup
from device_agent.service.finding import Level
from device_agent.service.tls_probe import look
from tests.device_agent.api.servers import authority, ca_file, proxying, says, server_identity, serving, tls_of

from .conftest import Site

LOGIN = "agent:pr0xy-pass"


def test_it_names_the_issuer_and_the_setting_that_believes_it(tmp_path: Path) -> None:
    root, other = authority("Works CA"), authority("other")
    ours, theirs = ca_file(root, tmp_path), ca_file(other, tmp_path)
    with serving(says(b""), tls=tls_of(server_identity(root), tmp_path)) as server:
        for trust, believed in (
            (Trust(ours), "ca_file"),
            (Trust(None, hosts={"localhost": ours}), "ca_files.localhost"),
            (Trust(theirs, hosts={f"localhost:{server.port}": ours}), f"ca_files.localhost:{server.port}"),
        ):
            seen = look("localhost", server.port, trust=trust, proxy=None)
            assert (seen.issuer, seen.believed, seen.problem) == ("CN=Works CA", believed, None)
        seen = look("localhost", server.port, trust=Trust(theirs), proxy=None)
        assert seen.problem is not None
        assert (seen.issuer, seen.believed, seen.problem.code) == ("CN=Works CA", "", "network.tls_trust")
        assert server.heard == [], "nothing was sent over any of the handshakes"


@pytest.mark.parametrize(
    ("names", "begins", "code"),
    [(("other.example",), 0, "network.tls_name"), (("localhost",), -9, "network.tls_time"),
     (("localhost",), 9, "network.tls_time")],
)  # fmt: skip
def test_it_says_why_a_server_is_not_trusted(tmp_path: Path, names: tuple[str, ...], begins: int, code: str) -> None:
    now = datetime.now(UTC)
    root = authority("Works CA", now=now - timedelta(days=99))
    identity = server_identity(root, names=names, now=now + timedelta(days=begins), lifetime=timedelta(days=2))
    with serving(says(b""), tls=tls_of(identity, tmp_path)) as server:
        seen = look("localhost", server.port, trust=Trust(ca_file(root, tmp_path)), proxy=None)
    assert seen.problem is not None
    assert (seen.problem.code, seen.issuer) == (code, "CN=Works CA")


def test_through_a_proxy_with_a_login(tmp_path: Path) -> None:
    root = authority("Works CA")
    trust = Trust(ca_file(root, tmp_path))
    login = base64.b64encode(LOGIN.encode())
    with (
        serving(says(b""), tls=tls_of(server_identity(root), tmp_path)) as server,
        proxying(login=login, to=server.port) as proxy,
    ):
        seen = look("platform.example", 443, trust=trust, proxy=f"http://{LOGIN}@127.0.0.1:{proxy.port}")
        assert seen.believed == "ca_file"
        with pytest.raises(NetworkError) as caught:
            look("platform.example", 443, trust=trust, proxy=f"http://127.0.0.1:{proxy.port}")
        assert caught.value.code == "network.proxy"
        assert "pr0xy" not in str(caught.value)


def test_doctor_tells_it(site: Site, tmp_path: Path) -> None:
    root = authority("Works CA")
    with serving(says(b""), tls=tls_of(server_identity(root), tmp_path)) as server:
        settings = msgspec.structs.replace(
            site.settings(), broker_url=f"https://localhost:{server.port}/v1/credentials",
            ca_files={"localhost": ca_file(root, tmp_path)},
        )  # fmt: skip
        (finding,) = (found for found in checkup(settings, environ={}) if found.check == "tls")
        assert finding.level is Level.OK
        assert finding.says == f"localhost:{server.port}: issued by CN=Works CA, trusted by ca_files.localhost"
        untrusting = msgspec.structs.replace(settings, ca_files={})
        (finding,) = (found for found in checkup(untrusting, environ={}) if found.check == "tls")
        assert finding.level is Level.BAD
        assert "issued by CN=Works CA" in finding.says
        assert "ca_file" in finding.fix


def test_a_proxy_that_drips_is_given_up(tmp_path: Path) -> None:
    """Each byte is on its way before the next; the clock says that ten seconds are over."""
    looks = iter(range(10_000))

    def drip(peer: socket.socket, _head: bytes) -> None:
        peer.sendall(b"HTTP/1.1 200 OK\r\nx: ")
        while True:
            peer.sendall(b"a")

    with serving(drip) as proxy, pytest.raises(NetworkError) as caught:
        look(
            "localhost",
            443,
            trust=Trust(None),
            proxy=f"http://127.0.0.1:{proxy.port}",
            steady=lambda: float(next(looks)),
        )
    assert caught.value.code == "network.proxy"
    assert next(looks) < 100
