"""From a typed request to wire parameters, and from an answer's bytes to a typed result."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID

import msgspec

from device_agent.api.causes import row_of
from device_agent.api.exchange import Answer
from device_agent.api.scrub import Scrubber
from device_agent.errors import AgentError, NotThePlatform, ParameterError
from device_agent.spec.operation import Operation, operation_of
from device_agent.spec.parameter import Parameter, wanted
from device_agent.spec.wire import Request, Result

ResultT = TypeVar("ResultT", bound=Result)

_TAG = re.compile(r"<[^<>]*>")
_AT = re.compile(r" - at `\$\.(?P<path>[^`]*)`$")
_ID = re.compile(r"[0-9A-F]{8}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{12}")
"""A RequestId as the platform makes them; it is shown whole, though a short parameter may stand in it by chance."""

_LEFT_ALONE = (bytes, bytearray, datetime, date, time, timedelta, Decimal, UUID)
"""Types that msgspec would turn into a text of its own choice: values of them are refused instead."""

_SHOWN_BYTES = 80
_SHOWN_MESSAGE = 200

UNSHOWN_MESSAGES = ("SignatureDoesNotMatch", "IncompleteSignature")
"""Refusals whose text repeats the string that was signed, and with it every parameter."""


class _Envelope(msgspec.Struct):
    """What every answer of the platform has in common, good or bad; types as loose as the platform's."""

    RequestId: str | None = None
    Code: str | int | None = None
    Message: str | None = None
    Success: bool | str | None = None
    Data: Any = None


_read_envelope = msgspec.json.Decoder(_Envelope)


def to_parameters(request: Request[Any]) -> dict[str, str]:
    """Check a request against the documented limits and give its parameters as they travel.

    Objects and lists become one compact JSON text with sorted keys, booleans ``True`` and ``False`` as the vendor's own
    client writes them; ``None`` is left out.

    Raises:
        ParameterError: a limit is broken; the message names the field and never shows the value.
    """
    operation = operation_of(request)
    parameters = {name: _text(value) for name, value in _checked(request, operation).items() if value is not None}
    for name in operation.demanded:
        if not parameters.get(name):
            raise _missing(operation, name)
    return parameters


def request_of(operation: Operation[ResultT], values: Mapping[str, Any]) -> Request[ResultT]:
    """A typed request from wire names and values; numbers and booleans may come as text.

    Raises:
        ParameterError: a name that the operation does not have, at any depth, something missing, or a broken limit.
    """
    _only_known(operation, operation.parameters, values, prefix="")
    try:
        request: Request[ResultT] = msgspec.convert(values, operation.request, strict=False)
    except msgspec.ValidationError as exc:
        raise _invalid(operation, exc) from exc
    return request


def _only_known(
    operation: Operation[Any], parameters: tuple[Parameter, ...], values: Mapping[str, Any], *, prefix: str
) -> None:
    """Refuse names that the operation does not have: the platform would ignore them without a word."""
    known = {parameter.name: parameter for parameter in parameters}
    strange = sorted(prefix + name for name in values if name not in known)
    if strange:
        raise ParameterError(
            f"{operation.name} has no parameter {', '.join(strange)}",
            code="parameter.unknown",
            where=operation.name,
            hint=f"it has {', '.join(prefix + name for name in sorted(known))}",
            operation=operation.name,
        )
    for name, value in values.items():
        inner, elements = known[name], [value]
        if inner.items is not None and isinstance(value, list):
            inner, elements = inner.items, value
        for element in elements:
            if inner.fields and isinstance(element, Mapping):
                _only_known(operation, inner.fields, element, prefix=f"{prefix}{name}.")


def from_answer(
    answer: Answer,
    operation: Operation[ResultT],
    *,
    where: str,
    scrubber: Scrubber,
    seat_full_codes: Collection[str] = (),
) -> ResultT:
    """The result in an answer.

    Args:
        where: the platform's address, for messages.
        scrubber: hides what the request carried from whatever the answer repeats of it.
        seat_full_codes: business codes that mean "every seat is taken", or ``/.../`` expressions.

    Raises:
        AgentError: the platform refused (the type says why), or the answer is not the platform's.
    """

    def foreign(problem: str, *, code: str = "network.not_the_platform") -> NotThePlatform:
        start = scrubber.clean(answer.body[:4096].decode("utf-8", "replace"), limit=_SHOWN_BYTES)
        return NotThePlatform(
            f"the answer is not the platform's: {problem}, HTTP {answer.status}"
            + (f", starts with {start!r}" if start else ", empty body"),
            code=code,
            where=where,
            hint="check endpoint, the proxy, and whether this network wants a login first (captive portal)",
            operation=operation.name,
            http_status=answer.status,
        )

    if 300 <= answer.status < 400:
        raise foreign("it points to another address", code="network.redirect")
    try:
        envelope = _read_envelope.decode(answer.body)
    except msgspec.ValidationError as exc:
        raise foreign("JSON of another shape") from exc
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise foreign("no JSON") from exc
    code = str(envelope.Code).strip() if envelope.Code is not None else ""
    request_id = envelope.RequestId or ""
    if not request_id and isinstance(envelope.Data, dict):
        request_id = str(envelope.Data.get("RequestId") or "")
    if answer.status == 200 and str(envelope.Success).strip().lower() == "true":
        try:
            result = msgspec.json.decode(answer.body, type=operation.result, strict=False)
        except msgspec.ValidationError as exc:
            at = _AT.search(str(exc))
            raise foreign(f"a field of another type at {at['path'] if at else 'the top'}") from exc
        return msgspec.structs.replace(result, request_id=request_id)
    if not code or (answer.status == 200 and envelope.Success is None):
        raise foreign("neither a result nor a refusal")
    raise _refusal(
        code,
        message=envelope.Message or "",
        request_id=request_id,
        answer=answer,
        operation=operation,
        where=where,
        scrubber=scrubber,
        seat_full_codes=seat_full_codes,
    )


def _refusal(
    code: str,
    *,
    message: str,
    request_id: str,
    answer: Answer,
    operation: Operation[Any],
    where: str,
    scrubber: Scrubber,
    seat_full_codes: Collection[str],
) -> AgentError:
    row = row_of(
        code,
        operation=operation.name,
        http_status=answer.status,
        message=message,
        seat_full_codes=seat_full_codes,
    )
    words = "" if code in UNSHOWN_MESSAGES else scrubber.clean(message, limit=_SHOWN_MESSAGE)
    says = row.says or f"{operation.name} was refused" + (f": {words.rstrip('.')}" if words else "")
    return row.raises(
        says,
        code=code if code in row.codes else scrubber.clean(code, limit=60) or "unknown",
        where=f"{operation.name} at {where}",
        hint=row.hint,
        request_id=request_id if _ID.fullmatch(request_id) else scrubber.clean(request_id, limit=60),
        operation=operation.name,
        http_status=answer.status,
    )


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return value
    return msgspec.json.encode(value, order="sorted").decode()


def _checked(request: Request[Any], operation: Operation[Any]) -> dict[str, Any]:
    """The request as plain values by their wire names, each within its limits."""
    try:
        plain: dict[str, Any] = msgspec.to_builtins(request, builtin_types=_LEFT_ALONE)
        msgspec.convert(plain, type(request))
        msgspec.json.encode(plain).decode()
    except msgspec.ValidationError as exc:
        raise _invalid(operation, exc) from exc
    except (UnicodeEncodeError, msgspec.EncodeError, TypeError) as exc:
        raise ParameterError(
            "a parameter has a value that cannot be sent",
            code="parameter.limit",
            where=operation.name,
            hint="texts are Unicode without halves of surrogate pairs",
            operation=operation.name,
        ) from exc
    for path, limit, text in _limited(operation.parameters, plain, prefix=""):
        if len(_TAG.sub("", text)) > limit:
            raise _broken(operation, path)
    return plain


def _limited(
    parameters: tuple[Parameter, ...], values: Mapping[str, Any], *, prefix: str
) -> Iterator[tuple[str, int, str]]:
    """Texts whose limit does not count markup: where, limit, text."""
    for parameter in parameters:
        value = values.get(parameter.name)
        if value is None:
            continue
        if parameter.text_limit is not None:
            yield prefix + parameter.name, parameter.text_limit, value
        elif parameter.fields and isinstance(value, Mapping):
            yield from _limited(parameter.fields, value, prefix=f"{prefix}{parameter.name}.")


def _invalid(operation: Operation[Any], error: msgspec.ValidationError) -> ParameterError:
    words = str(error)
    at = _AT.search(words)
    path = at["path"] if at else ""
    if _AT.sub("", words).startswith("Object missing required field"):
        name = _AT.sub("", words).replace("`", "").rsplit(" ", 1)[-1]
        return _missing(operation, f"{path}.{name}" if path else name)
    return _broken(operation, path)


def _missing(operation: Operation[Any], path: str) -> ParameterError:
    return ParameterError(
        f"{path} is needed",
        code="parameter.missing",
        where=f"{operation.name}.{path}",
        hint=f"avatar-agent api {operation.name} --describe shows what it takes",
        operation=operation.name,
    )


def _broken(operation: Operation[Any], path: str) -> ParameterError:
    """A value that breaks a limit; told by the limit and never by the value."""
    parameter = _at(operation.parameters, path)
    listed = parameter is not None and parameter.values
    must = "" if parameter is None else ": it must be " + ("one of those listed" if listed else wanted(parameter))
    return ParameterError(
        f"{path or 'a parameter'} is not as documented{must}",
        code="parameter.limit",
        where=f"{operation.name}.{path}".rstrip("."),
        hint=f"one of {', '.join(map(str, parameter.values))}" if parameter is not None and listed else "",
        operation=operation.name,
    )


def _at(parameters: tuple[Parameter, ...], path: str) -> Parameter | None:
    """The parameter at a path as msgspec writes it, ``AvatarInfo.Locate`` or ``CustomKeywords[...]``."""
    found: Parameter | None = None
    for part in path.split("."):
        name = part.partition("[")[0]
        found = next((parameter for parameter in parameters if parameter.name == name), None)
        if found is not None and "[" in part and found.items is not None:
            found = found.items
        parameters = found.fields if found is not None else ()
    return found
