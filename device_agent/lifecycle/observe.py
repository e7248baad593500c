"""What a lifecycle tells whoever watches it: one note for each step, good or bad."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from device_agent.clock import Clock


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step that was done.

    Attributes:
        name: the platform's name of the call, or ours (``identity``, ``download``, ``verify``, ``erase``).
        result: a few words; never a secret.
        ms: milliseconds it took.
        request_id: the platform's RequestId, where it was a call.
        ok: whether it succeeded.
        passing: it failed, and what comes after goes on without it.
    """

    name: str
    result: str = ""
    ms: float = 0.0
    request_id: str = ""
    ok: bool = True
    passing: bool = False


Observer = Callable[[Step], None]
Progress = Callable[[int, int], None]
"""Called with bytes that are here and bytes of the whole (0 while unknown)."""


class Note:
    """Filled in while a step runs."""

    def __init__(self) -> None:
        self.result = "ok"
        self.request_id = ""


class Watch:
    """Times steps and tells the observer."""

    def __init__(self, *, clock: Clock, observer: Observer | None) -> None:
        self._clock = clock
        self._observer = observer
        self._steps: list[Step] = []
        self._inner: list[list[Step]] = []

    @property
    def steps(self) -> tuple[Step, ...]:
        """All steps so far."""
        return tuple(self._steps)

    @contextmanager
    def step(self, name: str, *, may_fail: tuple[type[Exception], ...] = ()) -> Iterator[Note]:
        """Time what happens inside; an error is noted and goes on its way.

        A step inside a step is told after the outer one, and its time is not counted twice.

        Args:
            may_fail: errors that are noted, and end here.
        """
        note = Note()
        self._inner.append([])
        started = self._clock.steady()
        step = Step(name=name, result="interrupted", ok=False)
        try:
            yield note
            step = Step(name=name, result=note.result, request_id=note.request_id)
        except Exception as error:
            passing = isinstance(error, may_fail)
            code, request_id = getattr(error, "code", type(error).__name__), getattr(error, "request_id", "")
            step = Step(name=name, result=code, request_id=request_id, ok=False, passing=passing)
            if not passing:
                raise
        finally:
            inner = self._inner.pop()
            spent = (self._clock.steady() - started) * 1000
            self._tell([replace(step, ms=spent - sum(part.ms for part in inner)), *inner])

    def _tell(self, steps: list[Step]) -> None:
        if self._inner:
            self._inner[-1].extend(steps)
            return
        for step in steps:
            self._steps.append(step)
            if self._observer is not None:
                self._observer(step)
