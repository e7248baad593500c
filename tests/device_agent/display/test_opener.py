"""The two processes of a display, in two threads: what one asks and the other answers, and what neither survives."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest

from device_agent.config import Settings
from device_agent.display import opener as opener_module
from device_agent.display.channel import Channel
from device_agent.display.messages import Seen
from device_agent.display.opener import MOST_ASKED, Opener
from device_agent.display.opener_client import GONE_S, OpenerClient
from device_agent.display.seen import Kept, State
from device_agent.errors import AgentError, PackageError, StateError

ONE = Kept(code="A", sha256="one")


@dataclass
class Disk:
    """Stands for a watcher."""

    state: State = field(default_factory=State)
    settings: Settings | None = None
    free: threading.Event = field(default_factory=threading.Event)

    def look(self) -> State:
        assert self.free.wait(30)
        return self.state


@dataclass
class Desk:
    """An opener that answers, and who asks it."""

    disk: Disk
    now: float = 0.0
    client: OpenerClient = field(init=False)
    serving: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self.looks, its_looks = Channel.pair()
        self.opens, its_opens = Channel.pair()
        self.ends = its_looks, its_opens
        self.client = OpenerClient(looks=self.looks, opens=self.opens, steady=lambda: self.now)
        opener = Opener(
            watcher=self.disk,  # type: ignore[arg-type]
            places=lambda settings: frozenset({Path("/etc/none" if settings is None else settings.state_dir)}),
            looks=its_looks,
            opens=its_opens,
        )
        self.serving = threading.Thread(target=opener.serve)
        self.serving.start()


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = Desk(Disk())
    made.disk.free.set()
    yield made
    made.disk.free.set()
    made.client.end()
    made.serving.join(30)
    assert not made.serving.is_alive(), "it ends with who asks it"


def settings(folder: Path) -> Settings:
    given = {"state_dir": f"{folder}/state", "cache_dir": f"{folder}/cache"}
    return Settings.load(None, environ={}, overrides=given, system_file=folder / "none")


def test_a_state_is_told_once_and_known_for_as_long_as_it_is_the_same(desk: Desk, tmp_path: Path) -> None:
    first = desk.client.look()
    assert first == desk.disk.state
    assert desk.client.look() is first, "nothing was sent again"
    assert (desk.client.places, desk.client.state_dir) == (frozenset({Path("/etc/none")}), None)
    desk.disk.state, desk.disk.settings = State(packages=(ONE,), fault="x"), settings(tmp_path)
    assert desk.client.look() == desk.disk.state
    assert desk.client.places == {tmp_path / "state"}
    assert desk.client.state_dir == tmp_path / "state"


def test_a_disk_that_is_slow_to_say_holds_no_picture_up(desk: Desk) -> None:
    before = desk.client.look()
    desk.disk.free.clear()
    desk.disk.state = State(fault="news")
    assert desk.client.look() is before
    desk.now += GONE_S - 1.0
    assert desk.client.look() is before
    desk.disk.free.set()
    while desk.client.look() is before:
        pass
    assert desk.client.look().fault == "news"
    desk.disk.free.clear()
    desk.client.look()
    desk.now += GONE_S
    with pytest.raises(StateError) as caught:
        desk.client.look()
    assert caught.value.code == "display.opener"


def test_what_opens_comes_whole_and_what_does_not_comes_with_its_reason(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {"model.glb": bytes(3_000_000), "a": b""}

    def opened(state_dir: Path, cache_dir: Path, *, code: str, sha256: str, tpm: str) -> dict[str, bytes]:
        assert (state_dir, cache_dir, code, tpm) == (tmp_path / "state", tmp_path / "cache", "A", "")
        if sha256 == "bad":
            raise PackageError("it is damaged", code="package.zip", where="A", hint="fetch it again")
        if sha256 == "defect":
            raise ValueError("canary-of-a-secret")
        return files

    with pytest.raises(StateError) as early:
        desk.client.open(ONE)
    assert early.value.code == "display.gone"
    monkeypatch.setattr(opener_module, "open_files", opened)
    desk.disk.settings = settings(tmp_path)
    assert desk.client.open(ONE) == files
    for sha256, code, message in (
        ("bad", "package.zip", "it is damaged (A): fetch it again"),
        ("defect", "defect", "ValueError"),
    ):
        with pytest.raises(AgentError) as caught:
            desk.client.open(msgspec.structs.replace(ONE, sha256=sha256))
        assert (caught.value.code, str(caught.value)) == (code, message)
    assert desk.client.open(ONE) == files


def test_a_look_does_not_wait_for_a_package(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opening, free = threading.Event(), threading.Event()

    def opened(*_folders: Path, **_which: str) -> dict[str, bytes]:
        opening.set()
        assert free.wait(30)
        return {}

    monkeypatch.setattr(opener_module, "open_files", opened)
    desk.disk.settings = settings(tmp_path)
    thread = threading.Thread(target=desk.client.open, args=(ONE,))
    thread.start()
    assert opening.wait(30)
    desk.client.look()
    desk.disk.state = State(fault="news")
    assert desk.client.look().fault == "news"
    free.set()
    thread.join(30)


def test_whoever_was_taken_over_cannot_make_the_opener_do_more(desk: Desk, tmp_path: Path) -> None:
    desk.disk.settings = settings(tmp_path)
    for wrong in (b"", b"\xc1", msgspec.msgpack.encode({"code": 7}), msgspec.msgpack.encode({"path": "/etc/passwd"})):
        desk.opens.send(wrong)
        answer = desk.opens.receive(limit=10_000)
        assert answer is not None
        assert msgspec.msgpack.decode(answer)["type"] == "NotOpened"
    for end, message in ((desk.opens, bytes(MOST_ASKED + 1)), (desk.looks, bytes(MOST_ASKED + 1))):
        end.send(message)
    desk.serving.join(30)
    assert not desk.serving.is_alive(), "it does not even read what is too long"


def test_an_opener_that_has_died_is_told(desk: Desk) -> None:
    desk.client.look()
    for end in desk.ends:
        end.end()
    for ask in (desk.client.look, lambda: desk.client.open(ONE)):
        with pytest.raises(StateError) as caught:
            ask()
        assert caught.value.code == "display.opener"


def test_a_first_look_waits_and_has_a_state(desk: Desk) -> None:
    desk.disk.free.clear()
    threading.Timer(0.3, desk.disk.free.set).start()  # longer than a later look waits
    assert desk.client.look() == State()


def test_half_a_message_is_none() -> None:
    one, other = Channel.pair()
    one._socket.sendall((8).to_bytes(8, "little") + b"four")
    one.end()
    assert other.receive(limit=100) is None
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(Seen()), type=Seen) == Seen()
