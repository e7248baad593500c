"""The cache: what lies on disk, what is switched when, what is refused, and that nothing is left after erase."""

from __future__ import annotations

import base64
import os
import re
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from certs.license import License
from device_agent.api.streams import Streams, connected
from device_agent.api.trust import Trust
from device_agent.avatars import cache as cache_module
from device_agent.avatars.cache import AvatarCache
from device_agent.avatars.record import Record
from device_agent.avatars.web import Web
from device_agent.errors import ConfigurationError, NetworkError, PackageError, UsageError

from .conftest import CODE


def everything_in(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def fetch_error(call: Callable[[], object], kind: type[Exception]) -> Any:
    with pytest.raises(kind) as caught:
        call()
    return caught.value


def test_fetched_is_cached_across_processes(
    cache: AvatarCache, root: Path, web: Web, package: bytes, render_data: Any
) -> None:
    data = render_data(package, version="v9")
    fetched = cache.fetch(CODE, data, web=web)
    again = AvatarCache(root).cached(CODE)
    assert again is not None
    assert (again.code, again.path, again.sha256, again.size) == (CODE, fetched.path, fetched.sha256, fetched.size)
    assert again.data == data
    assert again.transferred == 0
    files = again.open(None)
    assert set(files) == {"metaInfo.json", "character.glb", "animation.glb"}


def test_what_is_here_is_not_fetched_again_but_a_new_secret_is_kept(
    cache: AvatarCache, web: Web, server: Any, package: bytes, render_data: Any
) -> None:
    cache.fetch(CODE, render_data(package), web=web)
    second = cache.fetch(CODE, render_data(package, secret=base64.b64encode(bytes(16)).decode()), web=web)
    assert second.transferred == 0
    assert len(server.requests) == 1
    kept = cache.cached(CODE)
    assert kept is not None
    assert kept.data.secret == base64.b64encode(bytes(16)).decode()


def test_without_a_hash_the_server_is_asked_whether_it_changed(
    cache: AvatarCache, web: Web, server: Any, package: bytes, render_data: Any, zipped: Any
) -> None:
    data = render_data(package, sha256=None, size=None)
    first = cache.fetch(CODE, data, web=web)
    second = cache.fetch(CODE, data, web=web)
    assert [r.headers.get("if-none-match") for r in server.requests] == [None, '"v1"']
    assert (second.transferred, second.path) == (0, first.path)
    server.body, server.etag = zipped({"metaInfo.json": b"{}"}), '"v2"'
    third = cache.fetch(CODE, data, web=web)
    assert third.path.read_bytes() == server.body
    before = cache.previous(CODE)
    assert before is not None
    assert before.path == first.path
    assert before.open(None) == first.open(None)
    server.body, server.etag = zipped({"metaInfo.json": b"{}", "more": b"m"}), '"v3"'
    fourth = cache.fetch(CODE, data, web=web)
    assert not first.path.exists(), "one before is enough"
    kept = ["active.json", fourth.path.name, "previous.json", third.path.name]
    assert sorted(p.name for p in third.path.parent.iterdir()) == sorted(kept)


def test_a_rotten_copy_is_not_asked_about_but_fetched(
    cache: AvatarCache, web: Web, server: Any, package: bytes, render_data: Any
) -> None:
    for changes in ({}, {"sha256": None}):
        data = render_data(package, **changes)
        found = cache.fetch(CODE, data, web=web)
        rotten = bytearray(package)
        rotten[5000] ^= 1
        found.path.write_bytes(rotten)
        assert fetch_error(lambda found=found: found.open(None), PackageError).code == "package.sha256"
        healed = cache.fetch(CODE, data, web=web)
        assert healed.path.read_bytes() == package
        assert "if-none-match" not in server.requests[-1].headers


def test_a_code_never_becomes_a_path(
    cache: AvatarCache, root: Path, web: Web, package: bytes, render_data: Any
) -> None:
    codes = ["../../evil", "/etc/passwd", "..", ".", "a/b", "C:\\x", "虚拟人", "x" * 256, "CON", "active.json"]
    for code in codes:
        cache.fetch(code, render_data(package), web=web)
    assert cache.codes() == tuple(reversed(codes))
    for code in ("", "a\0b", "a\nb", "x" * 257, "\ud800"):
        assert (
            fetch_error(lambda code=code: cache.fetch(code, render_data(package), web=web), UsageError).exit_status == 2
        )
    assert all(len(p.name) == 32 and p.is_dir() for p in root.iterdir())
    assert os.listdir(root.parent) == [root.name]


def test_codes_in_the_order_of_fetching(cache: AvatarCache, web: Web, package: bytes, render_data: Any) -> None:
    assert cache.codes() == ()
    for code in ("a", "b", "c", "a"):
        cache.fetch(code, render_data(package), web=web)
    assert cache.codes() == ("a", "c", "b")
    cache.erase("c")
    assert cache.codes() == ("a", "b")
    assert cache.cached("c") is None


def test_everything_is_private(
    cache: AvatarCache, root: Path, web: Web, server: Any, package: bytes, render_data: Any
) -> None:
    before = os.umask(0)
    try:
        cache.fetch(CODE, render_data(package), web=web)
        server.answers = [server.cut_at(10_000)]
        fetch_error(lambda: cache.fetch("other", render_data(package), web=web), NetworkError)
    finally:
        os.umask(before)
    modes = {stat.S_IMODE(p.stat().st_mode): p.is_dir() for p in [root, *root.rglob("*")]}
    assert modes == {0o700: True, 0o600: False}


def test_nothing_decrypted_and_no_query_outside_the_record(
    cache: AvatarCache, root: Path, web: Web, package: bytes, render_data: Any
) -> None:
    opened = cache.fetch(CODE, render_data(package), web=web).open(None)
    plain = opened["character.glb"]
    assert len(plain) == 40_000
    for name, data in everything_in(root).items():
        assert plain[:16] not in data
        assert b"c4n4ry" not in data or name.endswith("/active.json")


def test_erase_leaves_nothing_of_ours_and_nothing_else_is_touched(
    cache: AvatarCache, root: Path, web: Web, server: Any, package: bytes, render_data: Any
) -> None:
    cache.erase()
    cache.fetch(CODE, render_data(package), web=web)
    server.answers = [server.cut_at(10_000)]
    fetch_error(lambda: cache.fetch("other", render_data(package), web=web), NetworkError)
    (root / "operators-note.txt").write_text("mine")
    (root / "folder").mkdir()
    cache.erase()
    assert sorted(p.name for p in root.rglob("*")) == ["folder", "operators-note.txt"]
    assert cache.codes() == ()
    assert cache.cached(CODE) is None
    cache.erase()


def test_the_last_good_one_stays_until_the_new_one_is_verified(
    cache: AvatarCache, web: Web, server: Any, package: bytes, render_data: Any, zipped: Any, root: Path
) -> None:
    good = cache.fetch(CODE, render_data(package), web=web)
    before = everything_in(root)
    unsafe = zipped({"metaInfo.json": b"{}", "../evil": b"x"})
    for body, call, kind, code in (
        (unsafe, lambda d: cache.fetch(CODE, d, web=web), PackageError, "package.name"),
        (b"<html>", lambda d: cache.fetch(CODE, d, web=web), PackageError, "package.not_zip"),
        (b"PK" + bytes(500), lambda d: cache.fetch(CODE, d, web=web), PackageError, "package.not_zip"),
    ):
        server.body, server.etag = body, '"new"'
        error = fetch_error(lambda call=call, body=body: call(render_data(body)), kind)
        assert error.code == code
        assert "https://content.example/packages/avatar.zip" in error.where
        assert "c4n4ry" not in str(error)
        assert everything_in(root) == before
        assert cache.cached(CODE) == cache_module.CachedPackage(
            code=CODE, path=good.path, data=good.data, sha256=good.sha256, size=good.size
        )


def test_a_check_of_the_callers_can_veto_the_switch(
    cache: AvatarCache, web: Web, server: Any, package: bytes, render_data: Any, zipped: Any
) -> None:
    good = cache.fetch(CODE, render_data(package), web=web)
    server.body, server.etag = zipped({"metaInfo.json": b"{}"}), '"new"'
    seen: list[bytes] = []

    def veto(path: Path) -> None:
        seen.append(path.read_bytes())
        raise PackageError("the seal does not open", code="envelope.tag")

    fetch_error(lambda: cache.fetch(CODE, render_data(server.body), web=web, check=veto), PackageError)
    assert seen == [server.body]
    active = cache.cached(CODE)
    assert active is not None
    assert active.open(None) == good.open(None)
    assert cache.fetch(CODE, render_data(server.body), web=web, check=lambda _: None).transferred == 0


@pytest.mark.parametrize("when", ["Partial.finish", "write_record"])
def test_killed_around_the_switch_either_side_is_complete(
    root: Path,
    package: bytes,
    render_data: Any,
    web: Web,
    server: Any,
    zipped: Any,
    when: str,
    tmp_path: Path,
) -> None:
    cache = AvatarCache(root)
    old = cache.fetch(CODE, render_data(package), web=web)
    new = zipped({"metaInfo.json": b"{}", "new": b"n"})
    (tmp_path / "new.zip").write_bytes(new)
    (tmp_path / "raw.json").write_text("".join(render_data(new).raw))
    program = (
        "import os, sys, pathlib, httpx\n"
        "from device_agent.api.transport import HttpxWeb\n"
        "from device_agent.avatars import cache as module, partial\n"
        "from device_agent.avatars.render_data import RenderData\n"
        f"target = partial if '{when}'.startswith('Partial') else module\n"
        f"owner, name = (partial.Partial, 'finish') if target is partial else (module, 'write_record')\n"
        "setattr(owner, name, lambda *a, **k: os._exit(9))\n"
        "root, new, raw = map(pathlib.Path, sys.argv[1:])\n"
        "answer = lambda request: httpx.Response(200, content=new.read_bytes())\n"
        "with httpx.Client(transport=httpx.MockTransport(answer)) as http:\n"
        f"    module.AvatarCache(root).fetch('{CODE}', RenderData.parse(raw.read_text()), web=HttpxWeb(http))\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", program, str(root), str(tmp_path / "new.zip"), str(tmp_path / "raw.json")], check=False
    )
    assert run.returncode == 9
    active = cache.cached(CODE)
    assert active is not None
    assert active.open(None) == old.open(None)
    server.body = new
    asked = len(server.requests)
    assert cache.fetch(CODE, render_data(new), web=web).open(None) == {"metaInfo.json": b"{}", "new": b"n"}
    assert len(server.requests) == asked, "the verified bytes were here already"
    assert sorted(p.suffix for p in active.path.parent.iterdir()) == [".json", ".json", ".sealed", ".sealed"]
    before = cache.previous(CODE)
    assert before is not None
    assert before.open(None) == old.open(None)


@pytest.mark.parametrize(
    "damage",
    [lambda b: b[:-1], lambda b: b"", lambda b: b"{}", lambda b: bytes(len(b)),
     lambda b: b.replace(b'"code":"', b'"code":"\xff'), lambda _: b'{"x":' + b"[" * 5000,
     lambda b: re.sub(rb'"url":"[^"]*"', b'"url":"http://["', b)],
)  # fmt: skip
def test_a_damaged_record_counts_as_none_and_fetching_heals_it(
    cache: AvatarCache,
    web: Web,
    server: Any,
    package: bytes,
    render_data: Any,
    damage: Callable[[bytes], bytes],
) -> None:
    found = cache.fetch(CODE, render_data(package), web=web)
    record = found.path.with_name("active.json")
    record.write_bytes(damage(record.read_bytes()))
    assert cache.cached(CODE) is None
    assert cache.codes() == ()
    assert cache.fetch(CODE, render_data(package), web=web).transferred == 0
    assert cache.codes() == (CODE,)


def test_a_record_without_its_package_counts_as_none(
    cache: AvatarCache, web: Web, package: bytes, render_data: Any
) -> None:
    found = cache.fetch(CODE, render_data(package), web=web)
    found.path.write_bytes(package[:-1])
    assert cache.cached(CODE) is None
    found.path.unlink()
    found.path.symlink_to("/etc/hostname")
    assert cache.cached(CODE) is None
    found.path.unlink()
    assert cache.cached(CODE) is None


def test_roots_that_are_not_ours_alone_are_refused(
    tmp_path: Path, web: Web, server: Any, package: bytes, render_data: Any
) -> None:
    loose = tmp_path / "loose"
    loose.mkdir(mode=0o755)
    loose.chmod(0o755)
    file = tmp_path / "file"
    file.write_bytes(b"")
    for root, code in ((loose, "cache.mode"), (file, "cache.not_directory"), (file / "below", "cache.not_directory")):
        error = fetch_error(
            lambda root=root: AvatarCache(root).fetch(CODE, render_data(package), web=web), ConfigurationError
        )
        assert (error.code, error.exit_status) == (code, 3)
        assert str(root) in str(error)
    assert server.requests == []


def test_planted_links_and_pipes_are_refused(
    cache: AvatarCache, root: Path, web: Web, server: Any, package: bytes, render_data: Any, tmp_path: Path
) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"untouched")
    server.answers = [server.cut_at(10_000)]
    fetch_error(lambda: cache.fetch(CODE, render_data(package), web=web), NetworkError)
    (part,) = root.glob("*/*.part")
    for plant, code in (
        (lambda: part.symlink_to(victim), "cache.link"),
        (lambda: os.mkfifo(part, 0o600), "cache.not_file"),
    ):
        part.unlink()
        plant()
        error = fetch_error(lambda: cache.fetch(CODE, render_data(package), web=web), ConfigurationError)
        assert error.code == code
    part.unlink()
    part.touch(mode=0o644)
    part.chmod(0o644)
    assert (
        fetch_error(lambda: cache.fetch(CODE, render_data(package), web=web), ConfigurationError).code == "cache.mode"
    )
    part.unlink()
    cache.fetch(CODE, render_data(package), web=web)
    record = next(root.glob("*/active.json"))
    record.chmod(0o644)
    assert fetch_error(lambda: cache.cached(CODE), ConfigurationError).code == "cache.mode"
    assert victim.read_bytes() == b"untouched"


def test_two_processes_do_not_download_into_one_file(
    cache: AvatarCache, root: Path, web: Web, server: Any, package: bytes, render_data: Any
) -> None:
    inner: list[ConfigurationError] = []

    def meanwhile(_here: int, _whole: int) -> None:
        if not inner:
            inner.append(
                fetch_error(lambda: AvatarCache(root).fetch(CODE, render_data(package), web=web), ConfigurationError)
            )

    assert cache.fetch(CODE, render_data(package), web=web, progress=meanwhile).path.read_bytes() == package
    assert inner[0].code == "cache.busy"
    assert len(server.requests) == 1


def test_the_record_does_not_show_itself(cache: AvatarCache, web: Web, package: bytes, render_data: Any) -> None:
    found = cache.fetch(CODE, render_data(package), web=web)
    record = Record.of(found.data, code=CODE, sha256=found.sha256, size=1, etag="", order=1)
    for shown in (repr(record), str(found), repr(cache)):
        assert "c4n4ry" not in shown
        assert found.data.secret.encode().decode() not in shown


def test_a_wrapped_key_and_its_licence(cache: AvatarCache, web: Web, server: Any, render_data: Any) -> None:
    import json

    fixtures = Path(__file__).parents[2] / "certs" / "fixtures"
    theirs = json.loads((fixtures / "expected.json").read_text())
    server.body = (fixtures / "package.zip").read_bytes()
    found = cache.fetch(CODE, render_data(server.body, secret=theirs["secret"]), web=web)
    assert set(found.open(License.load(fixtures / "licence.txt"))) == set(theirs["plain_sha256"])
    assert fetch_error(lambda: found.open(None), PackageError).code == "package.license"


def test_reading_the_cache_does_not_import_the_network() -> None:
    program = (
        "import sys, pathlib; from device_agent.avatars.cache import AvatarCache\n"
        "AvatarCache(pathlib.Path('/nonexistent')).codes()\n"
        "sys.exit('httpx' in sys.modules or 'numpy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


class Origin(BaseHTTPRequestHandler):
    """A real server on the loopback that cuts its first connection in the middle."""

    body = b""
    cuts: list[int]
    asked: list[str | None]

    def do_GET(self) -> None:
        asked = self.headers.get("Range")
        self.asked.append(asked)
        first = int(asked[6:-1]) if asked else 0
        self.send_response(206 if asked else 200)
        self.send_header("ETag", '"v1"')
        self.send_header("Content-Length", str(len(self.body) - first))
        if asked:
            self.send_header("Content-Range", f"bytes {first}-{len(self.body) - 1}/{len(self.body)}")
        self.end_headers()
        end = self.cuts.pop(0) if self.cuts else len(self.body)
        self.wfile.write(self.body[first:end])
        self.wfile.flush()
        if end < len(self.body):
            self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def origin(package: bytes) -> Iterator[tuple[str, list[str | None]]]:
    asked: list[str | None] = []
    handler = type("Handler", (Origin,), {"body": package, "cuts": [15_000], "asked": asked})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/avatar.zip?token=c4n4ry", asked
        server.shutdown()
        thread.join()


def test_over_a_real_socket_that_is_cut(
    cache: AvatarCache, root: Path, origin: tuple[str, list[str | None]], package: bytes, render_data: Any
) -> None:
    url, asked = origin
    web = Streams(connect=connected(Trust(None)))
    error = fetch_error(lambda: cache.fetch(CODE, render_data(package, url=url), web=web), NetworkError)
    assert error.code == "download.cut"
    assert "c4n4ry" not in str(error)
    (part,) = root.glob("*/*.part")
    here = part.stat().st_size
    assert 0 < here <= 15_000
    found = cache.fetch(CODE, render_data(package, url=url), web=web)
    assert found.path.read_bytes() == package
    assert found.transferred == len(package) - here
    assert asked == [None, f"bytes={here}-"]
