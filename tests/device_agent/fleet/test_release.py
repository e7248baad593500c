"""Seats given back one by one, twice, at a pace that a platform can slow down; stopped anywhere and gone on with."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from device_agent.errors import (
    AgentError,
    ConfigurationError,
    NetworkError,
    NotThePlatform,
    PermissionRefused,
    PlatformError,
    Throttled,
    UsageError,
)
from device_agent.fleet.journal import Journal, Line, Plan
from device_agent.fleet.release import MOST_IN_A_ROW, MOST_THROTTLED, Release
from device_agent.spec.client_render import ClientUnbindDevice

DEVICES = [f"KIOSK-{number}" for number in range(6)]
WINDOW_S = 960.0


class Time:
    """Passes while somebody sleeps, and a tenth of a second with each call."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def wall(self) -> float:
        return self.now

    def steady(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.now += seconds


class Bench:
    def __init__(self, folder: Path, devices: list[str]) -> None:
        self.time = Time()
        self.calls: list[tuple[float, str]] = []
        self.answers: dict[str, list[AgentError]] = {}
        self.file = folder / "journal.jsonl"
        plan = Plan(tenant_id=7, endpoint="https://a", late_window_s=WINDOW_S, devices=devices)
        self.journal = Journal.begin(self.file, plan)

    def unbind(self, request: ClientUnbindDevice) -> str:
        assert request.tenant_id == 7
        assert request.device_id
        self.calls.append((self.time.now, request.device_id))
        self.time.now += 0.1
        refusals = self.answers.get(request.device_id, [])
        if refusals:
            raise refusals.pop(0)
        return f"R{len(self.calls)}"

    def release(self, **more: float) -> Release:
        return Release(unbind=self.unbind, journal=self.journal, clock=self.time, not_bound_codes=("10010002",), **more)  # type: ignore[arg-type]

    def go_on(self) -> None:
        self.journal = Journal.go_on(self.file)

    def asked(self) -> list[str]:
        return [device_id for _, device_id in self.calls]

    def gaps(self) -> list[float]:
        return [later - before for (before, _), (later, _) in zip(self.calls, self.calls[1:], strict=False)]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path, DEVICES)


def refusal(kind: type[AgentError], code: str) -> AgentError:
    return kind("no", code=code, operation="ClientUnbindDevice", request_id="R0")


def test_everybody_twice_a_second_apart_the_second_time_after_the_window(bench: Bench) -> None:
    work = bench.release()
    assert work.round(1) == []
    assert work.round(2) == []
    assert bench.asked() == [*DEVICES, *DEVICES]
    assert all(gap >= 1.0 for gap in bench.gaps())
    firsts, seconds = bench.calls[: len(DEVICES)], bench.calls[len(DEVICES) :]
    for (first, _), (second, _) in zip(firsts, seconds, strict=True):
        assert second >= first + WINDOW_S
    assert seconds[-1][0] < firsts[-1][0] + WINDOW_S + 10, "and not much later"
    assert bench.journal.left(1) == bench.journal.left(2) == []
    assert work.round(1) == work.round(2) == []
    assert len(bench.calls) == 2 * len(DEVICES), "what is done is not done again"


def test_not_bound_is_a_success_and_another_refusal_is_told(bench: Bench) -> None:
    bench.answers["KIOSK-1"] = [refusal(PlatformError, "10010002")]
    bench.answers["KIOSK-2"] = [refusal(PlatformError, "99999")]
    (failed,) = bench.release().round(1)
    assert (failed.device_id, failed.result) == ("KIOSK-2", "99999")
    assert bench.journal.done[1]["KIOSK-1"].result == "not-bound"
    assert bench.asked() == DEVICES, "the others had their turn"
    assert list(bench.journal.left(1)) == ["KIOSK-2"]
    assert "KIOSK-2" not in bench.journal.left(2), "the second round is for those of the first"
    assert bench.release().round(1) == []


def test_another_call_s_refusal_of_that_code_is_no_success(bench: Bench) -> None:
    """Whoever gives the credentials may be refused by the same number."""
    bench.answers["KIOSK-1"] = [PlatformError("no", code="10010002", operation="AssumeRole")]
    with pytest.raises(PlatformError):
        bench.release().round(1)
    assert list(bench.journal.done[1]) == ["KIOSK-0"]


def test_a_throttle_halves_the_rate_and_the_device_is_asked_again(bench: Bench) -> None:
    throttle = refusal(Throttled, "Throttling.User")
    throttle.advised_s = 30.0  # type: ignore[attr-defined]
    bench.answers["KIOSK-1"] = [throttle, refusal(Throttled, "Throttling.User")]
    assert bench.release().round(1) == []
    assert bench.asked() == ["KIOSK-0", "KIOSK-1", "KIOSK-1", "KIOSK-1", *DEVICES[2:]]
    gaps = bench.gaps()
    assert gaps[1] >= 30.0
    assert gaps[2] >= 4.0
    assert all(gap >= 4.0 for gap in gaps[2:]), "a quarter of the rate, to the end"


def test_a_platform_that_throttles_for_ever_is_left_alone(bench: Bench) -> None:
    for device_id in DEVICES:
        bench.answers[device_id] = [refusal(Throttled, "Throttling.User") for _ in range(99)]
    with pytest.raises(Throttled):
        bench.release().round(1)
    assert len(bench.calls) == MOST_IN_A_ROW * MOST_THROTTLED
    assert max(bench.gaps()) <= 60.2


@pytest.mark.parametrize(
    ("error", "calls"),
    [(lambda: refusal(PermissionRefused, "Forbidden.RAM"), 1),
     (lambda: refusal(PlatformError, "InvalidAccessKeyId.NotFound"), 1),
     (lambda: NetworkError("gone", code="network.tls_trust"), 1),
     (lambda: refusal(PlatformError, "InvalidTimeStamp.Expired"), 1),
     (lambda: refusal(PlatformError, "10010003"), 1),
     (lambda: NotThePlatform("a portal", code="network.not_the_platform"), 1),
     (lambda: NetworkError("gone", code="network.refused"), MOST_IN_A_ROW)],
)  # fmt: skip
def test_what_would_end_the_same_for_everybody_stops_it(
    bench: Bench, error: Callable[[], AgentError], calls: int
) -> None:
    for device_id in DEVICES:
        bench.answers[device_id] = [error()]
    with pytest.raises(AgentError):
        bench.release().round(1)
    assert len(bench.calls) == calls
    bench.answers.clear()
    bench.go_on()
    assert bench.release().round(1) == []
    assert not bench.journal.left(1)


def test_a_network_that_fails_now_and_then_is_no_reason_to_stop(bench: Bench) -> None:
    for device_id in ("KIOSK-0", "KIOSK-1", "KIOSK-3", "KIOSK-5"):
        bench.answers[device_id] = [NetworkError("gone", code="network.cut")]
    assert len(bench.release().round(1)) == 4
    assert len(bench.release().round(1)) == 0


def test_stopped_anywhere_it_goes_on_where_it_was(tmp_path: Path) -> None:
    """As Ctrl-C or a power failure would have it, after each call, its line written or not, or cut short."""

    class Stop(BaseException):
        pass

    for after in range(1, 2 * len(DEVICES) + 1):
        for torn in (False, True):
            folder = tmp_path / f"{after}-{torn}"
            folder.mkdir()
            bench = Bench(folder, DEVICES)
            real = bench.unbind

            def unbind(
                request: ClientUnbindDevice, bench: Bench = bench, real: Callable[..., str] = real, after: int = after
            ) -> str:
                answer = real(request)
                if len(bench.calls) == after:
                    raise Stop
                return answer

            bench.unbind = unbind  # type: ignore[method-assign]

            def both(bench: Bench = bench) -> None:
                for number in (1, 2):
                    bench.release().round(number)

            with pytest.raises(Stop):
                both()
            if torn:
                with bench.file.open("ab") as file:
                    file.write(b'{"device_id":"KIO')
            bench.unbind = real  # type: ignore[method-assign]
            bench.go_on()
            for number in (1, 2):
                assert bench.release().round(number) == []
            bench.go_on()
            assert not bench.journal.left(1)
            assert not bench.journal.left(2)
            assert len(bench.calls) == 2 * len(DEVICES) + 1, "only the call without a line was made once more"
            for device_id in DEVICES:
                times = [when for when, asked in bench.calls if asked == device_id]
                assert times[-1] - times[0] >= WINDOW_S


def test_an_id_that_can_be_none_is_never_sent(tmp_path: Path) -> None:
    bench = Bench(tmp_path, [""])
    with pytest.raises(UsageError):
        bench.release().round(1)
    assert bench.calls == []


def test_a_journal_is_never_begun_over_another_and_no_other_file_is_one(bench: Bench, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError):
        Journal.begin(bench.file, bench.journal.plan)
    bench.journal.add(Line(device_id="KIOSK-0", round=1, at=1.0, result="released"))
    good = bench.file.read_bytes()
    for data in (b"", b"nonsense\n", good.split(b"\n", 1)[1], good.replace(b'"released"', b"") + good, b"[" * 9999):
        (tmp_path / "x").write_bytes(data)
        with pytest.raises(ConfigurationError) as caught:
            Journal.go_on(tmp_path / "x")
        assert caught.value.code == "fleet.journal"
    bench.file.unlink()
    with pytest.raises(ConfigurationError):
        bench.journal.add(Line(device_id="KIOSK-0", round=1, at=1.0, result="released"))


def test_what_a_power_failure_leaves_of_a_journal_is_read(bench: Bench, tmp_path: Path) -> None:
    for device_id in DEVICES[:2]:
        bench.journal.add(Line(device_id=device_id, round=1, at=1.0, result="released"))
    data = bench.file.read_bytes()
    plan = data.index(b"\n") + 1
    for length in range(plan, len(data) + 1):
        (tmp_path / "x").write_bytes(data[:length])
        found = Journal.go_on(tmp_path / "x")
        assert len(found.done[1]) == data[plan:length].count(b"\n")
        found.add(Line(device_id="KIOSK-5", round=1, at=2.0, result="released"))
        assert list(Journal.go_on(tmp_path / "x").done[1]) == [*found.done[1]]
    (tmp_path / "x").write_bytes(data + bytes(4096))  # what a file system makes of a line that was not synced
    found = Journal.go_on(tmp_path / "x")
    found.add(Line(device_id="KIOSK-5", round=1, at=2.0, result="released"))
    found.add(Line(device_id="KIOSK-4", round=1, at=2.0, result="released"))
    assert list(Journal.go_on(tmp_path / "x").done[1]) == [*DEVICES[:2], "KIOSK-5", "KIOSK-4"]


def test_a_line_costs_the_same_however_many_there_are(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten thousand devices: nothing of the journal is read again for one more line."""
    monkeypatch.setattr("device_agent.fleet.journal.read_file", None)
    for number in range(50):
        bench.journal.add(Line(device_id=f"K{number}", round=1, at=1.0, result="released"))
    monkeypatch.undo()
    assert len(Journal.go_on(bench.file).done[1]) == 50


def test_two_releases_with_one_journal_lose_no_line(bench: Bench) -> None:
    other = Journal.go_on(bench.file)
    bench.journal.add(Line(device_id="KIOSK-0", round=1, at=1.0, result="released"))
    with pytest.raises(ConfigurationError, match="somebody else"):
        other.add(Line(device_id="KIOSK-1", round=1, at=1.0, result="released"))
    assert list(Journal.go_on(bench.file).done[1]) == ["KIOSK-0"]


def test_the_second_round_begins_with_whose_time_comes_first(bench: Bench) -> None:
    """Those that were left for later in the first round are no reason to let the others wait."""
    bench.answers["KIOSK-0"] = [refusal(PlatformError, "99999")]
    bench.release().round(1)
    bench.time.now += 900.0
    bench.release().round(1)
    assert list(bench.journal.left(2)) == [*DEVICES[1:], "KIOSK-0"]
    began = bench.time.now
    bench.release().round(2)
    assert bench.calls[-6][0] < began + 100
    assert bench.asked()[-1] == "KIOSK-0"


def test_a_clock_that_was_put_right_between_the_rounds_is_not_waited_for(bench: Bench) -> None:
    bench.time.now += 75 * 365 * 86400.0
    bench.release().round(1)
    bench.time.now -= 75 * 365 * 86400.0
    began = bench.time.now
    bench.release().round(2)
    assert began + WINDOW_S <= bench.calls[-6][0]
    assert bench.time.now < began + 6 * (WINDOW_S + 10)


def test_throttling_never_makes_it_faster_nor_wait_for_days(bench: Bench) -> None:
    bench.answers["KIOSK-0"] = [refusal(Throttled, "Throttling.User")]
    patient = refusal(Throttled, "Throttling.User")
    patient.advised_s = 86400.0  # type: ignore[attr-defined]
    bench.answers["KIOSK-1"] = [patient]
    (failed,) = bench.release(gap_s=100.0).round(1)
    assert (failed.device_id, bench.asked().count("KIOSK-1")) == ("KIOSK-1", 1)
    assert all(100.0 <= gap < 300.0 for gap in bench.gaps())


@pytest.mark.parametrize("what", ["add", "begin"])
def test_a_journal_s_lines_are_durable_and_a_disk_that_refuses_leaves_no_half(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """Only what was synced outlives a power failure, and the folder that names it."""
    synced: list[str] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        real(descriptor)

    def refuse(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    other = tmp_path / "other.jsonl"

    def write() -> None:
        if what == "add":
            bench.journal.add(Line(device_id="KIOSK-0", round=1, at=1.0, result="released"))
        else:
            Journal.begin(other, bench.journal.plan)

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(ConfigurationError, match="no space"):
        write()
    assert bench.journal.done[1] == {}
    assert not other.exists()
    monkeypatch.setattr(os, "fsync", fsync)
    bench.go_on()
    write()
    assert synced == ([str(bench.file)] if what == "add" else [str(other), str(tmp_path)])
