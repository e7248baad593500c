"""Whom connections trust: authorities for every host, for one host, and revocation; against real TLS servers."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from certs.authority import Authority
from device_agent.api.async_client import AsyncClient
from device_agent.api.client import Client
from device_agent.api.retry import NEVER
from device_agent.api.revocation import LONGEST, RevocationLists
from device_agent.api.trust import Trust
from device_agent.api.trust_settings import trust_of
from device_agent.config import Settings
from device_agent.errors import ConfigurationError, NetworkError
from device_agent.spec.client_render import ClientStart

from .servers import Running, authority, ca_file, http_ok, says, server_identity, serving, tls_of

START = ClientStart(tenant_id=1, app_id="app")
ANSWER = http_ok(b'{"Success":true,"Code":"200","RequestId":"R","Data":{"ImToken":"t"}}')


@dataclass
class Site:
    """An authority, a platform with a certificate of it, and the authority's list on a board of its own."""

    folder: Path
    root: Authority
    platform: Running
    serial: int
    board: Running
    list: list[bytes]

    def settings(self, **tables: dict[str, str]) -> Settings:
        lines = ['access_key_id = "id"', 'access_key_secret = "s3cret"', f'cache_dir = "{self.folder}/cache"']
        lines += [f'endpoint = "https://localhost:{self.platform.port}"', "timeout_s = 5"]
        for name, table in tables.items():
            lines += [f"[{name}]", *(f'"{key}" = "{value}"' for key, value in table.items())]
        file = self.folder / "agent.toml"
        file.touch(mode=0o600)
        file.write_text("\n".join(lines))
        return Settings.load(file, environ={}, overrides={}, system_file=self.folder / "none")

    @property
    def ca(self) -> str:
        return ca_file(self.root, self.folder).name

    def publish(self, root: Authority | None = None, *, now: datetime | None = None, days: float = 2) -> None:
        made = (root or self.root).crl(now=now or datetime.now(UTC), lifetime=timedelta(days=days))
        self.list[:] = [http_ok(made.public_bytes(Encoding.DER))]

    def covered(self) -> Settings:
        address = f"http://127.0.0.1:{self.board.port}/authority.crl"
        return self.settings(ca_files={"localhost": self.ca}, crl_urls={"localhost": address})


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    root = authority()
    identity = server_identity(root)
    hung: list[bytes] = [b""]
    with ExitStack() as stack:
        platform = stack.enter_context(serving(says(ANSWER), tls=tls_of(identity, tmp_path / "tls")))
        board = stack.enter_context(serving(lambda peer, _head: peer.sendall(hung[0])))
        made = Site(tmp_path, root, platform, identity.certificate.serial_number, board, hung)
        made.publish()
        yield made


def call(settings: Settings, **more: Any) -> str:
    with Client.from_settings(settings, retry=NEVER, environ={}, **more) as client:
        return client.call(START).request_id


def refused(settings: Settings, **more: Any) -> NetworkError:
    with pytest.raises(NetworkError) as caught:
        call(settings, **more)
    assert not caught.value.maybe_served
    return caught.value


def test_an_authority_for_one_host_counts_for_that_host_only(site: Site) -> None:
    assert call(site.settings(ca_files={"localhost": site.ca})) == "R"
    assert call(site.settings(ca_files={f"LocalHost:{site.platform.port}": site.ca})) == "R"
    for table in ({}, {"127.0.0.1": site.ca}, {"localhost:1": site.ca}, {"other.example": site.ca}):
        assert refused(site.settings(ca_files=table)).code == "network.tls_trust"
    assert site.platform.everything.count(b"POST /") == 2, "who is not trusted is told nothing"


def test_the_authority_for_every_host_stays(site: Site) -> None:
    other = ca_file(authority("other"), site.folder)
    settings = site.settings(ca_files={"other.example": other.name})
    trust = Trust(ca_file(site.root, site.folder), hosts=settings.ca_files)
    assert call(settings, trust=trust) == "R"
    assert [name for name, _ in trust.says("other.example")] == ["ca_file", "ca_files.other.example"]
    assert [name for name, _ in trust.says("localhost")] == ["ca_file"]


def package(client: Client, url: str) -> int:
    with client.web.get(url, headers={}, connect_s=5.0, timeout_s=5.0) as answer:
        return answer.status


def test_downloads_and_tasks_trust_the_same(site: Site) -> None:
    settings = site.settings(ca_files={"localhost": site.ca})
    with Client.from_settings(settings, environ={}) as client:
        assert package(client, f"https://localhost:{site.platform.port}/package") == 200
        with pytest.raises(NetworkError) as caught:
            package(client, f"https://127.0.0.1:{site.platform.port}/package")
        assert caught.value.code == "network.tls_trust"

    async def ask() -> str:
        async with AsyncClient.from_settings(settings, environ={}, retry=NEVER) as client:
            return (await client.call(START)).request_id

    assert asyncio.run(ask()) == "R"


def test_one_context_for_each_set_of_authorities(site: Site) -> None:
    trust = trust_of(site.settings(ca_files={"a.example": site.ca, "b.example": site.ca}), environ={})
    assert trust.context("c.example") is trust.context("d.example", 8443)
    assert trust.context("a.example") is trust.context("A.example.")
    assert trust.context("a.example") is trust.context("b.example"), "they trust the same file"
    assert trust.context("a.example") is not trust.context("c.example")
    assert trust.ready("e.example")
    assert trust.context("a.example").minimum_version is ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize(
    ("table", "code"),
    [
        ({"ca_files": {"localhost": "none.pem"}}, "config.ca_file"),
        ({"ca_files": {"https://localhost": "ca.pem"}}, "config.value"),
        ({"ca_files": {"local host": "ca.pem"}}, "config.value"),
        ({"crl_urls": {"localhost": "ftp://x/y"}}, "config.value"),
        ({"crl_urls": {"localhost": "http://me:pw@x/y"}}, "config.value"),
    ],
)
def test_tables_that_make_no_sense(site: Site, table: dict[str, dict[str, str]], code: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        call(site.settings(**table))
    assert caught.value.code == code
    assert "pw" not in str(caught.value)


def test_a_table_can_come_from_the_environment(tmp_path: Path) -> None:
    environ = {"AVATAR_AGENT_CA_FILES": '{"Host.example:8443": "/etc/ca.pem"}'}
    settings = Settings.load(None, environ=environ, overrides={}, system_file=tmp_path / "none")
    assert settings.ca_files == {"host.example:8443": Path("/etc/ca.pem")}


def test_a_server_that_is_not_on_the_list_is_spoken_to_and_the_list_is_kept(site: Site) -> None:
    assert call(site.covered()) == "R"
    (kept,) = (site.folder / "cache" / "crls").iterdir()
    assert kept.stat().st_mode & 0o777 == 0o600
    assert kept.read_bytes().startswith(b"-----BEGIN X509 CRL")
    site.list[:] = [b"HTTP/1.1 500 Gone\r\ncontent-length: 0\r\n\r\n"]
    assert call(site.covered()) == "R"
    assert len(site.board.heard) == 1, "another process reads it from the disk, and asks nobody"


def test_a_server_that_was_revoked_is_told_nothing(site: Site) -> None:
    site.root.revoke(site.serial, now=datetime.now(UTC))
    site.publish()
    settings = site.covered()
    assert refused(settings).code == "network.tls_revoked"
    with Client.from_settings(settings, environ={}) as client, pytest.raises(NetworkError) as download:
        package(client, f"https://localhost:{site.platform.port}/package")
    assert download.value.code == "network.tls_revoked"

    async def ask() -> None:
        async with AsyncClient.from_settings(settings, environ={}, retry=NEVER) as client:
            await client.call(START)

    with pytest.raises(NetworkError) as caught:
        asyncio.run(ask())
    assert caught.value.code == "network.tls_revoked"
    assert site.platform.heard == []


@pytest.mark.parametrize("what", ["nobody", "html", "foreign", "over", "future", "endless", "old"])
def test_without_a_valid_list_a_covered_host_is_told_nothing(site: Site, what: str) -> None:
    long_ago = datetime.now(UTC) - timedelta(days=9)
    if what == "nobody":
        site.list[:] = [b""]
    elif what == "html":
        site.list[:] = [http_ok(b"<html>log in</html>")]
    elif what == "endless":
        site.list[:] = [b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n" + b"x" * 9_000_000]
    elif what == "foreign":
        site.publish(authority("private"))  # the same name, another key
    elif what == "future":
        site.publish(now=datetime.now(UTC) + timedelta(hours=3))
    else:
        site.publish(now=long_ago)
    error = refused(site.covered())
    assert error.code == "network.tls_crl"
    assert "log in" not in str(error)
    assert site.platform.heard == []
    assert not (site.folder / "cache" / "crls").exists()


def test_a_list_of_another_authority_than_the_server_s_is_no_excuse(site: Site) -> None:
    stranger = authority("stranger")
    both = site.folder / "both.pem"
    both.write_bytes(site.root.identity.chain_pem() + stranger.identity.chain_pem())
    site.publish(stranger)
    address = f"http://127.0.0.1:{site.board.port}/authority.crl"
    settings = site.settings(ca_files={"localhost": both.name}, crl_urls={"localhost": address})
    assert refused(settings).code == "network.tls_crl"


class Looked:
    """The list of one host's authority; remembers for which entries it was asked for."""

    def __init__(self, file: Path) -> None:
        self.file, self.asked = file, list[str]()

    def covers(self, host: str, port: int) -> str:
        return host if host == "a.example" else ""

    def current(self, entry: str) -> Path:
        self.asked.append(entry)
        return self.file

    def is_fresh(self, entry: str) -> bool:
        return True


def test_a_host_is_held_to_its_list_also_where_a_certificate_is_shown_and_no_other_is(tmp_path: Path) -> None:
    root = authority("private")
    now = datetime.now(UTC)
    (tmp_path / "list.pem").write_bytes(root.crl(now=now, lifetime=timedelta(days=1)).public_bytes(Encoding.PEM))
    lists = Looked(tmp_path / "list.pem")
    trust = Trust(None, lists=lists)
    pem = root.identity.key_pem() + root.identity.chain_pem()
    held = {}
    for host in ("b.example", "a.example"):
        assert not trust.ready(host)
        made = (trust.context(host), trust.with_identity(host, 443, pem=pem))
        held[host] = [bool(context.verify_flags & ssl.VERIFY_CRL_CHECK_LEAF) for context in made]
        assert trust.ready(host)
    assert held == {"b.example": [False, False], "a.example": [True, True]}
    assert lists.asked == ["a.example", "a.example"]


@dataclass
class Clock:
    now: float = 1_800_000_000.0

    def wall(self) -> float:
        return self.now

    def steady(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@dataclass
class Board:
    """A list's host by a clock of its own."""

    folder: Path
    clock: Clock = field(default_factory=Clock)
    asked: int = 0
    data: bytes = b""

    def __post_init__(self) -> None:
        self.root = authority(now=datetime.fromtimestamp(self.clock.now - 1e6, tz=UTC))
        self.file = ca_file(self.root, self.folder)
        self.lists = self.again()

    def again(self) -> RevocationLists:
        """As another process would have them."""
        return RevocationLists(
            urls={"a.example": "http://lists.example/a"}, authorities=lambda _entry: (self.file,),
            folder=self.folder / "crls", fetch=self.fetch, clock=self.clock,
        )  # fmt: skip

    def fetch(self, _url: str) -> bytes:
        self.asked += 1
        if not self.data:
            raise NetworkError("nobody", code="network.refused")
        return self.data

    def publish(self, *, hours: float) -> bytes:
        now = datetime.fromtimestamp(self.clock.now, tz=UTC)
        self.data = self.root.crl(now=now, lifetime=timedelta(hours=hours)).public_bytes(Encoding.PEM)
        return self.data

    def kept(self) -> bytes:
        return self.lists.current("a.example").read_bytes()

    def set_age(self) -> None:
        """What is on the disk came now, by this clock."""
        import os

        os.utime(next((self.folder / "crls").iterdir()), (self.clock.now, self.clock.now))


@pytest.fixture
def board(tmp_path: Path) -> Board:
    return Board(tmp_path)


@pytest.mark.parametrize(("life_h", "renewed_at_h"), [(8, 4), (240, 12)])
def test_a_list_is_asked_for_again_at_half_of_its_life_and_after_half_a_day(
    board: Board, life_h: float, renewed_at_h: float
) -> None:
    first = board.publish(hours=life_h)
    assert board.kept() == first
    board.set_age()
    second = board.publish(hours=life_h)
    board.clock.now += (renewed_at_h - 0.2) * 3600
    assert board.kept() == first
    assert board.asked == 1
    board.clock.now += 0.4 * 3600
    second = board.publish(hours=life_h)
    assert board.kept() == second
    assert board.asked == 2


def test_a_list_that_does_not_come_is_missed_only_after_its_end(board: Board) -> None:
    first = board.publish(hours=8)
    board.kept()
    board.set_age()
    board.data = b""
    board.clock.now += 6 * 3600
    for _ in range(5):
        assert board.kept() == first
    assert board.asked == 2, "not asked for with every connection"
    board.clock.now += 3 * 3600
    for lists in (board.lists, board.again()):
        with pytest.raises(NetworkError) as caught:
            lists.current("a.example")
        assert caught.value.code == "network.tls_crl"


def test_an_older_list_does_not_take_the_place_of_a_newer_one(board: Board) -> None:
    old = board.publish(hours=100)
    board.clock.now += 3600
    board.root.revoke(7, now=datetime.fromtimestamp(board.clock.now, tz=UTC))
    new = board.publish(hours=100)
    assert board.kept() == new
    board.set_age()
    board.data = old
    board.clock.now += 13 * 3600
    assert board.kept() == new


def test_a_list_without_end_takes_no_good_one_s_place(board: Board) -> None:
    good = board.publish(hours=8)
    board.kept()
    board.set_age()
    board.clock.now += 5 * 3600
    board.data = bytes(LONGEST).replace(b"\0", b"\n") + board.publish(hours=8)
    assert board.kept() == good
    assert board.asked == 2


def scope(**changes: Any) -> x509.IssuingDistributionPoint:
    facts: dict[str, Any] = {
        "full_name": None, "relative_name": None, "only_contains_user_certs": False, "only_contains_ca_certs": False,
        "only_some_reasons": None, "indirect_crl": False, "only_contains_attribute_certs": False,
    }  # fmt: skip
    return x509.IssuingDistributionPoint(**facts | changes)


@pytest.mark.parametrize(
    ("extension", "is_taken"),
    [
        (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\x05\x00"), False),
        (x509.DeltaCRLIndicator(1), False),
        (scope(only_contains_ca_certs=True), False),
        (scope(only_contains_attribute_certs=True), False),
        (scope(indirect_crl=True), False),
        (scope(only_some_reasons=frozenset([x509.ReasonFlags.key_compromise])), False),
        (scope(only_contains_user_certs=True), True),
    ],
)
def test_a_list_that_says_nothing_about_servers_takes_no_good_one_s_place(
    board: Board, extension: x509.ExtensionType, is_taken: bool
) -> None:
    """RFC 5280, 5.2: one with a critical part that nobody here understands must not be used either."""
    good = board.publish(hours=100)
    assert board.kept() == good
    board.set_age()
    board.clock.now += 13 * 3600
    now = datetime.fromtimestamp(board.clock.now, tz=UTC)
    builder = (
        x509.CertificateRevocationListBuilder(issuer_name=board.root.certificate.subject)
        .last_update(now)
        .next_update(now + timedelta(days=2))
        .add_extension(extension, critical=True)
    )
    board.data = builder.sign(board.root.identity.key, hashes.SHA256()).public_bytes(Encoding.PEM)
    assert board.kept() == (board.data if is_taken else good)


@pytest.mark.parametrize("damage", ["zeros", "cut", "foreign", "link"])
def test_a_damaged_list_on_the_disk_is_fetched_again(board: Board, damage: str) -> None:
    good = board.publish(hours=8)
    path = board.lists.current("a.example")
    if damage == "zeros":
        path.write_bytes(b"\0" * 500)
    elif damage == "cut":
        path.write_bytes(good[: len(good) // 2])
    elif damage == "foreign":
        foreign = Board(board.folder / "other")
        path.write_bytes(foreign.publish(hours=8))
    else:
        path.unlink()
        path.symlink_to("/dev/zero")
        from certs.errors import PrivateFileError

        with pytest.raises(PrivateFileError) as caught:
            board.again().current("a.example")
        assert caught.value.code == "file.link"
        return
    assert board.again().current("a.example").read_bytes() == good
