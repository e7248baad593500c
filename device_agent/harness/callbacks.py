"""Events that the platform calls back: signed, answered within three seconds, tried three times.

Documented are the transport, the two headers, the time to answer, the retries, ``eId``, and the VALIDATE event. The
other fields of the body are the stand-in's own.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from device_agent.harness.clock import HarnessClock
from device_agent.harness.ids import Ids
from device_agent.harness.refusal import BusinessRefusal
from device_agent.harness.state.store import Store

ANSWER_S = 3.0
RETRY_AFTER_S = (0.5, 1.0)
"""Pauses before the second and the third attempt."""

VALIDATE = "VALIDATE"
KEPT = 1000

Post = Callable[[str, dict[str, str], bytes], Awaitable[int]]
"""Sends one event: address, headers, body; gives the HTTP status, 0 when nobody answered in time."""


class Delivery(msgspec.Struct, kw_only=True):
    """One event and how its telling went.

    Attributes:
        statuses: HTTP status of each attempt; 0 for no answer.
    """

    event_id: str
    tenant_id: int
    kind: str
    data: dict[str, Any]
    statuses: list[int] = []

    @property
    def delivered(self) -> bool:
        """Whether it was answered with 200."""
        return bool(self.statuses) and self.statuses[-1] == 200


def signature(tenant_id: int, timestamp: str, auth_key: str) -> str:
    """What ``VH-SIGNATURE`` holds: MD5 over tenant, time (milliseconds) and key, as the platform has it."""
    text = f"{tenant_id}|{timestamp}|{auth_key}"
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


class Callbacks:
    """Events on their way out. ``tell`` notes one; ``flush`` sends what was noted, ``discard`` forgets it."""

    def __init__(
        self,
        *,
        store: Store,
        clock: HarnessClock,
        ids: Ids,
        post: Post,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids
        self._post = post
        self._sleep = sleep
        self._outbox: list[Delivery] = []
        self._deliveries: list[Delivery] = []
        self._running: set[asyncio.Task[bool]] = set()

    def set_address(self, *, tenant_id: int, url: str, auth_key: str) -> None:
        """Where a tenant wants events, and the key they are signed with; either may be empty."""
        self._store.run("INSERT OR REPLACE INTO callback_addresses VALUES (?, ?, ?)", (tenant_id, url, auth_key))

    def check(self, *, tenant_id: int) -> None:
        """A tenant that asks for a callback must have said where and with which key.

        Raises:
            BusinessRefusal: 10010041 or 10010042.
        """
        url, auth_key = self._address(tenant_id)
        if not auth_key:
            raise BusinessRefusal("10010041", "the tenant has no authKey yet")
        if not url:
            raise BusinessRefusal("10010042", "the tenant has no callback address")

    def tell(self, kind: str, data: dict[str, Any], *, tenant_id: int) -> Delivery:
        """Note an event."""
        delivery = Delivery(event_id=self._ids.uuid(), tenant_id=tenant_id, kind=kind, data=data)
        self._outbox.append(delivery)
        return delivery

    def flush(self) -> None:
        """Send what was noted, each event by itself, without waiting."""
        outbox, self._outbox = self._outbox, []
        for delivery in outbox:
            task = asyncio.get_running_loop().create_task(self.deliver(delivery))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    def discard(self) -> None:
        """Forget what was noted: the call that caused it was refused."""
        self._outbox.clear()

    async def deliver(self, delivery: Delivery) -> bool:
        """Send one event, again after a pause when it is not answered with 200; whether it arrived."""
        self._deliveries = [*self._deliveries[-KEPT + 1 :], delivery]
        url, auth_key = self._address(delivery.tenant_id)
        if not url:
            return False
        body = msgspec.json.encode(
            {
                "eId": delivery.event_id,
                "tenantId": delivery.tenant_id,
                "eventType": delivery.kind,
                "data": delivery.data,
            }
        )
        for pause in (None, *RETRY_AFTER_S):
            if pause is not None:
                await self._sleep(pause)
            stamp = str(int(self._clock.wire() * 1000))
            headers = {
                "content-type": "application/json",
                "VH-TIMESTAMP": stamp,
                "VH-SIGNATURE": signature(delivery.tenant_id, stamp, auth_key),
            }
            delivery.statuses.append(await self._post(url, headers, body))
            if delivery.delivered:
                return True
        return False

    def deliveries(self) -> list[Delivery]:
        """What was sent, oldest first."""
        return list(self._deliveries)

    async def settle(self) -> None:
        """Wait until everything that is on its way has arrived or was given up."""
        while self._running:
            await asyncio.gather(*self._running)

    def forget(self) -> None:
        """Drop what was sent and what was noted."""
        self._deliveries.clear()
        self._outbox.clear()

    def _address(self, tenant_id: int) -> tuple[str, str]:
        row = self._store.one("SELECT url, auth_key FROM callback_addresses WHERE tenant_id = ?", (tenant_id,))
        return ("", "") if row is None else (row["url"], row["auth_key"])


async def post_over_http(url: str, headers: dict[str, str], body: bytes) -> int:
    """Send an event over HTTP; redirects are not followed."""
    import httpx  # late: most stand-ins call nobody back

    try:
        async with asyncio.timeout(ANSWER_S), httpx.AsyncClient(timeout=ANSWER_S) as http:
            return (await http.post(url, headers=headers, content=body)).status_code
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError):
        return 0
