"""Every documented limit of every operation as pairs of values: the last good one and the first bad one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from device_agent.spec.fields import INT_MAX, LONG_MAX
from device_agent.spec.operations import OPERATIONS
from device_agent.spec.parameter import Parameter

COLOR = "#00ff00ff"


def plain(parameter: Parameter) -> Any:
    """A value that is within every limit."""
    if parameter.values:
        return parameter.values[0]
    match parameter.kind:
        case "string":
            return COLOR if parameter.pattern else "{}" if parameter.json_text else "x"
        case "boolean":
            return True
        case "integer" | "long":
            return parameter.minimum if parameter.minimum not in (None, -INT_MAX - 1, -LONG_MAX - 1) else 1
        case "object":
            return {field.name: plain(field) for field in parameter.fields}
        case "array":
            assert parameter.items is not None
            return [plain(parameter.items)]


def edges(parameter: Parameter) -> Iterator[tuple[Any, Any]]:
    """Pairs of the last good value and the first bad one."""
    if parameter.values:
        bad = "other" if isinstance(parameter.values[0], str) else max(map(int, parameter.values)) + 1
        yield from ((value, bad) for value in parameter.values)
    elif parameter.max_length is not None:
        yield "好" * parameter.max_length, "好" * (parameter.max_length + 1)
    elif parameter.text_limit is not None:
        tags = "<speak><break time='1s'/></speak>"
        yield tags + "😀" * parameter.text_limit, tags + "😀" * (parameter.text_limit + 1)
    elif parameter.pattern is not None:
        yield COLOR, "green"
        yield COLOR, COLOR + "0"
    if parameter.kind in ("integer", "long") and not parameter.values:
        if parameter.minimum is not None:
            yield parameter.minimum, parameter.minimum - 1
        if parameter.maximum is not None:
            yield parameter.maximum, parameter.maximum + 1
    if parameter.max_items is not None:
        yield ["x"] * parameter.max_items, ["x"] * (parameter.max_items + 1)
    for field in parameter.fields:
        for good, wrong in edges(field):
            whole = plain(parameter)
            yield {**whole, field.name: good}, {**whole, field.name: wrong}
    if parameter.items is not None:
        yield from (([good], [wrong]) for good, wrong in edges(parameter.items))


CASES = [
    (name, parameter.name, good, bad)
    for name, operation in sorted(OPERATIONS.items())
    for parameter in operation.parameters
    for good, bad in edges(parameter)
]
"""Operation, field, good value, bad value."""

NAMES = [f"{case[0]}.{case[1]}-{number}" for number, case in enumerate(CASES)]
