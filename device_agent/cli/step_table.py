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
_WIDE = 110
"""Columns from which a RequestId and a result stand side by side without a break."""


class StepTable:
    """Prints a row for each step as it ends; a ``with`` block frames it.

    Args:
        quiet: print nothing at all.
        width: columns of the terminal; the RequestId goes below its row where there are few. ``None`` asks the
            terminal, and takes enough when there is none.

    Attributes:
        steps: every step so far.
    """

    def __init__(self, *, quiet: bool, width: int | None = None) -> None:
        self.steps: list[Step] = []
        self._quiet = quiet
        self._width = shutil.get_terminal_size((132, 40)).columns if width is None else width

    def __enter__(self) -> Self:
        if not self._quiet:
            wide = self._width >= _WIDE
            present.put(self._row("step", "ms", "RequestId" if wide else "", "result"))
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

    def _row(self, name: str, ms: str, request_id: str, result: str) -> str:
        start = f"{name:<{_NAME}}{ms:>{_MS}}  "
        if self._width >= _WIDE:
            return f"{start}{request_id or '-':<{_REQUEST}}  {result}".rstrip()
        below = f"\n{'':<{_NAME + _MS + 2}}{request_id}" if request_id else ""
        return f"{start}{result}".rstrip() + below
