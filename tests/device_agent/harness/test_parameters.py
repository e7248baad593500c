"""From the wire's texts to typed requests: each limit on both of its sides."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_agent.harness.parameters import typed_request
from device_agent.harness.refusal import Refusal
from device_agent.spec.operation import Operation, Repeat
from device_agent.spec.operations import OPERATIONS
from device_agent.spec.wire import Request, Result, Wire, about
from tests.device_agent.limits import CASES, NAMES, plain


class Inner(Wire, frozen=True, kw_only=True):
    """An object inside."""

    name: str
    size: Annotated[int, about(ge=36, le=72)] | None = None


class Probe(Request[Result], frozen=True, kw_only=True):
    """Every kind of parameter once."""

    number: int
    long_number: Annotated[int, about(long=True)] | None = None
    flag: bool | None = None
    text: Annotated[str, about(max_length=4)] | None = None
    speech: Annotated[str, about(text_limit=3)] | None = None
    choice: Annotated[str, about(meanings={"a": "", "b": ""})] | None = None
    inner: Inner | None = None
    words: Annotated[list[Annotated[str, about(max_length=2)]], about(max_length=2)] | None = None


PROBE: Operation[Any] = Operation(request=Probe, result=Result, family="other", repeat=Repeat.SAFE)


def answer(**parameters: str | bytes) -> Any:
    pairs = {"Number": "1"} | parameters
    try:
        return typed_request(
            PROBE,
            tuple(
                (name.encode(), value if isinstance(value, bytes) else value.encode())
                for name, value in pairs.items()
                if value != "<absent>"
            ),
        )
    except Refusal as refusal:
        return refusal.code


@pytest.mark.parametrize(
    ("parameters", "wanted"),
    [
        ({"Number": "<absent>"}, "MissingNumber"),
        ({"Number": ""}, "InvalidParameter"),
        ({"Number": "1.0"}, "InvalidParameter"),
        ({"Number": "１"}, "InvalidParameter"),
        ({"Number": "2147483647"}, None),
        ({"Number": "2147483648"}, "InvalidParameter"),
        ({"Number": "-2147483648"}, None),
        ({"LongNumber": "9223372036854775807"}, None),
        ({"LongNumber": "9223372036854775808"}, "InvalidParameter"),
        ({"LongNumber": "9" * 5000}, "InvalidParameter"),
        ({"Flag": "True"}, None),
        ({"Flag": "true"}, None),
        ({"Flag": "False"}, None),
        ({"Flag": "1"}, "InvalidParameter"),
        ({"Text": "中文中文"}, None),
        ({"Text": "中文中文中"}, "10010002"),
        ({"Text": b"\xff"}, "InvalidParameter"),
        ({"Speech": "<b>abc</b>"}, None),
        ({"Speech": "<b>abcd</b>"}, "10010002"),
        ({"Choice": "a"}, None),
        ({"Choice": "c"}, "10010002"),
        ({"Inner": "x"}, "InvalidParameter"),
        ({"Inner": "[]"}, "InvalidParameter"),
        ({"Inner": "[" * 100_000}, "InvalidParameter"),
        ({"Inner": "{}"}, "MissingInner.Name"),
        ({"Inner": '{"Name":1}'}, "InvalidParameter"),
        ({"Inner": '{"Name":""}'}, "10010001"),
        ({"Inner": '{"Name":"n","Other":1}'}, None),
        ({"Inner": '{"Name":"n","Size":35}'}, "10010002"),
        ({"Inner": '{"Name":"n","Size":36}'}, None),
        ({"Inner": '{"Name":"n","Size":72}'}, None),
        ({"Inner": '{"Name":"n","Size":73}'}, "10010002"),
        ({"Inner": '{"Name":"n","Size":true}'}, "InvalidParameter"),
        ({"Words": '["a","bc"]'}, None),
        ({"Words": '["a","b","c"]'}, "10010002"),
        ({"Words": '["abc"]'}, "10010002"),
        ({"Words": "[1]"}, "InvalidParameter"),
    ],
)
def test_each_limit_on_both_sides(parameters: Any, wanted: str | None) -> None:
    found = answer(**parameters)
    if wanted is None:
        assert isinstance(found, Probe)
    else:
        assert found == wanted


def written(value: Any) -> bytes:
    """A value as it travels, as text or as JSON."""
    return value.encode() if isinstance(value, str) else msgspec.json.encode(value)


@pytest.mark.parametrize(("name", "field", "good", "bad"), CASES, ids=NAMES)
def test_each_documented_limit_of_each_operation(name: str, field: str, good: Any, bad: Any) -> None:
    operation = OPERATIONS[name]

    def read(value: Any) -> Any:
        values = {p.name: value if p.name == field else plain(p) for p in operation.parameters}
        return typed_request(operation, tuple((key.encode(), written(each)) for key, each in values.items()))

    assert isinstance(read(good), operation.request)
    with pytest.raises(Refusal, match=field) as caught:
        read(bad)
    assert caught.value.code in ("10010002", "InvalidParameter")


def test_values_arrive_typed() -> None:
    found = answer(Number="-5", Flag="False", Inner='{"Name":"n","Size":40}', Words='["a"]')
    assert found == Probe(number=-5, flag=False, inner=Inner(name="n", size=40), words=["a"])


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_every_required_parameter_is_missed_by_name(device: Any, operation: str) -> None:
    required = [parameter for parameter in OPERATIONS[operation].parameters if parameter.required]
    for absent in required:
        given = {p.name: sample(p) for p in required if p.name != absent.name}
        method = OPERATIONS[operation].methods[0]
        response = device.send(device.request(operation, given, method=method))
        # The gateway tells them in the operation's order, so an earlier one that is there never hides this one.
        assert (response.status_code, response.json()["Code"]) == (400, f"Missing{absent.name}")


def sample(parameter: Any) -> str:
    if parameter.values:
        return str(parameter.values[0])
    if parameter.kind in ("integer", "long"):
        return str(max(1, parameter.minimum or 1))
    if parameter.kind == "boolean":
        return "True"
    if parameter.kind == "string":
        return "x"
    if parameter.kind == "array":
        return "[]"
    return msgspec.json.encode({field.name: sample(field) for field in parameter.fields if field.required}).decode()


@given(st.dictionaries(st.sampled_from([p.name for p in PROBE.parameters]), st.binary(max_size=64)))
def test_no_bytes_upset_it(parameters: dict[str, bytes]) -> None:
    pairs = tuple((name.encode(), value) for name, value in parameters.items())
    try:
        assert isinstance(typed_request(PROBE, pairs), Probe)
    except Refusal as refusal:
        assert refusal.code  # noqa: PT017 -- one of two good ends


@given(st.text())
def test_any_text_survives_the_way_in(text: str) -> None:
    encoded = text.encode("utf-8", "replace")
    pairs = ((b"TenantId", b"1"), (b"AppId", b"a"), (b"Code", encoded or b"x"))
    found: Any = typed_request(OPERATIONS["Render3dAvatar"], pairs)
    assert found.code == (encoded.decode() or "x")
