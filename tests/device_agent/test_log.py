"""Nothing secret reaches the log, whatever name or nesting it comes with."""

from __future__ import annotations

import io
import json

import pytest
import structlog

from device_agent import log
from device_agent.config import Secret

CANARY = "CANARYq7"


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


@pytest.mark.parametrize("as_json", [True, False])
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
def test_secrets_are_masked(stream: io.StringIO, as_json: bool, fields: dict[str, object]) -> None:
    log.configure(stream=stream, as_json=as_json, level="info")
    structlog.get_logger().info("step", **fields)
    written = stream.getvalue()
    assert "step" in written
    assert CANARY not in written


def test_a_traceback_is_masked_too(stream: io.StringIO) -> None:
    log.configure(stream=stream, as_json=True, level="info")
    try:
        raise RuntimeError(f"GET https://host/?License={CANARY} failed")
    except RuntimeError:
        structlog.get_logger().exception("broken")
    line = json.loads(stream.getvalue())
    assert "RuntimeError" in line["exception"]
    assert CANARY not in stream.getvalue()


def test_the_level_filters_and_plain_facts_stay(stream: io.StringIO) -> None:
    log.configure(stream=stream, as_json=True, level="warning")
    logger = structlog.get_logger()
    logger.info("quiet")
    logger.warning("loud", seats=3, where="https://host/path", sha="a" * 64)
    (line,) = stream.getvalue().splitlines()
    facts = json.loads(line)
    assert (facts["event"], facts["seats"], facts["where"], facts["sha"]) == ("loud", 3, "https://host/path", "a" * 64)
