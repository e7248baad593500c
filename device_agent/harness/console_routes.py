"""The console over HTTP: JSON in, JSON out, below ``/_harness/``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from certs.errors import CertError
from device_agent.harness.console import (
    AvatarOrder,
    CallbackOrder,
    Console,
    FailureOrder,
    InvitationOrder,
    KeyOrder,
    LicenseChange,
    LicenseOrder,
    OfficeDesk,
    RemovalOrder,
    SeedOrder,
    TimeOrder,
)
from device_agent.harness.faults import Fault
from device_agent.harness.im.channels import ChannelOrder
from renderer.errors import RenderError

OrderT = TypeVar("OrderT")
Handle = Callable[[Request], Awaitable[Any]]

MAX_ORDER = 1024 * 1024


class NoSuchThing(Exception):
    """The path names something that is not there."""


def console_app(console: Console, *, ready: Callable[[], Any]) -> Starlette:
    """The console's routes; ``ready`` gives what the ready line said."""

    async def show_ready(_: Request) -> Any:
        return ready()

    async def reset(_: Request) -> Any:
        console.reset()
        return {}

    async def seats(_: Request) -> Any:
        return console.seats()

    async def calls(request: Request) -> Any:
        since = request.query_params.get("since", "0")
        return console.calls(
            operation=request.query_params.get("operation", ""), since=int(since) if since.isdecimal() else 0
        )

    async def licenses(request: Request) -> Any:
        if request.method == "GET":
            return console.licenses()
        return await console.issue_license(await _order(request, LicenseOrder))

    async def license_change(request: Request) -> Any:
        if not console.change_license(request.path_params["license_id"], await _order(request, LicenseChange)):
            raise NoSuchThing("no such licence")
        return {}

    async def avatars(request: Request) -> Any:
        if request.method == "GET":
            return console.avatars()
        return await console.add_avatar(await _order(request, AvatarOrder))

    async def keys(request: Request) -> Any:
        return console.add_key(await _order(request, KeyOrder))

    async def bearers(request: Request) -> Any:
        order = await _order(request, KeyOrder)
        return {"bearer_token": console.add_bearer(expires_in=order.expires_in)}

    def office() -> OfficeDesk:
        if console.office is None:
            raise NoSuchThing("there is no office: start the harness with --office")
        return console.office

    async def invitations(request: Request) -> Any:
        return {"enroll_secret": office().invite((await _order(request, InvitationOrder)).device_id)}

    async def devices(_: Request) -> Any:
        return office().devices()

    async def device(request: Request) -> Any:
        order = await _order(request, RemovalOrder)
        office().remove(request.path_params["device_id"], removed=order.removed)
        return {}

    async def time(request: Request) -> Any:
        return {"now": console.move_time(await _order(request, TimeOrder))}

    async def seed(request: Request) -> Any:
        console.reseed(await _order(request, SeedOrder))
        return {}

    async def rules(request: Request) -> Any:
        return console.rules(await _order(request, dict[str, Any]) if request.method == "PUT" else None)

    async def channel(request: Request) -> Any:
        match request.method:
            case "GET":
                return console.channels()
            case "POST":
                return {"channels": console.order_channels(await _order(request, ChannelOrder))}
            case _:
                return console.channel_rules(await _order(request, dict[str, Any]))

    async def snapshots(_: Request) -> Any:
        return console.snapshots()

    async def snapshot(request: Request) -> Any:
        name = request.path_params["name"]
        if request.method == "PUT":
            console.take_snapshot(name)
        elif not console.restore_snapshot(name):
            raise NoSuchThing("no such snapshot")
        return {}

    async def workings(request: Request) -> Any:
        return console.workings(await _order(request, dict[str, Any]) if request.method == "PUT" else None)

    async def messages(request: Request) -> Any:
        return console.messages(request.path_params["session_id"])

    async def avatar_failure(request: Request) -> Any:
        if not console.fail_avatar(request.path_params["code"], await _order(request, FailureOrder)):
            raise NoSuchThing("no such avatar")
        return {}

    async def callbacks(request: Request) -> Any:
        if request.method == "GET":
            return console.deliveries()
        return await console.set_callback(await _order(request, CallbackOrder))

    async def faults(request: Request) -> Any:
        match request.method:
            case "GET":
                return {"faults": console.faults(), "kinds": console.fault_kinds()}
            case "POST":
                return console.order_fault(await _order(request, Fault))
            case _:
                return {"lifted": console.lift_faults()}

    async def fault(request: Request) -> Any:
        if not console.lift_faults(request.path_params["fault_id"]):
            raise NoSuchThing("no such fault")
        return {}

    table: tuple[tuple[str, Handle, tuple[str, ...]], ...] = (
        ("/ready", show_ready, ("GET",)),
        ("/reset", reset, ("POST",)),
        ("/seats", seats, ("GET",)),
        ("/calls", calls, ("GET",)),
        ("/licenses", licenses, ("GET", "POST")),
        ("/licenses/{license_id:int}", license_change, ("PUT",)),
        ("/avatars", avatars, ("GET", "POST")),
        ("/keys", keys, ("POST",)),
        ("/bearers", bearers, ("POST",)),
        ("/invitations", invitations, ("POST",)),
        ("/devices", devices, ("GET",)),
        ("/devices/{device_id}", device, ("PUT",)),
        ("/time", time, ("POST",)),
        ("/seed", seed, ("POST",)),
        ("/rules", rules, ("GET", "PUT")),
        ("/channel", channel, ("GET", "POST", "PUT")),
        ("/snapshots", snapshots, ("GET",)),
        ("/snapshots/{name}", snapshot, ("PUT", "POST")),
        ("/workings", workings, ("GET", "PUT")),
        ("/sessions/{session_id}/messages", messages, ("GET",)),
        ("/avatars/{code}/failure", avatar_failure, ("POST",)),
        ("/callbacks", callbacks, ("GET", "PUT")),
        ("/faults", faults, ("GET", "POST", "DELETE")),
        ("/faults/{fault_id:int}", fault, ("DELETE",)),
    )
    return Starlette(
        routes=[Route(f"/_harness{path}", _answered(handle), methods=list(methods)) for path, handle, methods in table]
    )


async def _order(request: Request, kind: type[OrderT]) -> OrderT:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MAX_ORDER:
            raise msgspec.ValidationError("the order is too long")
    return msgspec.json.decode(body or b"{}", type=kind)


def _answered(handle: Handle) -> Callable[[Request], Awaitable[Response]]:
    """JSON out; a bad order is told with 400, a missing thing with 404."""

    async def endpoint(request: Request) -> Response:
        try:
            return _json(200, await handle(request))
        except NoSuchThing as error:
            return _json(404, {"error": str(error)})
        except (msgspec.DecodeError, RenderError, CertError) as error:
            return _json(400, {"error": str(error)})

    return endpoint


def _json(status: int, document: object) -> Response:
    return Response(msgspec.json.encode(document), status_code=status, media_type="application/json")
