"""The display's turns on a window that only writes down what it is told, with a clock that is moved."""

from __future__ import annotations

import io
import json
import os
import struct
import threading
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import numpy as np
import pytest
from PIL import Image

from device_agent.display.follow import LATER_S, LOAD_S, SOON_S, Extras, Follower
from device_agent.display.loader import Files, Loader, Order
from device_agent.display.notes import CRASH_LOOP, DAY_S, STEADY_S, TOO_OFTEN, Notes
from device_agent.display.scene import Scene
from device_agent.display.seen import Kept, Rules, State
from device_agent.display.silence import Silence
from device_agent.display.state import picture_file
from device_agent.display.trial import OUT_OF_TIME, Verdict
from device_agent.errors import PackageError
from device_agent.lifecycle.machine import Phase
from device_agent.lifecycle.record import Bound, Content, Record, Tombstone
from device_agent.service.lines import Lines

READY = Record(
    phase=Phase.READY, device_id="ECUR5MYFSCMXR5JQBU2L6I6PDE", bound=Bound(at=1.0), content=Content(active="A")
)


def package(sha256: str) -> Kept:
    return Kept(code="A", sha256=sha256)


class Broken(Exception):
    def __init__(self, code: str) -> None:
        self.code = code


@dataclass
class Paper:
    """A window that writes down."""

    size: tuple[int, int] = (90, 160)
    shown: list[str] = field(default_factory=list)
    picture: np.ndarray | None = None
    refuses: set[str] = field(default_factory=set)
    code: str = "gl.error"

    def show_picture(self, picture: np.ndarray) -> None:
        assert picture.shape == (self.size[1], self.size[0], 3)
        assert picture.max() > 20, "no card is black"
        self.picture = picture
        self.shown.append("card")

    def show_avatar(self, prepared: str) -> None:
        if prepared in self.refuses:
            raise Broken(self.code)
        self.shown.append(prepared)

    def frame(self, *, wait_s: float) -> bool:
        return True


class Now(Loader[str]):
    """Loads when it is told to."""

    def __init__(self) -> None:
        super().__init__(
            open_=lambda order: {"of": order.package.sha256.encode()},
            try_=lambda order, _files: self.verdicts.get(order.package.sha256, Verdict()),
            prepare=self.prepare,
        )
        self.verdicts: dict[str, Verdict] = {}
        self.tried: list[str] = []
        self.waiting: Order | None = None

    @staticmethod
    def prepare(_order: Order, files: Files) -> str:
        return files["of"].decode()

    def begin(self, order: Order) -> None:
        self._order = self.waiting = order
        self.tried += [] if order.proved else [order.package.sha256]

    def end(self) -> None:
        assert self.waiting is not None
        self._result = self._ended(self.waiting)
        self.waiting = None


@dataclass
class Bench:
    """A follower with all that it is given."""

    folder: Path
    now: float = 1000.0
    state: State = field(default_factory=State)
    window: Paper = field(default_factory=Paper)
    loader: Now = field(default_factory=Now)
    log: io.StringIO = field(default_factory=io.StringIO)
    budget_s: float = 604800.0
    fallback_picture: Path | None = None
    extras: Extras = field(default_factory=Extras)
    follower: Follower[str] = field(init=False)

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        """A new process."""
        self.follower = Follower(
            look=lambda: self.state, window=self.window, loader=self.loader,
            notes=Notes(self.folder, steady=lambda: self.now),
            silence=Silence(boot="b", steady=lambda: self.now), steady=lambda: self.now,
            log=Lines(stream=self.log), extras=self.extras, refusals=(Broken,),
        )  # fmt: skip

    def become(self, record: Record, *packages: str, **more: object) -> None:
        rules = Rules(offline_budget_s=self.budget_s, fallback_picture=picture_file(self.fallback_picture))
        state = State(rules=rules, record=record, packages=tuple(map(package, packages)))
        self.state = msgspec.structs.replace(state, **more)
        self.turn()

    def turn(self, seconds: float = 0.5) -> None:
        self.now += seconds
        assert self.follower.turn()

    def load(self) -> None:
        self.loader.end()
        self.turn()

    def said(self, event: str) -> list[dict]:
        lines = [json.loads(line) for line in self.log.getvalue().splitlines()]
        return [line for line in lines if line["event"] == event]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    run = tmp_path / "run"
    run.mkdir(mode=0o700)
    return Bench(folder=run)


def test_a_new_avatar_is_shown_when_it_is_ready_and_not_before(bench: Bench) -> None:
    bench.become(Record())
    assert bench.window.shown == ["card"]
    bench.become(READY, "one")
    assert bench.window.shown == ["card", "card"], "loading"
    bench.load()
    bench.become(READY, "two", "one")
    bench.turn()
    assert bench.window.shown == ["card", "card", "one"], "the old one goes on"
    bench.load()
    assert bench.window.shown == ["card", "card", "one", "two"]
    assert bench.follower.avatar == "two"


def test_a_card_is_drawn_once_and_again_for_another_size(bench: Bench) -> None:
    for _ in range(4):
        bench.become(Record())
    assert bench.window.shown == ["card"]
    bench.window.size = (160, 90)
    bench.turn()
    assert bench.window.shown == ["card", "card"]


def test_a_package_that_is_refused_leaves_what_is_there(bench: Bench) -> None:
    bench.become(READY, "one")
    bench.load()
    bench.loader.verdicts["two"] = Verdict(code="display.crashed", message="by signal SIGSEGV")
    bench.become(READY, "two")
    bench.load()
    bench.turn(100.0)
    assert (bench.follower.avatar, bench.follower.scene) == ("one", Scene.AVATAR)
    assert bench.loader.waiting is None, "and it is not tried again and again"
    (told,) = bench.said("avatar cannot be shown")
    assert (told["code"], told["stays"]) == ("display.crashed", True)
    bench.become(READY, "three")
    bench.load()
    assert bench.follower.avatar == "three"


def test_a_package_that_the_driver_refuses_leaves_what_is_there(bench: Bench) -> None:
    bench.become(READY, "one")
    bench.load()
    bench.window.refuses.add("two")
    bench.become(READY, "two")
    bench.load()
    bench.turn(10.0)
    assert bench.follower.avatar == "one"
    assert bench.said("avatar cannot be shown")[0]["code"] == "gl.error"


def test_after_a_start_the_one_before_is_shown_or_a_card(bench: Bench) -> None:
    bench.loader.verdicts["two"] = Verdict(code="display.memory", message="too much")
    bench.become(READY, "two")
    bench.load()
    assert (bench.follower.scene, bench.follower.avatar) == (Scene.UNUSABLE, "")
    bench.become(READY, "two", "one")
    bench.load()
    assert bench.follower.avatar == "one"


def test_what_fails_for_the_moment_s_sake_is_tried_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(order: Order) -> str:
        raise PackageError("it cannot be read", code="cache.failed")

    monkeypatch.setattr(bench.loader, "_prepare", busy)
    bench.become(READY, "one")
    bench.load()
    assert bench.follower.scene is Scene.UNUSABLE
    monkeypatch.setattr(bench.loader, "_prepare", Now.prepare)
    bench.turn(61.0)
    bench.load()
    assert bench.follower.avatar == "one"


def test_a_package_is_tried_once_also_over_restarts(bench: Bench) -> None:
    bench.become(READY, "one")
    bench.load()
    bench.start()
    bench.turn()
    bench.load()
    assert bench.loader.tried == ["one"]
    assert bench.follower.avatar == "one"


def crash_three_times(bench: Bench) -> None:
    for _ in range(3):
        bench.become(READY, "two", "one")
        bench.load()
        assert bench.follower.avatar == "two"
        bench.turn(STEADY_S - 5.0)
        bench.start()


def test_a_crash_loop_goes_back_and_another_version_ends_it(bench: Bench) -> None:
    crash_three_times(bench)
    bench.become(READY, "two", "one")
    bench.load()
    assert bench.follower.avatar == "one"
    (told,) = bench.said("avatar not shown")
    assert (told["code"], told["sha256"]) == ("display.crash_loop", "two")
    bench.become(READY, "three", "two")
    bench.load()
    assert bench.follower.avatar == "three"


def test_a_crash_loop_is_forgotten_after_a_day(bench: Bench) -> None:
    crash_three_times(bench)
    bench.become(READY, "two", "one")
    bench.load()
    bench.turn(86400.0)
    bench.load()
    assert bench.follower.avatar == "two"


def test_a_minute_of_drawing_is_no_crash_loop(bench: Bench) -> None:
    for _ in range(5):
        bench.become(READY, "two")
        bench.load()
        bench.turn(STEADY_S + 1.0)
        bench.turn()
        bench.start()
    assert bench.said("avatar not shown") == []


@pytest.mark.parametrize("phase", [Phase.UNBINDING, Phase.SEALING, Phase.ERASING, Phase.DECOMMISSIONED, Phase.BLANK])
def test_a_device_that_leaves_shows_no_avatar_at_once(bench: Bench, phase: Phase) -> None:
    bench.become(READY, "one")
    bench.load()
    bench.become(READY.changed(phase=phase), "one")
    assert bench.window.shown[-1] == "card"
    assert bench.follower.avatar == ""


def test_an_avatar_that_is_ready_too_late_is_not_shown(bench: Bench) -> None:
    bench.become(READY, "one")
    bench.become(READY.changed(phase=Phase.UNBINDING), "one")
    bench.load()
    assert bench.window.shown == ["card", "card"]
    assert bench.follower.scene is Scene.LEAVING


def test_the_budget_ends_with_nobody_writing(bench: Bench) -> None:
    bench.budget_s = 3600.0
    contact = replace_contact(READY, counting_boot="b", counted_at=1000.0)
    bench.become(contact, "one")
    bench.load()
    bench.turn(3000.0)
    assert bench.follower.avatar == "one"
    bench.turn(700.0)
    assert (bench.follower.scene, bench.follower.avatar) == (Scene.LOCKED, "")


def replace_contact(record: Record, **changes: object) -> Record:
    return record.changed(contact=msgspec.structs.replace(record.contact, **changes))


def test_a_fault_keeps_the_picture_inside_its_budget(bench: Bench) -> None:
    bench.become(READY, "one")
    bench.load()
    bench.become(READY, "one", fault="file.denied")
    assert (bench.follower.scene, bench.follower.avatar) == (Scene.AVATAR, "one")
    bench.become(Record(), fault="config.value", rules=None)
    assert bench.follower.scene is Scene.FAULT


def test_the_operator_s_own_picture(bench: Bench, tmp_path: Path) -> None:
    path = tmp_path / "own.png"
    bench.fallback_picture = path
    locked = READY.changed(phase=Phase.LOCKED)
    bench.become(locked, "one")
    assert bench.follower.scene is Scene.LOCKED, "there is none yet"
    Image.new("RGB", (400, 100), (200, 30, 40)).save(path)
    bench.become(locked, "one")
    assert bench.follower.scene is Scene.OPERATORS
    assert bench.window.picture is not None
    assert bench.window.picture[80, 45].tolist() == [200, 30, 40]
    Image.new("RGB", (50, 70), (30, 200, 40)).save(path)
    bench.become(locked, "one")
    assert bench.window.picture[80, 45].tolist() == [30, 200, 40], "another file is noticed"
    path.write_bytes(b"\x89PNG but not really")
    bench.become(locked, "one")
    assert bench.follower.scene is Scene.LOCKED


def test_an_operator_s_picture_that_cannot_be_used_costs_no_card(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "own.png"
    bench.fallback_picture = path
    os.mkfifo(path)
    bench.become(READY.changed(phase=Phase.LOCKED), "one")
    assert bench.follower.scene is Scene.LOCKED, "nobody waits for a pipe"
    path.unlink()
    Image.new("RGB", (40, 10), (200, 30, 40)).save(path)
    monkeypatch.setattr("PIL.ImageOps.exif_transpose", lambda _picture: struct.unpack("<I", b""))
    bench.become(READY.changed(phase=Phase.LOCKED), "one")
    assert bench.follower.scene is Scene.LOCKED


def test_an_avatar_that_a_driver_s_new_beginning_kept_off_the_screen_is_tried_again(bench: Bench) -> None:
    bench.become(READY, "one")
    bench.window.refuses = {"one"}
    bench.window.code = "gl.lost"
    bench.load()
    assert bench.follower.avatar == ""
    bench.window.refuses = set()
    bench.turn(SOON_S)
    bench.load()
    assert bench.follower.avatar == "one"


@pytest.mark.parametrize("code", ["display.time", "display.killed"])
def test_one_for_which_the_machine_was_too_busy_is_tried_again_within_the_day(bench: Bench, code: str) -> None:
    bench.loader.verdicts["one"] = Verdict(code=code)
    bench.become(READY, "one")
    bench.load()
    assert bench.follower.scene is Scene.UNUSABLE
    bench.turn(SOON_S)
    assert bench.loader.waiting is None
    bench.loader.verdicts.clear()
    bench.turn(LATER_S)
    bench.load()
    assert bench.follower.avatar == "one"


def test_an_avatar_that_the_driver_refuses_is_not_tried_again_today(bench: Bench) -> None:
    bench.become(READY, "one")
    bench.window.refuses = {"one"}
    bench.load()
    bench.turn(SOON_S)
    bench.turn(SOON_S)
    assert bench.loader.waiting is None
    assert bench.follower.scene is Scene.UNUSABLE


def test_a_ticket_is_on_the_screen_after_a_removal_by_force(bench: Bench) -> None:
    modules = np.full((21, 21), 255, np.uint8)
    modules[::2] = 0
    bench.extras = Extras(ticket=lambda removed: modules if removed == "h" else None)
    bench.window.size = (900, 1600)
    bench.start()
    bench.become(Record(phase=Phase.DECOMMISSIONED, tombstone=Tombstone(id_hash="h", at=1.0)))
    assert bench.follower.scene is Scene.ABANDONED, "no answer to an unbind is known"
    assert bench.window.picture is not None
    white = (bench.window.picture == 255).all(axis=2)
    assert white.sum() > 20_000
    given_back = Tombstone(id_hash="h", at=1.0, request_ids=("r",))
    bench.become(Record(phase=Phase.DECOMMISSIONED, tombstone=given_back))
    assert bench.follower.scene is Scene.REMOVED


def test_a_load_is_under_way_until_it_is_taken() -> None:
    waiting, done = threading.Event(), threading.Event()

    def prepare(order: Order, _files: Files) -> str:
        waiting.wait(30)
        return order.package.sha256

    class Told(Loader[str]):
        def _run(self, order: Order) -> None:
            super()._run(order)
            done.set()

    loader = Told(open_=lambda _order: {}, try_=lambda _order, _files: Verdict(), prepare=prepare)
    loader.begin(Order(package=package("one"), rules=Rules(offline_budget_s=0.0), proved=False))
    assert (loader.under_way, loader.take()) == ("one", None)
    waiting.set()
    assert done.wait(30)
    assert loader.under_way == "one"
    result = loader.take()
    assert result is not None
    assert (result.ready, loader.under_way, loader.take()) == ("one", "", None)


def hang(bench: Bench) -> None:
    """Until the display gives up, and is started again."""
    bench.turn(LOAD_S - 1)
    with pytest.raises(PackageError) as caught:
        bench.turn(2)
    assert (caught.value.code, caught.value.where) == (OUT_OF_TIME, "A")
    bench.loader = Now()
    bench.start()


def test_an_avatar_that_hangs_while_it_is_got_ready_gives_way_to_the_one_before(bench: Bench) -> None:
    """Also one that was proved: the child that drew it had another driver's luck."""
    for package_ in ("old", "new"):
        Notes(bench.folder, steady=lambda: bench.now).prove(package_)
    bench.become(READY, "old")
    bench.load()
    bench.turn(STEADY_S)
    for tries in range(1, TOO_OFTEN + 1):
        bench.become(READY, "new", "old")
        assert bench.loader.under_way == "new"
        hang(bench)
        assert len(bench.said("avatar hangs")) == tries
        bench.turn()
        assert bench.loader.under_way == "old", "at once"
        bench.load()
        assert bench.window.shown[-1] == "old"
        bench.turn(STEADY_S)
        bench.turn(LATER_S)
    assert (bench.follower.avatar, bench.loader.under_way) == ("old", ""), "three times is a crash loop, for a day"
    assert bench.said("avatar not shown")[-1]["code"] == CRASH_LOOP
    bench.turn(DAY_S)
    assert bench.loader.under_way == "new"


def test_what_takes_its_time_does_not_hang(bench: Bench) -> None:
    bench.become(READY, "new")
    bench.turn(LOAD_S - 1)
    bench.load()
    assert bench.follower.avatar == "new"
    bench.turn(2 * LOAD_S)
    assert bench.said("avatar hangs") == []


def test_a_defect_of_ours_is_told_and_tried_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def defect(_order: Order, _files: Files) -> str:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr(bench.loader, "_prepare", defect)
    bench.become(READY, "one")
    bench.load()
    (told,) = bench.said("avatar cannot be shown")
    assert (told["code"], told["message"]) == ("defect", "ZeroDivisionError: oh")
