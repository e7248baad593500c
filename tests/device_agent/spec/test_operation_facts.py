"""The table against the platform's own description, fact by fact."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from device_agent.api.causes import UNKNOWN_ROW, Cause, row_of
from device_agent.spec.operations import OPERATIONS
from device_agent.spec.parameter import Parameter

ENVELOPE = ("RequestId", "Code", "Message", "Success")
INT32 = (-(2**31), 2**31 - 1)


@pytest.fixture(scope="module")
def documented(shared: Path) -> dict[str, Any]:
    described = json.loads((shared / "platform" / "operations.json").read_text(encoding="utf-8"))
    return {row["name"]: row for row in described["operations"]}


def facts(field: dict[str, Any]) -> dict[str, Any]:
    """A documented field in the shape of ours."""
    counted = "text_limit" if "does not count tags" in field.get("note", "") else "max_length"
    return {
        "kind": {"long": "long", "integer": "integer"}.get(field["type"], field["type"]),
        "required": field.get("required", False),
        "json_style": field.get("style") == "json",
        "json_text": field.get("json_string", False),
        "values": tuple(choice["value"] for choice in field.get("enum", ())),
        "minimum": field.get("min"),
        "maximum": field.get("max"),
        "max_length": field.get("max_length") if counted == "max_length" else None,
        "text_limit": field.get("max_length") if counted == "text_limit" else None,
        "max_items": field.get("max_items"),
        "pattern": "pattern" in field,
        "default": field.get("default"),
        "deprecated": field.get("deprecated", False),
        "fields": {name: facts(inner) for name, inner in field.get("properties", {}).items()},
        "items": facts(field["items"]) if "items" in field else None,
    }


def ours(parameter: Parameter, *, nested: bool = False) -> dict[str, Any]:
    # The width of the number is no documented limit.
    width = (-(2**63), 2**63 - 1) if parameter.kind == "long" else INT32
    bounds = [None if bound in width else bound for bound in (parameter.minimum, parameter.maximum)]
    return {
        "kind": parameter.kind,
        "required": parameter.required and not nested,
        "json_style": parameter.json_style,
        "json_text": parameter.json_text,
        "values": parameter.values,
        "minimum": bounds[0],
        "maximum": bounds[1],
        "max_length": parameter.max_length,
        "text_limit": parameter.text_limit,
        "max_items": parameter.max_items,
        "pattern": parameter.pattern is not None,
        "default": parameter.default,
        "deprecated": parameter.deprecated,
        "fields": {inner.name: ours(inner) for inner in parameter.fields},
        "items": ours(parameter.items, nested=True) if parameter.items else None,
    }


def test_every_documented_code_is_known(shared: Path) -> None:
    """None is told as "not documented"; what the platform calls passing is not told as a mistake of the caller."""
    product = json.loads((shared / "platform" / "operations.json").read_text(encoding="utf-8"))["product"]
    business = {row["code"]: row["retry"] for row in product["business_error_codes"] if row["code"] != "0"}
    gateway = [row["code"].replace("{ParameterName}", "TenantId") for row in product["gateway_error_codes"]]
    assert [code for code in (*business, *gateway) if row_of(code) is UNKNOWN_ROW] == []
    assert {code for code in business if row_of(code).cause in (Cause.NET, Cause.BUSY)} == {
        code for code, retry in business.items() if retry != "no"
    }
    assert all(row_of(code, operation=name).hint for code in (*business, *gateway) for name in OPERATIONS)


def test_every_operation_is_there(documented: dict[str, Any]) -> None:
    assert set(OPERATIONS) == set(documented)
    assert len(OPERATIONS) == 30


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_parameters_are_the_documented_ones(documented: dict[str, Any], name: str) -> None:
    expected = {field["name"]: facts(field) for field in documented[name]["parameters"]}
    assert {parameter.name: ours(parameter) for parameter in OPERATIONS[name].parameters} == expected


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_python_names_are_the_vendor_sdk_s(documented: dict[str, Any], name: str) -> None:
    renamed = {"vamlrequest": "vaml_request"}
    expected = [renamed.get(field["sdk_attr"], field["sdk_attr"]) for field in documented[name]["parameters"]]
    assert [parameter.attribute for parameter in OPERATIONS[name].parameters] == expected


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_answers_are_the_documented_ones(documented: dict[str, Any], name: str) -> None:
    answer = {field.name: ours(field) for field in OPERATIONS[name].answer if field.name not in ENVELOPE}
    expected = {key: facts(field) for key, field in documented[name]["response"].items() if key not in ENVELOPE}
    for field in (*answer.values(), *expected.values()):
        field["json_style"] = False
    assert answer == expected


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_the_row_says_what_is_documented(documented: dict[str, Any], name: str) -> None:
    row, operation = documented[name], OPERATIONS[name]
    assert operation.family == row["group"]
    assert operation.methods[0] == row["sdk_method"]
    assert set(operation.methods) == set(row["methods"])
    assert operation.plain_http == ("http" in row["schemes"])
    assert operation.repeat.value == row["idempotency"]["retry"]
    assert operation.request_id_in_data == (row["request_id_path"] == "Data.RequestId")
    assert operation.paid == (row["charge"] == "paid")
    assert operation.summary.endswith(".")
