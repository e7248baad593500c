"""Streamed avatars: start, stop, list."""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from device_agent.harness.operations.call import Answer, Call, Handler
from device_agent.harness.refusal import EMPTY_PARAMETER, BusinessRefusal
from device_agent.harness.state.sessions import LIFETIME_S
from device_agent.harness.state.store import Row
from device_agent.harness.world import World
from device_agent.spec.instance import QueryRunningInstance, StartInstance, StopInstance


def start_instance(world: World, call: Call[StartInstance]) -> Answer:
    """A session; the same BizId finds the session it started."""
    request = call.request
    app_id = request.app.app_id if request.app else None
    for name, value in (("TenantId", request.tenant_id), ("App.AppId", app_id)):
        if not value:
            raise BusinessRefusal(EMPTY_PARAMETER, f"a parameter is empty: {name}")
    app_id = str(app_id)
    world.accounts.admit(call.caller, tenant_id=request.tenant_id, app_id=app_id)
    tenant_id = call.caller.tenant_id
    row = request.biz_id and world.sessions.of_biz_id(request.biz_id, tenant_id=tenant_id, app_id=app_id)
    if not row:
        if world.sessions.count(app_id=app_id) >= world.workings.sessions:
            raise BusinessRefusal("10010031", "every concurrent session of the application is in use")
        session_id = world.ids.uuid()
        world.sessions.add(
            {
                "session_id": session_id,
                "tenant_id": tenant_id,
                "app_id": app_id,
                "biz_id": request.biz_id,
                "token": world.ids.token(),
                "user_json": _json(request.user),
                "channel_json": None if request.channel else _json(_channel(world, request, app_id)),
                "expires_at": call.now + LIFETIME_S,
            }
        )
        row = world.sessions.running(session_id, tenant_id=tenant_id)
    return Answer(data=_shown(row, expires=str(int(row["expires_at"] * 1000))))


def stop_instance(world: World, call: Call[StopInstance]) -> Answer:
    """The session's end."""
    request = call.request
    for name, value in (("TenantId", request.tenant_id), ("SessionId", request.session_id)):
        if not value:
            raise BusinessRefusal(EMPTY_PARAMETER, f"a parameter is empty: {name}")
    world.accounts.admit(call.caller, tenant_id=request.tenant_id)
    row = world.sessions.running(request.session_id, tenant_id=call.caller.tenant_id)
    world.messages.interrupt(row["session_id"], now=call.now)
    world.sessions.stop(row["session_id"])
    return Answer(data={"SessionId": row["session_id"]})


def query_running_instance(world: World, call: Call[QueryRunningInstance]) -> Answer:
    """Sessions that run; ``ExpiredTime`` is an ISO time here and milliseconds in StartInstance, as on the platform."""
    request = call.request
    app_id = request.app.app_id
    world.accounts.admit(call.caller, tenant_id=request.tenant_id, app_id=app_id)
    rows = world.sessions.listed(tenant_id=request.tenant_id, app_id=app_id, session_id=request.session_id or None)
    return Answer(
        data=[
            _shown(row, expires=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(row["expires_at"])))
            | ({"User": msgspec.json.decode(row["user_json"])} if row["user_json"] else {})
            for row in rows
        ]
    )


def _channel(world: World, request: StartInstance, app_id: str) -> dict[str, Any]:
    user = (request.user.user_id if request.user else None) or world.ids.hexadecimal(16)
    return {
        "ChannelId": world.ids.hexadecimal(32),
        "Token": world.ids.token(),
        "Type": "RTC",
        "Nonce": f"AK-{world.ids.uuid()}",
        "UserId": user,
        "AppId": app_id,
        "UserInfoInChannel": msgspec.json.encode({"userId": user}).decode(),
        "Gslb": [f"{world.origin}/rtc"],
    }


def _shown(row: Row, *, expires: str) -> dict[str, Any]:
    shown: dict[str, Any] = {"SessionId": row["session_id"], "Token": row["token"]}
    if row["channel_json"]:
        shown["Channel"] = msgspec.json.decode(row["channel_json"]) | {"ExpiredTime": expires}
    return shown


def _json(value: Any) -> str | None:
    return None if value is None else msgspec.json.encode(value).decode()


HANDLERS: Mapping[str, Handler] = MappingProxyType(
    {
        "StartInstance": start_instance,
        "StopInstance": stop_instance,
        "QueryRunningInstance": query_running_instance,
    }
)
