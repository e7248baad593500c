"""One row of the table: everything known about an operation that its types do not say."""

from __future__ import annotations

import enum
import functools
import sys
from collections.abc import Mapping
from typing import Any, Generic, Literal, TypeVar

import msgspec

from device_agent.spec.parameter import Parameter, parameters_of
from device_agent.spec.wire import Request, Result

ResultT = TypeVar("ResultT", bound=Result)

Family = Literal["instance", "message", "video", "avatar", "client-render", "console", "other"]
Method = Literal["POST", "GET"]

VERSION = "2022-01-30"
"""The version of the platform's interface that the table describes."""


class Repeat(enum.StrEnum):
    """What happens when the same request is served twice."""

    SAFE = "safe"  # it only reads
    KEYED = "keyed"  # a key parameter makes the second one harmless, when it is given
    NATURAL = "natural"  # it sets the same state again
    UNSAFE = "unsafe"  # it may be done twice


class Operation(msgspec.Struct, Generic[ResultT], frozen=True, kw_only=True, dict=True):
    """An operation of the platform.

    Attributes:
        request: type of the request; its name is the operation's name, its docstring the summary.
        result: type of the result.
        methods: HTTP methods the platform lists; the first is the one the client uses.
        plain_http: whether the platform lists ``http`` beside ``https`` (the client does not use it).
        repeat: whether a request may be served twice.
        repeat_key: parameter that makes a ``KEYED`` operation repeatable.
        request_id_in_data: the answer's RequestId is inside ``Data``.
        demanded: wire names of parameters that the platform lets be absent and our client never leaves out.
        paid: the platform charges for it.
    """

    request: type[Request[ResultT]]
    result: type[ResultT]
    family: Family
    repeat: Repeat
    methods: tuple[Method, ...] = ("POST",)
    plain_http: bool = True
    repeat_key: str = ""
    request_id_in_data: bool = False
    demanded: tuple[str, ...] = ()
    paid: bool = False

    @property
    def name(self) -> str:
        """The platform's name, e.g. ``"LicenseAuth"``."""
        return self.request.__name__

    @property
    def summary(self) -> str:
        """One sentence on what it does."""
        return (self.request.__doc__ or "").strip().splitlines()[0]

    @functools.cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """The request's parameters in the platform's order, read from its type."""
        return parameters_of(self.request)

    @functools.cached_property
    def answer(self) -> tuple[Parameter, ...]:
        """The fields of the answer, read from its type."""
        return parameters_of(self.result)

    def repeatable(self, parameters: Mapping[str, Any]) -> bool:
        """Whether this request (wire name -> value) can be served twice without harm."""
        if self.repeat is Repeat.KEYED:
            return bool(parameters.get(self.repeat_key))
        return self.repeat is not Repeat.UNSAFE


def operation_of(request: Request[ResultT]) -> Operation[ResultT]:
    """The operation that a request calls: its row stands in the module that defines its type.

    Found without the whole table, so that a program loads only the families it uses.

    Raises:
        TypeError: it is no request of the table.
    """
    kind = type(request)
    row = _row_of(kind)
    if row is None:
        raise TypeError(f"{kind.__name__} is no operation of the platform")
    return row


@functools.cache
def _row_of(kind: type[Request[Any]]) -> Operation[Any] | None:
    family: tuple[Operation[Any], ...] = getattr(sys.modules[kind.__module__], "FAMILY", ())
    return next((row for row in family if row.request is kind), None)
