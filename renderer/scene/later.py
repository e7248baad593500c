"""Values that are made when they are first asked for, because most of those who load an avatar never ask."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any, Generic, TypeVar, cast, overload

Value = TypeVar("Value")
Holder = TypeVar("Holder")


class Delayed(Generic[Value]):
    """A value that ``make`` makes once, however many hold it."""

    def __init__(self, make: Callable[[], Value]) -> None:
        self._make: Callable[[], Value] | None = make

    def __call__(self) -> Value:
        """The value, made now if it was not before."""
        if self._make is not None:
            self._value = self._make()
            # What the value was made of is no longer needed.
            self._make = None
        return self._value


class Later(Generic[Value]):
    """A field of a dataclass (without slots) that takes a value, or one that is ``Delayed``, and gives the value."""

    def __init__(self, default: Value | Delayed[Value]) -> None:
        self._default = default

    def __set_name__(self, owner: type, name: str) -> None:
        self._key = f"_{name}"

    @overload
    def __get__(self, instance: None, owner: type) -> Value: ...
    @overload
    def __get__(self, instance: object, owner: type) -> Value: ...
    def __get__(self, instance: object | None, owner: type) -> Value:
        if instance is None:
            return cast(Value, self._default)
        held: dict[str, Any] = instance.__dict__
        value = held[self._key]
        if isinstance(value, Delayed):
            value = held[self._key] = value()
        return cast(Value, value)

    def __set__(self, instance: object, value: Value | Delayed[Value]) -> None:
        instance.__dict__[self._key] = value


def changed(holder: Holder, **changes: Any) -> Holder:
    """``dataclasses.replace`` for a dataclass without slots, whose fields that are still delayed stay so."""
    given = {}
    for part in fields(holder):  # type: ignore[arg-type]
        held = holder.__dict__
        given[part.name] = held[part.name] if part.name in held else held[f"_{part.name}"]
    return type(holder)(**{**given, **changes})
