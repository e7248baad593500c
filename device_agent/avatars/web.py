"""What a download asks of the network; whoever brings the connections fits it by its shape."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Protocol


class Body(Protocol):
    """An answer whose head is here and whose body is still to come."""

    @property
    def status(self) -> int:
        """HTTP status."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Names in lower case."""

    def pieces(self) -> Iterator[bytes]:
        """The body as it comes, not unpacked. Raises NetworkError (``network.*``) where it is cut."""


class Web(Protocol):
    """Asks one server for one thing, over connections whose trust and proxies are its own."""

    def get(
        self, url: str, *, headers: Mapping[str, str], connect_s: float, timeout_s: float
    ) -> AbstractContextManager[Body]:
        """One GET; redirects are not followed.

        Args:
            connect_s: seconds for the connection.
            timeout_s: seconds without any byte after which it counts as dead.

        Raises:
            NetworkError: no answer (``network.*``); the message holds neither query nor headers.
        """
