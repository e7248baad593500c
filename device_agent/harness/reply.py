"""An answer on its way to the wire."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

JSON_TYPE = "application/json;charset=utf-8"


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What goes out.

    Attributes:
        headers: without Date and Content-Length, which are put in on the way out.
        hang_up: say nothing and close the connection.
        cut: close the connection after this many bytes of the body.
    """

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = field(default=b"", repr=False)
    hang_up: bool = False
    cut: int | None = None


def json_reply(status: int, document: object, *headers: tuple[str, str]) -> Reply:
    """An answer in JSON."""
    return Reply(status=status, headers=(("content-type", JSON_TYPE), *headers), body=msgspec.json.encode(document))
