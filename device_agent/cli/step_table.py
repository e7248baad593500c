"""The table of steps that a long command prints as it goes, with progress bars for what takes a while."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Self

from device_agent.cli import present

if TYPE_CHECKING:
    from device_agent.lifecycle.observe import Step

_NAME, _MS, _REQUEST = 19, 7, 36


class StepTable:
    """Prints a row for each step as it ends; a ``with`` block frames it.

    Args:
        quiet: print nothing at all.

    Attributes:
        steps: every step so far.
    """

    def __init__(self, *, quiet: bool) -> None:
        self.steps: list[Step] = []
        self._quiet = quiet
        self._width = max(60, shutil.get_terminal_size((132, 40)).columns)

    def __enter__(self) -> Self:
        if not self._quiet:
            present.put(self._row("step", "ms", "RequestId", "result"))
            present.put("-" * min(self._width, 120))
            sys.stdout.flush()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def add(self, step: Step) -> None:
        """One more row; a step that failed is marked, and told by the error that follows."""
        self.steps.append(step)
        if not self._quiet:
            result = step.result if step.ok else f"FAILED: {step.result}"
            present.put(self._row(step.name, f"{step.ms:.0f}", step.request_id, result))
            sys.stdout.flush()

    @contextmanager
    def download(self, what: str) -> Iterator[Callable[[int, int], None] | None]:
        """A progress bar for bytes."""
        with present.download_bar(what, quiet=self._quiet) as progress:
            yield progress

    @contextmanager
    def frames(self, what: str, total: int) -> Iterator[Callable[[int], None] | None]:
        """A progress bar for frames."""
        with present.frame_bar(what, total, quiet=self._quiet) as progress:
            yield progress

    @staticmethod
    def _row(name: str, ms: str, request_id: str, result: str) -> str:
        return f"{name:<{_NAME}}{ms:>{_MS}}  {request_id or '-':<{_REQUEST}}  {result}".rstrip()
