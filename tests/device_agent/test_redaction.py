"""Nothing secret reaches the log, whatever name or nesting it comes with."""

from __future__ import annotations

import io
import json

import pytest

from device_agent.config import Secret
from device_agent.redaction import traceback_of
from device_agent.service.lines import Lines

CANARY = "CANARYq7"


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


@pytest.mark.parametrize(
    "fields",
    [
        {"license": CANARY},
        {"im_token": CANARY},
        {"access_key_secret": Secret(CANARY)},
        {"inner": {"Authorization": CANARY, "deep": [{"token": CANARY}]}},
        {"address": f"https://host/path?t={CANARY}"},
        {"address": f"wss://user:{CANARY}@host/path"},
        {"text": "x" * 60 + CANARY + "y" * 60},
        {"RenderData": CANARY},
    ],
)
def test_secrets_are_masked(stream: io.StringIO, fields: dict[str, object]) -> None:
    Lines(stream=stream).info("step", **fields)
    written = stream.getvalue()
    assert "step" in written
    assert CANARY not in written


def test_a_traceback_is_masked_too() -> None:
    try:
        raise RuntimeError(f"GET https://host/?License={CANARY} failed")
    except RuntimeError as error:
        shown = traceback_of(error)
    assert "RuntimeError: GET https://host/ failed" in shown
    assert CANARY not in shown


def test_plain_facts_stay(stream: io.StringIO) -> None:
    Lines(stream=stream).warning("loud", seats=3, where="https://host/path", sha="a" * 64)
    facts = json.loads(stream.getvalue())
    assert (facts["event"], facts["seats"], facts["where"], facts["sha"]) == ("loud", 3, "https://host/path", "a" * 64)
