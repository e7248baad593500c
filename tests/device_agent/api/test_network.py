"""Real sockets: nobody there, somebody else there, somebody untrusted there."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest

from device_agent.api.client import Client
from device_agent.api.credentials import Credentials
from device_agent.api.endpoint import Endpoint, is_same_platform
from device_agent.api.proxy import proxy_routes
from device_agent.api.retry import NEVER
from device_agent.config import Secret, Settings
from device_agent.errors import ConfigurationError, NetworkError, NotThePlatform
from device_agent.spec.client_render import ClientStart

START = ClientStart(tenant_id=1, app_id="app")


def client(endpoint: str, **more: object) -> Client:
    key = Credentials(access_key_id="testid", access_key_secret=Secret("testsecret"))
    return Client(endpoint=endpoint, credentials=key, retry=NEVER, environ={}, timeout_s=5, **more)  # type: ignore[arg-type]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def talker() -> object:
    """A server that says something to whoever connects, then hangs up."""
    servers: list[socket.socket] = []

    def start(words: bytes) -> int:
        server = socket.create_server(("127.0.0.1", 0))
        servers.append(server)

        def serve() -> None:
            try:
                while True:
                    peer, _ = server.accept()
                    with peer:
                        peer.recv(65536)
                        peer.sendall(words)
            except OSError:
                return

        threading.Thread(target=serve, daemon=True).start()
        return int(server.getsockname()[1])

    yield start
    for server in servers:
        server.shutdown(socket.SHUT_RDWR)
        server.close()


def test_nobody_at_the_address() -> None:
    port = free_port()
    with client(f"http://127.0.0.1:{port}") as agent, pytest.raises(NetworkError) as caught:
        agent.call(START)
    error = caught.value
    assert error.code == "network.refused"
    assert not error.maybe_served
    assert error.exit_status == 5
    assert f"http://127.0.0.1:{port}" in str(error)
    assert "avatar-agent harness serve" in error.hint


def test_a_name_that_is_not_known() -> None:
    with client("https://nobody.invalid") as agent, pytest.raises(NetworkError) as caught:
        agent.call(START)
    assert caught.value.code == "network.name"


@pytest.mark.parametrize(
    ("words", "kind", "code"),
    [
        (b"", NetworkError, "network.cut"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", NetworkError, "network.cut"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{", NetworkError, "network.cut"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n<html>", NotThePlatform, "network.not_the_platform"),
        (
            b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 6\r\n\r\n<html>",
            NetworkError,
            "network.cut",
        ),
    ],
)
def test_somebody_else_at_the_address(talker: object, words: bytes, kind: type[NetworkError], code: str) -> None:
    with client(f"http://127.0.0.1:{talker(words)}") as agent, pytest.raises(NetworkError) as caught:  # type: ignore[operator]
        agent.call(START)
    assert type(caught.value) is kind
    assert caught.value.code == code
    assert caught.value.maybe_served or kind is NotThePlatform


def test_https_to_a_server_without_tls(talker: object) -> None:
    port = talker(b"HTTP/1.1 400 Bad Request\r\n\r\n")  # type: ignore[operator]
    with client(f"https://127.0.0.1:{port}") as agent, pytest.raises(NetworkError) as caught:
        agent.call(START)
    assert caught.value.code == "network.tls"


@pytest.mark.parametrize(
    ("text", "origin", "host"),
    [
        ("avatar.example", "https://avatar.example", "avatar.example"),
        ("https://Avatar.Example:443/", "https://avatar.example", "avatar.example"),
        ("https://avatar.example:8443", "https://avatar.example:8443", "avatar.example:8443"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080", "127.0.0.1:8080"),
        ("http://[::1]:80", "http://[::1]", "[::1]"),
        ("http://localhost", "http://localhost", "localhost"),
    ],
)
def test_addresses(text: str, origin: str, host: str) -> None:
    endpoint = Endpoint.parse(text)
    assert (endpoint.origin, endpoint.host) == (origin, host)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("avatar.example", "https://AVATAR.example:443/", True),
        ("https://avatar.example", "https://avatar.example:8443", False),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8081", False),
        ("avatar.cn-zhangjiakou.aliyuncs.com", "https://avatar-vpc.cn-zhangjiakou.aliyuncs.com", True),
        ("avatar.cn-zhangjiakou.aliyuncs.com", "https://aliyuncs.com.example", False),
        ("avatar.cn-zhangjiakou.aliyuncs.com", "https://notaliyuncs.com", False),
        ("avatar.cn-zhangjiakou.aliyuncs.com", "http://127.0.0.1:8080", False),
    ],
)
def test_what_is_one_platform(one: str, other: str, same: bool) -> None:
    """A seat is held at a platform; the vendor's has more than one address."""
    assert is_same_platform(one, other) is is_same_platform(other, one) is same


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("http://avatar.example", "config.plain_http"),
        ("http://10.0.0.1", "config.plain_http"),
        ("http://127.0.0.1.example", "config.plain_http"),
        ("ftp://avatar.example", "config.endpoint"),
        ("https://", "config.endpoint"),
        ("https://user:pw@avatar.example", "config.endpoint"),
        ("https://avatar.example/path", "config.endpoint"),
        ("https://avatar.example/?x", "config.endpoint"),
        ("https://avatar.example:99999", "config.endpoint"),
        ("https://ava tar", "config.endpoint"),
        ("https://[::1", "config.endpoint"),
    ],
)
def test_addresses_that_are_refused(text: str, code: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Endpoint.parse(text)
    assert caught.value.code == code
    assert "pw" not in str(caught.value)


def test_proxies_come_from_the_setting_or_the_environment() -> None:
    environ = {"https_proxy": "http://p:3128", "NO_PROXY": "a.example, .b.example", "all_proxy": "q:1"}
    routes = proxy_routes("", environ=environ)
    assert routes["https://"] == "http://p:3128"
    assert routes["all://"] == "http://q:1"
    assert [routes[f"all://{name}"] for name in ("a.example", "*.b.example", "localhost", "127.0.0.1")] == [None] * 4
    assert proxy_routes("none", environ=environ) == {}
    assert proxy_routes("http://mine:1", environ=environ)["all://"] == "http://mine:1"
    assert proxy_routes("", environ={}) == {}
    assert proxy_routes("", environ={**environ, "no_proxy": "*"}) == {}
    with pytest.raises(ConfigurationError):
        proxy_routes("socks5://x:1", environ={})


def test_settings_make_a_client(tmp_path: Path) -> None:
    def make(**overrides: str) -> None:
        environ = {"AVATAR_AGENT_ACCESS_KEY_ID": "id", "AVATAR_AGENT_ACCESS_KEY_SECRET": "s3cret"}
        settings = Settings.load(
            None, environ=environ, overrides={"endpoint": "http://127.0.0.1:1", **overrides}, system_file=tmp_path / "x"
        )
        Client.from_settings(settings).close()

    make()
    with pytest.raises(ConfigurationError, match="ca_file"):
        make(ca_file=str(tmp_path / "none.pem"))
    (tmp_path / "empty.pem").write_text("", encoding="ascii")
    with pytest.raises(ConfigurationError, match="ca_file"):
        make(ca_file=str(tmp_path / "empty.pem"))
    settings = Settings.load(None, environ={}, overrides={}, system_file=tmp_path / "x")
    with pytest.raises(ConfigurationError, match="access_key_id"):
        Client.from_settings(settings)
