"""From a request on the wire to the answer on the wire: gate, parameters, operation, and the faults in between."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from certs.errors import CertError
from device_agent.harness.faults import Fault
from device_agent.harness.operations.call import Answer, Call
from device_agent.harness.operations.table import HANDLERS
from device_agent.harness.parameters import typed_request
from device_agent.harness.recorder import masked
from device_agent.harness.refusal import SYSTEM_FAULT, BusinessRefusal, GatewayRefusal
from device_agent.harness.reply import Reply, json_reply
from device_agent.harness.state.accounts import Caller
from device_agent.harness.verify.gate import Gate, Letter, open_letter
from device_agent.harness.wire import WireRequest
from device_agent.harness.world import World
from device_agent.spec.client_render import Render3dAvatar
from device_agent.spec.operation import Operation
from device_agent.spec.operations import OPERATIONS
from renderer.errors import RenderError

REQUEST_ID = "x-acs-request-id"
TEXT_SUCCESS = frozenset({"DuplexDecision"})
"""Operations whose ``Success`` is a text on the platform's wire."""

HELD_S = 5.0
"""How long a held answer waits for another one when the fault does not say."""

_LOG_IN_PAGE = b"<!DOCTYPE html><html><head><title>Welcome</title></head><body>Please log in.</body></html>\n"


class Gateway:
    """The platform's address ``/``."""

    def __init__(self, *, world: World, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._world = world
        self._sleep = sleep
        self._gate = Gate(accounts=world.accounts, clock=world.clock)
        self._held: list[asyncio.Event] = []

    async def serve(self, request: WireRequest) -> Reply:
        """Answer one request; never raises for anything a client can send."""
        letter = open_letter(request)
        on = letter.action if letter.action in OPERATIONS else ""
        faults = self._world.faults
        await self.deliver()
        slow = faults.strike(on, "latency")
        if slow is not None:
            await self._sleep(slow.seconds)
        late = faults.strike(on, "late")
        if late is not None:
            self._world.late.append((self._world.clock.now() + late.seconds, letter))
            return Reply(hang_up=True, status=0)
        before = faults.strike(on, "drop_before", "http_500", "throttle", "captive", "redirect", "token_expired")
        if before is not None:
            return self._broken(before, letter)
        if faults.strike(on, "duplicate"):
            await self._answer(letter)
        reply = await self._answer(letter)
        return await self._after(reply, letter, on)

    async def deliver(self, *, early: bool = False) -> int:
        """Serve the late calls whose time has come, or all of them, in the order of their times; how many."""
        world = self._world
        due = sorted((call for call in world.late if early or call[0] <= world.clock.now()), key=lambda call: call[0])
        for call in due:
            world.late.remove(call)
        for _at, letter in due:
            await self._answer(letter)
        return len(due)

    async def _answer(self, letter: Letter) -> Reply:
        request_id = self._world.ids.request_id()
        caller: Caller | None = None
        try:
            with self._world.store.transaction():
                operation = self._gate.address(letter)
                caller = self._gate.admit(letter, operation)
            answer = await self._operate(letter, operation, caller, request_id)
            outcome = answer.code
            reply = json_reply(200, _envelope(operation, answer, request_id), (REQUEST_ID, request_id))
        except GatewayRefusal as refusal:
            outcome = refusal.code
            reply = self.refuse(refusal, letter, request_id)
        self._record(letter, reply, outcome=outcome, request_id=request_id, caller=caller)
        return reply

    async def _operate(self, letter: Letter, operation: Operation[Any], caller: Caller, request_id: str) -> Answer:
        """Run the operation in one transaction; what it refuses is undone and told.

        The gate's own transaction is over by now: a nonce stays used, whatever becomes of the call.
        """
        world = self._world
        try:
            request = typed_request(operation, letter.pairs)
            if isinstance(request, Render3dAvatar):
                await self._make(request.code)
            self._strike_business(operation.name)
            call = Call(request=request, caller=caller, request_id=request_id, now=world.clock.now())
            with world.store.transaction():
                answer = HANDLERS[operation.name](world, call)
        except BusinessRefusal as refusal:
            world.callbacks.discard()
            return Answer(code=refusal.code, message=refusal.message, success=False)
        except GatewayRefusal:
            world.callbacks.discard()
            raise
        world.callbacks.flush()
        return answer

    async def _make(self, code: str) -> None:
        """Seal an avatar's package if nobody asked for it before, without holding up other calls."""
        shelf = self._world.shelf
        if not shelf.is_pending(code):
            return
        try:
            shelf.keep(await asyncio.to_thread(shelf.seal, code))
        except (RenderError, CertError, OSError) as error:
            sys.stderr.write(f"harness: the package of {code} cannot be made: {error}\n")
            raise BusinessRefusal(SYSTEM_FAULT, "the avatar's package cannot be made; see the harness's log") from error

    def _strike_business(self, operation: str) -> None:
        if self._world.faults.strike(operation, "license_expired"):
            raise BusinessRefusal("10020001", "the order has ended")
        if operation == "ClientAuth" and self._world.faults.strike(operation, "seat_taken"):
            raise BusinessRefusal(self._world.rules.full_code, "every seat of the licence is taken")

    def _broken(self, fault: Fault, letter: Letter) -> Reply:
        """The answer that a fault gives instead of the operation's."""
        request_id = self._world.ids.request_id()
        match fault.kind:
            case "drop_before":
                reply, outcome = Reply(hang_up=True, status=0), "dropped"
            case "captive":
                reply, outcome = Reply(headers=(("content-type", "text/html"),), body=_LOG_IN_PAGE), "captive"
            case "redirect":
                reply = Reply(status=302, headers=(("location", "http://login.invalid/"),))
                outcome = "redirect"
            case "throttle":
                wait = (("x-acs-retry-after", str(fault.retry_after_ms)),) if fault.retry_after_ms is not None else ()
                refusal = GatewayRefusal(400, "Throttling.User", "Request was denied due to user flow control.")
                reply, outcome = self.refuse(refusal, letter, request_id, *wait), refusal.code
            case "token_expired":
                refusal = GatewayRefusal(400, "InvalidSecurityToken.Expired", "Specified SecurityToken is expired.")
                reply, outcome = self.refuse(refusal, letter, request_id), refusal.code
            case _:
                refusal = GatewayRefusal(500, "InternalError", "The request processing has failed.")
                reply, outcome = self.refuse(refusal, letter, request_id), refusal.code
        self._record(letter, reply, outcome=outcome, request_id=request_id, caller=None, fault=fault.kind)
        return reply

    async def _after(self, reply: Reply, letter: Letter, on: str) -> Reply:
        """Faults that befall an answer that is ready."""
        for event in self._held:
            event.set()
        held = self._world.faults.strike(on, "reorder")
        if held is not None:
            event = asyncio.Event()
            self._held.append(event)
            try:
                await asyncio.wait_for(event.wait(), held.seconds or HELD_S)
            except TimeoutError:
                pass  # nobody else called: the answer goes out late and alone
            finally:
                self._held.remove(event)
        fault = self._world.faults.strike(on, "drop_after", "cut", "wrong_bytes")
        if fault is None:
            return reply
        if fault.kind == "drop_after":
            return replace(reply, hang_up=True)
        if fault.kind == "cut":
            return replace(reply, cut=fault.bytes)
        place = min(fault.bytes, len(reply.body) - 1)
        return replace(reply, body=reply.body[:place] + bytes([reply.body[place] ^ 0x80]) + reply.body[place + 1 :])

    def refuse(self, refusal: GatewayRefusal, letter: Letter, request_id: str, *headers: tuple[str, str]) -> Reply:
        """The gateway's own error body."""
        return json_reply(
            refusal.status,
            {
                "RequestId": request_id,
                "HostId": letter.request.header("host") or "",
                "Code": refusal.code,
                "Message": refusal.message,
                "Recommend": f"docs/harness.md, {refusal.code}",
            },
            (REQUEST_ID, request_id),
            *headers,
        )

    def _record(
        self, letter: Letter, reply: Reply, *, outcome: str, request_id: str, caller: Caller | None, fault: str = ""
    ) -> None:
        known = letter.action in OPERATIONS
        self._world.recorder.note(
            at=self._world.clock.now(),
            method=letter.request.method,
            path=letter.request.path.decode("ascii", "replace"),
            operation=letter.action if known else "",
            status=reply.status,
            outcome=outcome,
            request_id=request_id,
            access_key_id=caller.name if caller else "",
            signature=letter.style,
            parameters=masked(letter.action, letter.pairs),
            sent=len(reply.body),
            fault=fault,
        )


def _envelope(operation: Operation[Any], answer: Answer, request_id: str) -> dict[str, Any]:
    """The answer's body: RequestId sits where the platform puts it, and types are as uneven as the platform's."""
    body: dict[str, Any] = {"Code": answer.code, "Message": answer.message, "Success": answer.success}
    data = answer.data
    if operation.request_id_in_data:
        data = {"RequestId": request_id, **(data if isinstance(data, dict) else {})}
    else:
        body["RequestId"] = request_id
    if operation.name in TEXT_SUCCESS:
        body["Success"] = "true" if answer.success else "false"
    if data is not None:
        body["Data"] = data
    return body
