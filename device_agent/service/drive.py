"""The drive channel beside the service: dialled as the settings say, its story told to the log and to health."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from urllib.parse import quote, urlsplit

from device_agent.api.endpoint import is_loopback
from device_agent.api.http1 import addressed
from device_agent.api.proxy import proxy_routes
from device_agent.api.trust_settings import trust_of
from device_agent.api.tunnel import connect
from device_agent.clock import Clock
from device_agent.config import Settings
from device_agent.drive import Channel, Line, Message, Notice, Session, WebSocket
from device_agent.errors import AgentError, ConfigurationError
from device_agent.service.lines import Lines
from device_agent.service.report import Report

STOP_S = 2.0
"""Seconds that saying goodbye may take."""

_PLAIN = "~!@$*()-_=+,./:;'%"
"""What stays as it is in the address: the platform's own client encodes nothing."""


def checked(settings: Settings) -> str:
    """The channel's address.

    Raises:
        ConfigurationError: it is no websocket's, or one without TLS that leaves this machine.
    """
    try:
        parts = urlsplit(settings.drive_url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:  # unclosed brackets, or a port that is no number
        parts, host = urlsplit(""), ""
    plain = parts.scheme == "ws" and is_loopback(host)
    if not host or parts.query or parts.fragment or not (parts.scheme == "wss" or plain):
        raise ConfigurationError(
            "drive_url must be a wss address without a query",
            code="config.drive",
            where=settings.where("drive_url"),
            hint="it looks like wss://host/ws; the token is never sent without TLS",
        )
    return settings.drive_url


def dialling(settings: Settings, *, environ: Mapping[str, str], clock: Clock) -> Callable[[Session], WebSocket]:
    """Opens the websocket of the settings: same trust and proxies as every other connection.

    Raises:
        ConfigurationError: address, proxy or authorities are not usable.
    """
    url = checked(settings)
    trust = trust_of(settings, environ=environ)
    routes = proxy_routes(settings.proxy, environ=environ, where=settings.where("proxy"))

    def dial(session: Session) -> WebSocket:
        token = quote(session.token.reveal(), safe=_PLAIN)
        query = f"t={token}&app={quote(session.app_id, safe=_PLAIN)}&tenant={session.tenant_id}"
        origin, target = addressed(f"http{url.removeprefix('ws')}?{query}")
        where = f"ws{origin.shown.removeprefix('http')}"
        try:
            line = connect(origin, trust=trust, routes=routes, seconds=settings.connect_timeout_s)
        except AgentError as error:
            error.where = where if error.where == origin.shown else error.where  # as drive_url has it
            raise
        socket = WebSocket(line, host=origin.authority, where=where)
        try:
            socket.open(target, within_s=settings.timeout_s, steady=clock.steady)
        except BaseException:
            socket.close()
            raise
        return socket

    return dial


class Drive:
    """The service's drive channel: made, and made anew, when a session begins under other settings than the last one's.

    A channel that cannot be made is told to the log and to nobody else: the device's life does not depend on it.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        dice: Callable[[], float],
        report: Report,
        ask_session: Callable[[], None],
        log: Lines | None = None,
        environ: Mapping[str, str] | None = None,
        deliver: Callable[[Message], None] = lambda _message: None,
    ) -> None:
        """
        Args:
            ask_session: the platform did not take the session's token; somebody should begin another session.
            deliver: takes what the platform sends, in the channel's thread.
        """
        self._clock, self._dice, self._report, self._ask_session = clock, dice, report, ask_session
        self._log, self._deliver = log or Lines(), deliver
        self._environ = os.environ if environ is None else environ
        self._made_for: Settings | None = None
        self._line: Line | None = None
        self._thread: threading.Thread | None = None

    def session(self, settings: Settings, session: Session | None) -> None:
        """A session began, or there is none any more."""
        if session is not None and settings != self._made_for:
            self.stop()
            self._make(settings)
        if self._line is not None:
            self._line.session(session)

    def stop(self) -> None:
        """End the connection and the thread; a second call does nothing."""
        line, thread, self._line, self._thread, self._made_for = self._line, self._thread, None, None, None
        if line is not None and thread is not None:
            line.stop()
            thread.join(STOP_S)
            self._report.drive("")

    def _make(self, settings: Settings) -> None:
        self._made_for = settings
        if not settings.drive_url:
            return
        try:
            dial = dialling(settings, environ=self._environ, clock=self._clock)
        except AgentError as error:
            self._log.error("drive", code=error.code, message=error.message, where=error.where, hint=error.hint)
            return
        channel = Channel(dice=self._dice, wall=self._clock.wall, deliver=self._came)
        self._line = Line(channel=channel, dial=dial, steady=self._clock.steady, told=self._told)
        self._report.drive("waiting")
        self._thread = threading.Thread(target=self._line.run, name="drive", daemon=True)
        self._thread.start()

    def _came(self, message: Message) -> None:
        self._report.count(f"drive {message.kind.name.lower()}", "failed" if message.error else "ok")
        self._deliver(message)

    def _told(self, notice: Notice) -> None:
        match notice.kind:
            case "connected":
                self._report.drive("connected")
                self._log.info("drive", standing="connected")
            case "lost" | "refused":
                self._report.drive("waiting")
                self._log.warning(
                    "drive", standing=notice.kind, reason=notice.reason, message=notice.message,
                    next_s=round(notice.next_s, 1),
                )  # fmt: skip
                if notice.kind == "refused":
                    self._ask_session()
            case "doubled":
                self._report.doubled()
                self._log.error(
                    "drive", standing="doubled", reason=notice.reason,
                    hint="another device seems to use this one's identity: look for a copied disk",
                )  # fmt: skip
