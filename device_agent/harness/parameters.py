"""From the wire's texts to an operation's typed request, checked by the table of operations.

The form is checked as the gateway does (a required parameter that is absent, a text that is no number: HTTP 400); the
content as the operation does (empty, too long, out of range, not in the list: HTTP 200 with 10010001 or 10010002).
The platform documents the limits and both kinds of answer, but not which limit answers how: this split is ours.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from device_agent.harness.refusal import (
    BAD_PARAMETER,
    EMPTY_PARAMETER,
    BusinessRefusal,
    GatewayRefusal,
    missing,
)
from device_agent.harness.wire import Pairs
from device_agent.spec.operation import Operation
from device_agent.spec.parameter import Parameter
from device_agent.spec.wire import Request

INTEGER_RANGE: Mapping[str, tuple[int, int]] = MappingProxyType(
    {"integer": (-(2**31), 2**31 - 1), "long": (-(2**63), 2**63 - 1)}
)

_KINDS: Mapping[str, type] = MappingProxyType(
    {"string": str, "boolean": bool, "integer": int, "long": int, "object": dict, "array": list}
)

_TAG = re.compile(r"<[^<>]*>")


def typed_request(operation: Operation[Any], pairs: Pairs) -> Request[Any]:
    """The request that the parameters spell; the last of several values of one name counts.

    Raises:
        GatewayRefusal: ``Missing{Name}`` or ``InvalidParameter``.
        BusinessRefusal: 10010001 or 10010002.
    """
    texts = dict(pairs)
    values = {}
    for parameter in operation.parameters:
        raw = texts.get(parameter.name.encode())
        if raw is not None:
            values[parameter.name] = _read(parameter, raw)
        elif parameter.required:
            raise missing(parameter.name)
    for parameter in operation.parameters:
        if parameter.name in values:
            _check(parameter, values[parameter.name], parameter.name)
    try:
        request: Request[Any] = msgspec.convert(values, operation.request)
    except msgspec.ValidationError as error:
        raise BusinessRefusal(BAD_PARAMETER, f"a parameter is not valid: {error}") from error
    return request


def _read(parameter: Parameter, raw: bytes) -> Any:
    """One text as the value of its kind."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise _invalid(parameter.name, "it is not UTF-8") from None
    match parameter.kind:
        case "string":
            return text
        case "integer" | "long":
            low, high = INTEGER_RANGE[parameter.kind]
            if not re.fullmatch(r"[+-]?\d{1,20}", text, re.ASCII) or not low <= int(text) <= high:
                raise _invalid(parameter.name, f"it is not a whole number from {low} to {high}")
            return int(text)
        case "boolean":
            if text.lower() not in ("true", "false"):
                raise _invalid(parameter.name, "it is neither true nor false")
            return text.lower() == "true"
        case _:
            try:
                value = msgspec.json.decode(raw)
            except (msgspec.DecodeError, RecursionError):
                raise _invalid(parameter.name, "it is not JSON") from None
            _shape(parameter, value, parameter.name)
            return value


def _shape(parameter: Parameter, value: Any, path: str) -> None:
    """Kinds of everything inside a JSON parameter."""
    wanted = _KINDS[parameter.kind]
    if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
        raise _invalid(path, f"it is not of type {parameter.kind}")
    if isinstance(value, dict):
        for field in parameter.fields:
            if value.get(field.name) is not None:
                _shape(field, value[field.name], f"{path}.{field.name}")
            elif field.required:
                raise missing(f"{path}.{field.name}")
    elif isinstance(value, list) and parameter.items is not None:
        for index, item in enumerate(value):
            _shape(parameter.items, item, f"{path}.{index + 1}")
    elif isinstance(value, int) and parameter.kind in INTEGER_RANGE:
        low, high = INTEGER_RANGE[parameter.kind]
        if not low <= value <= high:
            raise _invalid(path, f"it is not a whole number from {low} to {high}")


def _check(parameter: Parameter, value: Any, path: str) -> None:
    """Limits of a value and of everything inside it."""
    if value == "" and parameter.required:
        raise BusinessRefusal(EMPTY_PARAMETER, f"a parameter is empty: {path}")
    problem = _problem(parameter, value)
    if problem:
        raise BusinessRefusal(BAD_PARAMETER, f"a parameter is not valid: {path} {problem}")
    if isinstance(value, dict):
        for field in parameter.fields:
            if value.get(field.name) is not None:
                _check(field, value[field.name], f"{path}.{field.name}")
    elif isinstance(value, list) and parameter.items is not None:
        for index, item in enumerate(value):
            _check(parameter.items, item, f"{path}.{index + 1}")


def _problem(parameter: Parameter, value: Any) -> str:
    if parameter.values and value not in parameter.values:
        return f"is none of {', '.join(map(str, parameter.values))}"
    if isinstance(value, str):
        length = len(value)
        if parameter.max_length is not None and length > parameter.max_length:
            return f"is longer than {parameter.max_length} characters ({length})"
        if parameter.text_limit is not None and (spoken := len(_TAG.sub("", value))) > parameter.text_limit:
            return f"is longer than {parameter.text_limit} characters ({spoken}, tags not counted)"
        if parameter.pattern is not None and value and not re.search(parameter.pattern, value):
            return "does not have the documented form"
    elif isinstance(value, int) and not isinstance(value, bool):
        if parameter.minimum is not None and value < parameter.minimum:
            return f"is less than {parameter.minimum}"
        if parameter.maximum is not None and value > parameter.maximum:
            return f"is greater than {parameter.maximum}"
    elif isinstance(value, list) and parameter.max_items is not None and len(value) > parameter.max_items:
        return f"has more than {parameter.max_items} items"
    return ""


def _invalid(path: str, why: str) -> GatewayRefusal:
    return GatewayRefusal(400, "InvalidParameter", f"The specified parameter {path} is not valid: {why}.")
