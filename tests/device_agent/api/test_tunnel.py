"""Connections that stay open: straight, and by CONNECT through a proxy, against real sockets and TLS."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from device_agent.api.http1 import Origin
from device_agent.api.proxy import proxy_routes
from device_agent.api.trust import Trust
from device_agent.api.tunnel import connect
from device_agent.errors import ConfigurationError, NetworkError

from .servers import authority, ca_file, proxying, says, server_identity, serving, tls_of

HOST = "im.example"
LOGIN = base64.b64encode(b"agent:p@ss").decode().encode()


def origin(scheme: str, port: int, host: str = "127.0.0.1") -> Origin:
    return Origin(scheme, host, port, f"{host}:{port}")


def read_all(origin: Origin, trust: Trust, routes: dict[str, str | None]) -> bytes:
    with connect(origin, trust=trust, routes=routes, seconds=5.0) as line:
        line.sendall(b"GET / HTTP/1.1\r\n\r\n")
        return line.recv(100)


def test_straight_and_plain() -> None:
    with serving(says(b"hello")) as server:
        assert read_all(origin("http", server.port), Trust(None), {}) == b"hello"


@pytest.mark.parametrize("login", [b"", LOGIN])
def test_through_a_proxy_the_name_is_the_proxy_s_to_look_up(tmp_path: Path, login: bytes) -> None:
    root = authority()
    trust = Trust(ca_file(root, tmp_path))
    with (
        serving(says(b"hello"), tls=tls_of(server_identity(root, names=[HOST]), tmp_path)) as server,
        proxying(login=login, to=server.port) as proxy,
    ):
        address = f"http://{'agent:p%40ss@' if login else ''}127.0.0.1:{proxy.port}"
        routes = proxy_routes(address, environ={})
        assert read_all(origin("https", 443, HOST), trust, routes) == b"hello"
        assert [head.split(b"\r\n")[0] for head in proxy.heard] == [b"CONNECT im.example:443 HTTP/1.1"]
        with pytest.raises(NetworkError) as caught:
            read_all(origin("https", 443, "another.example"), trust, routes)
        assert caught.value.code == "network.tls_name", "the proxy is no authority"


def test_a_proxy_that_refuses_says_so_without_its_login() -> None:
    with serving(says(b"")) as server, proxying(login=LOGIN, to=server.port) as proxy:
        routes = proxy_routes(f"http://agent:wr0ng@127.0.0.1:{proxy.port}", environ={})
        with pytest.raises(NetworkError) as caught:
            read_all(origin("https", 443, HOST), Trust(None), routes)
    assert (caught.value.code, caught.value.http_status) == ("network.proxy", 407)
    assert "wr0ng" not in f"{caught.value}{caught.value!r}"


@pytest.mark.parametrize("words", [b"", b"SSH-2.0\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 20_000])
def test_a_proxy_that_is_none(words: bytes) -> None:
    with serving(says(words)) as server:
        routes = proxy_routes(f"http://127.0.0.1:{server.port}", environ={})
        with pytest.raises(NetworkError) as caught:
            read_all(origin("https", 443, HOST), Trust(None), routes)
    assert caught.value.code == "network.proxy"


def test_nobody_there() -> None:
    with serving(says(b"")) as server:
        port = server.port
    with pytest.raises(NetworkError) as caught:
        read_all(origin("http", port), Trust(None), {})
    assert caught.value.code == "network.refused"
    with pytest.raises(NetworkError) as caught:
        read_all(origin("https", 443, HOST), Trust(None), proxy_routes(f"http://127.0.0.1:{port}", environ={}))
    assert caught.value.code == "network.proxy"


def test_a_proxy_over_https_is_refused_by_name() -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_all(origin("https", 443, HOST), Trust(None), proxy_routes("https://proxy.example", environ={}))
    assert caught.value.code == "config.proxy"
