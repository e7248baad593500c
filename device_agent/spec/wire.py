"""What travels on the wire: the bases of requests and results.

Field names are snake_case in Python and the platform's own PascalCase on the wire. ``None`` means "left out"; the empty
text is sent as it is. A field whose annotation carries ``secret`` never shows in a ``repr``.
"""

from __future__ import annotations

import functools
from typing import Annotated, Any, Generic, TypeVar, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta

ResultT = TypeVar("ResultT", bound="Result")


class Wire(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="pascal"):
    """Base of everything that is sent or received; unknown fields in an answer are ignored."""

    def __repr__(self) -> str:
        hidden = _secret_fields(type(self))
        shown = (
            f"{name}={'<hidden>' if name in hidden else repr(value)}"
            for name in self.__struct_fields__
            if (value := getattr(self, name)) is not None
        )
        return f"{type(self).__name__}({', '.join(shown)})"


class Request(Wire, Generic[ResultT], frozen=True, kw_only=True):
    """One call of one operation; the class is named like the operation and knows the type of its result."""


class Result(Wire, frozen=True, kw_only=True):
    """What every answer carries. ``request_id`` is filled from wherever the operation puts it."""

    request_id: str = ""
    code: str = ""
    message: str = ""
    success: bool = False


def about(
    text: str = "",
    *,
    meanings: dict[Any, str] | None = None,
    default: object = None,
    secret: bool = False,
    long: bool = False,
    json_text: bool = False,
    text_limit: int | None = None,
    deprecated: bool = False,
    **limits: Any,
) -> Meta:
    """What the platform says about a field, for ``Annotated``.

    Args:
        text: one sentence for the reader.
        meanings: value -> meaning, for fields with a closed list of values.
        default: what the platform assumes when the field is left out (documented, never sent by us).
        secret: the value never shows in a repr, a log or a message.
        long: a 64-bit integer; otherwise integers are 32-bit.
        json_text: the text is itself a JSON document.
        text_limit: longest text in characters where markup tags do not count.
        deprecated: the platform ignores the field.
        **limits: msgspec's own checks (``ge``, ``le``, ``max_length``, ``pattern``, ...).
    """
    facts = {
        "text": text,
        "meanings": meanings,
        "default": default,
        "secret": secret,
        "long": long,
        "json_text": json_text,
        "text_limit": text_limit,
        "deprecated": deprecated,
    }
    said = {name: fact for name, fact in facts.items() if fact is not None and (fact or name == "default")}
    return Meta(extra=said, **limits)


@functools.cache
def _secret_fields(kind: type[Wire]) -> frozenset[str]:
    hints = get_type_hints(kind, include_extras=True)
    return frozenset(name for name, hint in hints.items() if name in kind.__struct_fields__ and _is_secret(hint))


def _is_secret(hint: Any) -> bool:
    if get_origin(hint) is Annotated and any(
        isinstance(meta, Meta) and (meta.extra or {}).get("secret") for meta in get_args(hint)[1:]
    ):
        return True
    return any(_is_secret(part) for part in get_args(hint) if not isinstance(part, Meta))
