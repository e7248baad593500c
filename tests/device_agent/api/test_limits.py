"""Every documented limit of every operation, on both sides of it, and any text through the wire."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_agent.api.codec import to_parameters
from device_agent.errors import ParameterError
from device_agent.spec.message import SendText
from device_agent.spec.operation import Operation
from device_agent.spec.operations import OPERATIONS
from device_agent.spec.parameter import Parameter
from tests.device_agent.limits import CASES, NAMES, plain


def build(operation: Operation[Any], **changes: Any) -> Any:
    """A request with every parameter filled, made without any check."""
    values = {p.name: changes.get(p.name, plain(p)) for p in operation.parameters}
    return operation.request(**{p.attribute: unchecked(p, values[p.name]) for p in operation.parameters})


def unchecked(parameter: Parameter, value: Any) -> Any:
    return value


@pytest.mark.parametrize(("name", "field", "good", "bad"), CASES, ids=NAMES)
def test_both_sides_of_every_limit(name: str, field: str, good: Any, bad: Any) -> None:
    operation = OPERATIONS[name]
    sent = to_parameters(build(operation, **{field: good}))[field]
    assert sent == (
        good
        if isinstance(good, str)
        else json.dumps(good, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
        if isinstance(good, dict | list)
        else str(good)
    )
    with pytest.raises(ParameterError) as caught:
        to_parameters(build(operation, **{field: bad}))
    assert field in str(caught.value)
    assert caught.value.where.startswith(name)
    if isinstance(bad, str) and len(bad) > 4:
        assert bad not in str(caught.value)


def test_there_are_limits_to_test() -> None:
    assert len(CASES) > 150


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_every_parameter_filled_travels_whole(name: str) -> None:
    operation = OPERATIONS[name]
    parameters = to_parameters(build(operation))
    assert set(parameters) == {parameter.name for parameter in operation.parameters}
    for parameter in operation.parameters:
        if parameter.json_style:
            assert json.loads(parameters[parameter.name]) == plain(parameter)


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_every_result_reads_what_is_documented(name: str) -> None:
    operation = OPERATIONS[name]
    answer = {field.name: plain(field) for field in operation.answer}
    result = msgspec.json.decode(json.dumps(answer).encode(), type=operation.result, strict=False)
    assert msgspec.to_builtins(result) == answer


@given(st.text(min_size=1, max_size=200))
def test_any_text_is_sent_as_it_is(text: str) -> None:
    request = SendText(tenant_id=1, session_id=text, text="t", unique_code="u")
    assert to_parameters(request)["SessionId"] == text


def test_a_thousand_chinese_characters() -> None:
    request = SendText(tenant_id=1, session_id="s", text="你" * 1000, unique_code="u")
    assert to_parameters(request)["Text"] == "你" * 1000
