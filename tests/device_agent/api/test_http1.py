"""What is said on one connection, without any connection."""

from __future__ import annotations

import itertools

import h11
import pytest

from device_agent.api.exchange import Exchange
from device_agent.api.http1 import Dialogue, addressed

GET = Exchange(method="GET", url="http://a.example/x", headers={})
WHOLE = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"


def asked() -> Dialogue:
    origin, target = addressed(GET.url)
    dialogue = Dialogue(origin)
    dialogue.ask(GET, target)
    return dialogue


def test_a_connection_is_good_for_more_after_one_whole_answer_and_nothing_else() -> None:
    dialogue = asked()
    assert dialogue.hear(WHOLE) is not None
    assert dialogue.next()
    for heard in (b"", WHOLE[:20], WHOLE[:-1]):
        dialogue = asked()
        if heard:
            assert dialogue.hear(heard) is None
        assert not dialogue.next(), "the rest of this answer would be taken for the next one's"
    dialogue = asked()
    assert dialogue.hear(WHOLE + WHOLE) is not None
    assert not dialogue.next(), "an answer that nobody asked for"


def test_only_the_head_has_to_be_there_in_time() -> None:
    pieces, late = iter([WHOLE[:-2], b"{", b"}"]), itertools.count()
    heard = list(asked().listen(lambda: next(pieces), until=lambda: next(late) > 1))
    assert isinstance(heard[0], h11.Response)
    assert b"".join(piece for piece in heard[1:] if isinstance(piece, bytes)) == b"{}"
    with pytest.raises(TimeoutError):
        list(asked().listen(lambda: b"HTTP/1.1 103 Early Hints\r\n\r\n", until=lambda: next(late) > 1))
