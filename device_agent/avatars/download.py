"""One download over HTTP that resumes where the last one was cut (RFC 9110, 13.1.5 and 14): Range with If-Range.

The server is not trusted: a redirect is not followed, a range that was not asked for is refused, and a body may be
neither longer nor shorter than promised. The query of the address may carry a signature: messages show only the rest.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from http import HTTPStatus
from urllib.parse import urlsplit

from device_agent.avatars.partial import Partial, Promise, storage
from device_agent.avatars.ranges import content_range, strong_etag
from device_agent.avatars.render_data import RenderData
from device_agent.avatars.web import Body, Web
from device_agent.errors import ConfigurationError, NetworkError, NotThePlatform, PackageError

Progress = Callable[[int, int], None]
"""Called with the bytes that are there and the bytes of the whole, 0 while the whole is unknown."""

_RESUMES = "fetch again: it goes on where it was cut"
_CONNECT_S = 10.0
_REDIRECTS = (301, 302, 303, 307, 308)
_FAIR_PIECE = 64 * 1024
"""Bytes that an answer with a part of the rest must bring to be worth another request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to download and what may come.

    Attributes:
        data: address, expected size and expected hash.
        limit: bytes that a package may have at most.
        timeout_s: seconds without any byte after which the connection counts as dead.
        deadline_s: seconds that the whole download may take; what has come by then is kept.
        steady: a clock that only goes forward.
        etag: entity tag of a copy that is there already; the server may answer that it is still the one.
    """

    data: RenderData
    limit: int
    timeout_s: float
    deadline_s: float = math.inf
    steady: Callable[[], float] = time.monotonic
    etag: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A complete body in the partial file: the bytes that came over the network now, and the server's entity tag."""

    transferred: int
    etag: str


class _Outcome(Enum):
    """How one exchange with the server ended."""

    COMPLETE = auto()
    AGAIN = auto()
    """The server gave a piece, or what we had is of no use any more: ask for the rest."""
    UNCHANGED = auto()


def download(order: Order, partial: Partial, *, web: Web, progress: Progress) -> Received | None:
    """Complete the partial file and verify it; None if the server says that the copy of ``order.etag`` is still valid.

    Raises:
        NetworkError: no answer, a cut or a refusal; what has come is kept for the next call.
        PackageError: size or hash are not what was promised; the partial file is gone.
        ConfigurationError: the disk is full or cannot be written.
    """
    transfer = _Transfer(order=order, partial=partial, web=web, progress=progress)
    if not transfer.run():
        return None
    transfer.verify()
    return Received(transferred=transfer.transferred, etag=transfer.etag)


class _Transfer:
    """One call's worth of exchanges, one after the other, into one partial file."""

    def __init__(self, *, order: Order, partial: Partial, web: Web, progress: Progress) -> None:
        self._order = order
        self._data = order.data
        self._partial = partial
        self._web = web
        self._progress = progress
        self.transferred = 0
        self._ends = order.steady() + order.deadline_s

    @property
    def etag(self) -> str:
        return self._partial.promise.etag if self._partial.promise else ""

    def run(self) -> bool:
        """Exchange until the file is complete; False if the copy that is there already is still valid."""
        if not self._resumable():
            self._restart()
        promise = self._partial.promise
        if promise is not None and promise.size == self._partial.size:
            return True  # cut between the last byte and the switch
        fruitless = 0
        while fruitless < 2:
            before = self.transferred
            outcome = self._exchange()
            if outcome is not _Outcome.AGAIN:
                return outcome is _Outcome.COMPLETE
            fruitless = 0 if self.transferred - before >= _FAIR_PIECE else fruitless + 1
        raise self._failed(NotThePlatform, "range", "the server does not give the rest of the package", "fetch again")

    def verify(self) -> None:
        """Size and hash against what the platform promised; a wrong file is removed."""
        size, sha256 = self._partial.size, self._partial.sha256
        if self._data.size is not None and size != self._data.size:
            raise self._rejected("size", f"the package has {size} bytes, and the platform promised {self._data.size}")
        if self._data.sha256 is not None and sha256 != self._data.sha256:
            raise self._rejected("sha256", "the package is not the one that the platform promised (sha256 differs)")

    def _resumable(self) -> bool:
        partial, promise = self._partial, self._partial.promise
        if promise is None or partial.size == 0:
            return False
        # Without an entity tag or a hash, nobody would notice that two versions were glued together.
        if not promise.etag and self._data.sha256 is None:
            return False
        if self._data.size is not None and promise.size not in (None, self._data.size):
            return False
        return promise.size is None or partial.size <= promise.size

    def _exchange(self) -> _Outcome:
        headers = {"Accept-Encoding": "identity"}
        if self._partial.size:
            headers["Range"] = f"bytes={self._partial.size}-"
            if self.etag:
                headers["If-Range"] = self.etag
        elif self._order.etag:
            headers["If-None-Match"] = self._order.etag
        timeout_s = self._order.timeout_s
        url = "".join(self._data.url)  # plain: the network must see the address, nobody else
        try:
            with self._web.get(
                url, headers=headers, connect_s=min(_CONNECT_S, timeout_s), timeout_s=timeout_s
            ) as response:
                return self._take(response)
        except NetworkError as error:
            if not error.code.startswith("network."):
                raise
            raise self._broken(error) from error.__cause__

    def _broken(self, error: NetworkError) -> NetworkError:
        """What the network said, as it concerns this download."""
        here = self._partial.size
        if error.code == "network.timeout":
            what = f"no byte came for {self._order.timeout_s:g} s"
            return self._failed(NetworkError, "timeout", what, f"check the network, then {_RESUMES}")
        if error.code.startswith("network.tls_"):
            return self._failed(
                NetworkError, "tls", error.message,
                "check this device's clock, and ca_files for this host; an intercepting proxy answers like this",
            )  # fmt: skip
        if error.code == "network.address":
            return self._failed(NetworkError, "failed", "the request could not be made", "fetch again")
        what = f"{error.message}, after {here} bytes"
        return self._failed(NetworkError, "cut" if here else "connect", what, f"check the network, then {_RESUMES}")

    def _take(self, response: Body) -> _Outcome:
        status = response.status
        if status == HTTPStatus.NOT_MODIFIED and self._order.etag and not self._partial.size:
            return _Outcome.UNCHANGED
        if status == HTTPStatus.PARTIAL_CONTENT and self._partial.size:
            return self._take_rest(response)
        if status == HTTPStatus.OK:
            return self._take_whole(response)
        if status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and self._partial.size:
            return self._take_no_range(response)
        raise self._refused(response)

    def _take_whole(self, response: Body) -> _Outcome:
        self._check_body(response)
        if self._partial.size:
            self._restart()  # the server has another version, or no ranges
        length = response.headers.get("content-length", "")
        size = int(length) if re.fullmatch(r"[0-9]{1,18}", length) else None
        if size is not None and self._data.size is not None and size != self._data.size:
            raise self._rejected("size", f"the server has {size} bytes, and the platform promised {self._data.size}")
        etag = strong_etag(response.headers.get("etag", ""))
        promise = Promise(address=self._data.address, etag=etag, size=size if size is not None else self._data.size)
        with storage(self._partial.path):
            self._partial.begin(promise)
        return self._receive(response, until=promise.size)

    def _take_rest(self, response: Body) -> _Outcome:
        self._check_body(response)
        promise = self._partial.promise
        etag = strong_etag(response.headers.get("etag", ""))
        if promise is None or (etag and promise.etag and etag != promise.etag):
            self._restart()  # another version, from a server that does not heed If-Range
            return _Outcome.AGAIN
        piece = content_range(response.headers.get("content-range", ""))
        whole = piece.whole if piece and piece.whole is not None else promise.size
        if piece is None or piece.first != self._partial.size or promise.size not in (None, whole):
            self._restart()
            raise self._failed(
                NotThePlatform, "range", "the server gave another range than it was asked for", "fetch again"
            )
        if whole is not None and promise.size is None:
            with storage(self._partial.path):
                self._partial.begin(Promise(address=promise.address, etag=promise.etag, size=whole))
        return self._receive(response, until=piece.last + 1)

    def _take_no_range(self, response: Body) -> _Outcome:
        """416: nothing lies behind what we have; either that is all of it, or it is of another version."""
        piece = content_range(response.headers.get("content-range", ""))
        promise = self._partial.promise
        if piece and promise and promise.size is None and piece.whole == self._partial.size:
            return _Outcome.COMPLETE
        self._restart()
        return _Outcome.AGAIN

    def _receive(self, response: Body, *, until: int | None) -> _Outcome:
        """Append the body; ``until`` is the size of the partial file after it, None if the server does not say."""
        whole = (self._partial.promise.size if self._partial.promise else None) or 0
        self._check_room(whole or until or 0)
        self._progress(self._partial.size, whole)
        for chunk in response.pieces():  # no decoder is at work: `_check_body` saw to it
            if self._partial.size + len(chunk) > (self._order.limit if until is None else until):
                raise self._rejected("size", "the server sends more bytes than it promised, or than a package may have")
            self._append(chunk)
            self._progress(self._partial.size, whole)
            if self._order.steady() > self._ends and self._partial.size != until:
                what = f"the download took longer than {self._order.deadline_s:.0f} s"
                raise self._failed(NetworkError, "deadline", what, _RESUMES)
        if until is not None and self._partial.size < until:
            raise self._failed(
                NetworkError, "cut", f"the connection ended after {self._partial.size} of {until} bytes", _RESUMES
            )
        return _Outcome.AGAIN if self._partial.size < whole else _Outcome.COMPLETE

    def _append(self, chunk: bytes) -> None:
        try:
            with storage(self._partial.path):
                self._partial.append(chunk)
        except ConfigurationError:
            # A full disk stops more than us: what we took is given back, at the price of a fresh start.
            self._restart()
            raise
        self.transferred += len(chunk)

    def _check_room(self, size: int) -> None:
        if size > self._order.limit:
            raise self._rejected("limit", f"the package has {size} bytes, more than {self._order.limit}")
        with storage(self._partial.path):
            free = self._partial.free_space()
        if size - self._partial.size > free:
            raise ConfigurationError(
                f"the package needs {size - self._partial.size} more bytes, and {free} are free",
                code="cache.full",
                where=str(self._partial.path.parent),
                hint="free some space and fetch again",
            )

    def _check_body(self, response: Body) -> None:
        if response.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
            raise self._failed(
                NotThePlatform, "encoding", "the server packed the answer though it was asked not to", "fetch again"
            )
        if response.headers.get("content-type", "").lower().startswith("text/html"):
            raise self._failed(
                NotThePlatform,
                "web_page",
                "a web page came in place of the package",
                "log in to this network, or ask its operator: a captive portal or proxy answers",
            )

    def _restart(self) -> None:
        with storage(self._partial.path):
            self._partial.restart()

    def _rejected(self, code: str, what: str) -> PackageError:
        with storage(self._partial.path):
            self._partial.discard()
        return PackageError(
            what,
            code=f"package.{code}",
            where=self._data.address,
            hint="nothing of it was kept: fetch the avatar again",
        )

    def _refused(self, response: Body) -> NetworkError:
        status = response.status
        if status in _REDIRECTS and "location" in response.headers:
            try:
                to = urlsplit(response.headers.get("location", "")).hostname
            except ValueError:
                to = None
            what = f"the server redirects{f' to {to}' if to else ''} (HTTP {status}), which is not followed"
            return self._failed(
                NotThePlatform, "redirect", what, "a captive portal or proxy may answer: check the network"
            )
        hint = "try again later"
        if status in (401, 403, 404, 410):
            hint = "the address may have run out: fetch again asks the platform for a new one"
        return self._failed(NetworkError, "status", f"the server refuses the package (HTTP {status})", hint)

    def _failed(self, kind: type[NetworkError], code: str, what: str, hint: str) -> NetworkError:
        return kind(what, code=f"download.{code}", where=self._data.address, hint=hint)
