"""The channel's life on a clock of our own."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_agent.drive.channel import PING_S, SILENT_S, WAITING, Channel, Message, Standing
from device_agent.drive.manners import KICK_OUTS, LEAST_S, MOST_S, SENT_AWAY_S, STEADY_S, Manners
from device_agent.drive.packets import Kind, Reason

WALL = 1_795_420_436.965


@dataclass
class Bench:
    """A channel, its clock, and what it handed on."""

    dice: float = 0.571
    now: float = 1000.0
    came: list[Message] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.channel = Channel(dice=lambda: self.dice, wall=lambda: WALL, deliver=self.came.append)

    def open(self) -> None:
        assert self.channel.wait_s(self.now) == 0.0
        assert self.channel.opened(self.now, app_id="APP") == ["3"]
        assert self.channel.standing is Standing.CONNECTING
        assert self.hear("1")[0] == "3"
        assert self.channel.standing is Standing.CONNECTED

    def hear(self, frame: str) -> list[str]:
        return self.channel.hear(frame, self.now)

    def end(self, reason: str) -> float:
        self.hear("2" + json.dumps({"reason": reason}))
        return self.channel.lost(self.now, reason=self.channel.over)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_the_recorded_conversation(bench: Bench) -> None:
    bench.open()
    bench.channel.send({"type": "start", "sessionId": "SES"})
    (frame,) = bench.channel.outgoing()
    assert json.loads(frame[1:])["messageId"] == "msg_1795420436965_571"
    assert json.loads(frame[1:])["receiverAppId"] == "APP"
    assert bench.hear('5{"messageId":"m1","content":{"type":"startResult"}}') == []
    assert bench.hear('5{"messageId":"m1","content":{"type":"startResult"}}') == []
    assert bench.came == [Message(kind=Kind.MESSAGE, id="m1", content={"type": "startResult"})], "the same id twice"
    bench.hear('6{"messageId":"x","error":"bad"}')
    assert bench.came[-1] == Message(kind=Kind.ACKNOWLEDGED, id="x", content=None, error="bad")
    assert bench.end("HEARTBEAT_TIMEOUT") == LEAST_S + bench.dice * LEAST_S


def test_a_message_that_comes_twice_counts_once_also_over_a_reconnect(bench: Bench) -> None:
    bench.open()
    for number in range(150):
        bench.hear(f'5{{"messageId":"m{number}","content":{number}}}')
    bench.now += bench.channel.lost(bench.now, reason="network.cut")
    bench.open()
    for number in (149, 60):
        bench.hear(f'5{{"messageId":"m{number}","content":{number}}}')
    assert len(bench.came) == 150
    bench.hear('5{"messageId":"m1","content":1}')
    assert len(bench.came) == 151, "the last 101 are remembered, not all"


def test_everything_that_waited_is_sent_in_one_envelope_each(bench: Bench) -> None:
    names = [bench.channel.send({"type": "dataSend", "text": str(number)}) for number in range(3)]
    assert bench.channel.outgoing() == []
    bench.channel.opened(bench.now, app_id="APP")
    assert bench.channel.outgoing() == [], "not before the platform has accepted"
    first, *frames = bench.hear("1")
    assert first == "3"
    contents = [json.loads(frame[1:]) for frame in frames]
    assert [one["messageId"] for one in contents] == names
    assert [one["content"]["text"] for one in contents] == ["0", "1", "2"]
    assert bench.channel.outgoing() == []


def test_what_is_sent_while_others_go_out_goes_too(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.open()

    def framed(content: object, *, app_id: str, message_id: str) -> str:
        if len(sent) < 3:  # another thread, just now
            sent.append(bench.channel.send({"number": len(sent)}))
        return message_id

    sent: list[str] = []
    monkeypatch.setattr("device_agent.drive.channel.message", framed)
    sent.append(bench.channel.send({"number": 0}))
    assert bench.channel.outgoing() == sent
    assert len(sent) == 3


def test_what_json_cannot_say_is_its_sender_s_mistake(bench: Bench) -> None:
    with pytest.raises(TypeError):
        bench.channel.send({"when": object()})
    bench.open()
    assert bench.channel.outgoing() == []


@pytest.mark.parametrize(
    ("frames", "refused"),
    [
        (['2{"reason":"TOKEN_INVALID"}'], True),
        (["2"], True),
        (['2{"reason":"CONNECTION_KICK_OUT"}'], False),
        (["1", '2{"reason":"TOKEN_INVALID"}'], False),
        (["4"], False),
    ],
)
def test_an_end_before_the_beginning_is_about_the_token(bench: Bench, frames: list[str], refused: bool) -> None:
    bench.channel.opened(bench.now, app_id="APP")
    for frame in frames:
        bench.hear(frame)
    assert bench.channel.is_refused is refused


def test_a_silence_is_not_about_the_token(bench: Bench) -> None:
    bench.channel.opened(bench.now, app_id="APP")
    bench.channel.tick(bench.now + SILENT_S)
    assert bench.channel.over == "SILENT"
    assert not bench.channel.is_refused


def test_what_waits_too_long_gives_way(bench: Bench) -> None:
    for number in range(WAITING + 5):
        bench.channel.send({"number": number})
    bench.channel.opened(bench.now, app_id="APP")
    sent = [json.loads(frame[1:])["content"]["number"] for frame in bench.hear("1")[1:]]
    assert sent == list(range(5, WAITING + 5))


def test_pings_and_a_silence_that_is_a_loss(bench: Bench) -> None:
    bench.open()
    pings, started = 0, bench.now
    while bench.now < started + 600:
        bench.now += bench.channel.wait_s(bench.now)
        for frame in bench.channel.tick(bench.now):
            assert frame == "3"
            pings += 1
            bench.hear("4")
    assert pings == 600 / PING_S
    heard = bench.now
    while not bench.channel.over:
        bench.now += bench.channel.wait_s(bench.now)
        bench.channel.tick(bench.now)
    assert bench.channel.over == "SILENT"
    assert bench.now - heard == pytest.approx(SILENT_S)
    assert bench.channel.lost(bench.now, reason="SILENT") < SENT_AWAY_S, "it comes back at once: nobody sent it away"


def test_a_platform_that_answers_pings_and_never_accepts_is_given_up(bench: Bench) -> None:
    bench.channel.opened(bench.now, app_id="APP")
    opened = bench.now
    while not bench.channel.over:
        bench.now += bench.channel.wait_s(bench.now)
        for _ in bench.channel.tick(bench.now):
            bench.hear("4")
        assert bench.now <= opened + 2 * SILENT_S
    assert bench.channel.over == "SILENT"
    assert bench.now - opened == pytest.approx(SILENT_S)
    assert not bench.channel.is_refused, "nobody has judged the token"


def test_one_that_accepts_late_is_kept(bench: Bench) -> None:
    bench.channel.opened(bench.now, app_id="APP")
    bench.now += SILENT_S - 0.5
    bench.hear("1")
    bench.now += 1.0
    bench.channel.tick(bench.now)
    assert bench.channel.over == ""
    assert bench.channel.standing is Standing.CONNECTED


@pytest.mark.parametrize("reason", ["HEARTBEAT_TIMEOUT", "UNIT_SWITCH", "SERVER_CONNECTION_CLOSED"])
def test_ends_that_ask_for_another_call(bench: Bench, reason: str) -> None:
    bench.open()
    assert LEAST_S <= bench.end(reason) <= 2 * LEAST_S


@pytest.mark.parametrize("reason", ["CONNECTION_KICK_OUT", "CONNECTION_TIMEOUT", "WHAT_NOBODY_KNOWS", ""])
def test_ends_that_send_away(reason: str) -> None:
    for dice in (0.0, 0.999):
        bench = Bench(dice=dice)
        bench.open()
        assert bench.end(reason) >= SENT_AWAY_S
        assert bench.channel.wait_s(bench.now) >= SENT_AWAY_S


def test_a_token_that_is_refused_waits_a_minute_at_least(bench: Bench) -> None:
    bench.dice = 0.0
    assert bench.channel.lost(bench.now, reason="drive.refused", refused=True) == SENT_AWAY_S


def test_three_kick_outs_in_an_hour_raise_the_alarm(bench: Bench) -> None:
    for number in range(1, KICK_OUTS + 1):
        bench.open()
        assert not bench.channel.is_doubled(bench.now)
        bench.now += 600.0
        wait = bench.end(Reason.CONNECTION_KICK_OUT)
        assert bench.channel.is_doubled(bench.now) == (number == KICK_OUTS)
        bench.now += wait
    bench.now += 3600.0
    assert not bench.channel.is_doubled(bench.now)


def test_kick_outs_that_are_far_apart_raise_none(bench: Bench) -> None:
    for _ in range(10):
        bench.open()
        bench.now += 1801.0
        bench.now += bench.end(Reason.CONNECTION_KICK_OUT)
        assert not bench.channel.is_doubled(bench.now)


@given(st.lists(st.tuples(st.floats(0, 0.999999), st.booleans()), min_size=1, max_size=40))
def test_waits_are_jittered_bounded_and_never_spin(throws: list[tuple[float, bool]]) -> None:
    manners = Manners()
    for number, (dice, sent_away) in enumerate(throws):
        wait = manners.wait(dice=dice, sent_away=sent_away)
        least = SENT_AWAY_S if sent_away else LEAST_S
        assert least <= wait <= MOST_S
        if dice == 0.0:
            assert wait == least
        if dice > 0.99 and not sent_away and number >= 9:
            assert wait > 0.98 * MOST_S
    manners.lasted(STEADY_S)
    assert manners.wait(dice=0.999) <= 2 * LEAST_S


def test_a_connection_that_never_lasts_does_not_start_from_the_beginning(bench: Bench) -> None:
    """A server that accepts and hangs up at once would else be called every second or two, for ever."""
    bench.dice, waits = 0.999, []
    for _ in range(12):
        bench.open()
        bench.now += 1.0
        waits.append(bench.channel.lost(bench.now, reason="network.cut"))
        bench.now += waits[-1]
    assert waits == sorted(waits)
    assert waits[-1] > 0.99 * MOST_S
    bench.open()
    bench.now += STEADY_S
    assert bench.channel.lost(bench.now, reason="network.cut") <= 2 * LEAST_S
