"""What a field of a request or an answer may hold, read from its type."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import inspect

Kind = Literal["string", "integer", "long", "boolean", "object", "array"]


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """One field.

    Attributes:
        name: name on the wire.
        attribute: name in Python.
        json_style: travels as one compact JSON document (objects and arrays at the top level of a request).
        json_text: a text that is itself a JSON document.
        meanings: allowed value -> meaning; empty when the platform gives no closed list.
        text_limit: longest text, not counting markup tags.
        default: what the platform assumes when the field is left out.
        fields: fields of an object; empty for an object whose keys are free.
        items: what an array holds.
    """

    name: str
    attribute: str
    kind: Kind
    required: bool = False
    json_style: bool = False
    json_text: bool = False
    text: str = ""
    meanings: tuple[tuple[str | int, str], ...] = ()
    minimum: int | None = None
    maximum: int | None = None
    max_length: int | None = None
    text_limit: int | None = None
    max_items: int | None = None
    pattern: str | None = None
    default: Any = None
    secret: bool = False
    deprecated: bool = False
    fields: tuple[Parameter, ...] = ()
    items: Parameter | None = None

    @property
    def values(self) -> tuple[str | int, ...]:
        """The allowed values; empty when any value will do."""
        return tuple(value for value, _ in self.meanings)


def wanted(parameter: Parameter) -> str:
    """What a value must be, in words, e.g. ``a whole number from 0 to 100``; listed values are not in it."""
    match parameter.kind:
        case "string":
            if parameter.pattern:
                return f"a text like {_EXAMPLES.get(parameter.pattern, parameter.pattern)}"
            if parameter.text_limit is not None:
                return f"a text of at most {parameter.text_limit} characters, markup not counted"
            return "a text" if parameter.max_length is None else f"a text of at most {parameter.max_length} characters"
        case "integer" | "long":
            return f"a whole number{_range(parameter)}"
        case "boolean":
            return "true or false"
        case "object":
            return "an object"
        case "array":
            most = "" if parameter.max_items is None else f" of at most {parameter.max_items}"
            return f"a list{most}" + (f", each {wanted(parameter.items)}" if parameter.items is not None else "")


_EXAMPLES = {"^#[0-9A-Fa-f]{8}$": "#RRGGBBAA"}
_WIDTHS = (-(2**63), 2**63 - 1, -(2**31), 2**31 - 1)


def _range(parameter: Parameter) -> str:
    least, most = parameter.minimum, parameter.maximum
    if least in _WIDTHS and most in _WIDTHS:
        return f" of {64 if parameter.kind == 'long' else 32} bits"
    if least is None or least in _WIDTHS:
        return "" if most is None else f" of at most {most}"
    return f" of at least {least}" if most is None or most in _WIDTHS else f" from {least} to {most}"


def parameters_of(kind: type[msgspec.Struct]) -> tuple[Parameter, ...]:
    """The fields of a wire type, in its order."""
    shape = inspect.type_info(kind)
    if not isinstance(shape, inspect.StructType):
        raise TypeError(f"{kind!r} is not a wire type")
    return _fields(shape, top=True)


def _fields(shape: inspect.StructType, *, top: bool = False) -> tuple[Parameter, ...]:
    return tuple(
        _parameter(field.type, name=field.encode_name, attribute=field.name, required=field.required, top=top)
        for field in shape.fields
    )


def _parameter(shape: inspect.Type, *, name: str, attribute: str, required: bool, top: bool = False) -> Parameter:
    facts: dict[str, Any] = {}
    shape = _bare(shape, facts)
    if isinstance(shape, inspect.UnionType):  # a field that may be left out: X | None
        (shape,) = (part for part in shape.types if not isinstance(part, inspect.NoneType))
        shape = _bare(shape, facts)
    known: dict[str, Any] = {
        "name": name,
        "attribute": attribute,
        "required": required,
        "json_text": facts.get("json_text", False),
        "text": facts.get("text", ""),
        "meanings": tuple(facts.get("meanings", {}).items()),
        "text_limit": facts.get("text_limit"),
        "default": facts.get("default"),
        "secret": facts.get("secret", False),
        "deprecated": facts.get("deprecated", False),
    }
    match shape:
        case inspect.StrType():
            return Parameter(kind="string", max_length=shape.max_length, pattern=shape.pattern, **known)
        case inspect.BoolType():
            return Parameter(kind="boolean", **known)
        case inspect.IntType():
            kind: Kind = "long" if facts.get("long") else "integer"
            return Parameter(kind=kind, minimum=shape.ge, maximum=shape.le, **known)
        case inspect.LiteralType():
            if not known["meanings"]:
                known["meanings"] = tuple((value, "") for value in shape.values)
            of_text = isinstance(shape.values[0], str)
            return Parameter(kind="string" if of_text else "long" if facts.get("long") else "integer", **known)
        case inspect.StructType():
            return Parameter(kind="object", json_style=top, fields=_fields(shape), **known)
        case inspect.DictType():
            return Parameter(kind="object", json_style=top, **known)
        case inspect.ListType():
            items = _parameter(shape.item_type, name="", attribute="", required=True)
            return Parameter(kind="array", json_style=top, items=items, max_items=shape.max_length, **known)
    raise TypeError(f"{name}: no wire form for {shape!r}")


def _bare(shape: inspect.Type, facts: dict[str, Any]) -> inspect.Type:
    """The type without its annotations, which go to ``facts``."""
    while isinstance(shape, inspect.Metadata):
        facts.update(shape.extra or {})
        shape = shape.type
    return shape
