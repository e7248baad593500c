"""The service's log: one JSON object a line on stderr, secrets masked by the same step as everywhere.

No logging library: structlog's import takes 13 MiB (asyncio, rich), a quarter of what an idle service may have.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TextIO

from device_agent.redaction import redact


class Lines:
    """Writes lines; a stream that is gone is no reason to stop."""

    def __init__(
        self, *, stream: TextIO | None = None, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        """``stream`` is stderr without one."""
        self._stream = stream
        self._now = now

    def info(self, event: str, **facts: Any) -> None:
        """Something happened."""
        self._put("info", event, facts)

    def warning(self, event: str, **facts: Any) -> None:
        """Something did not work and will be tried again."""
        self._put("warning", event, facts)

    def error(self, event: str, **facts: Any) -> None:
        """Something that a person should look at."""
        self._put("error", event, facts)

    def _put(self, level: str, event: str, facts: dict[str, Any]) -> None:
        line = {**facts, "event": event, "level": level, "timestamp": self._now().isoformat(timespec="milliseconds")}
        try:
            stream = self._stream if self._stream is not None else sys.stderr
            stream.write(json.dumps(redact(line), ensure_ascii=False, default=str) + "\n")
            stream.flush()
        except (OSError, ValueError):
            return
