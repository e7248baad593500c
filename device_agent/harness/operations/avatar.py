"""Avatars of a tenant: 3D ones that come with it, 2D ones that are made from videos."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from device_agent.harness.operations.call import Answer, Call, Handler
from device_agent.harness.operations.events import look_at_avatars
from device_agent.harness.refusal import BAD_PARAMETER, BusinessRefusal
from device_agent.harness.state.avatars import FAILED, MADE, MAKING, REVIEWED
from device_agent.harness.state.store import Row
from device_agent.harness.world import World
from device_agent.spec.avatar import (
    ConfirmAvatar2dTrain,
    Create2dAvatar,
    DeleteAvatar,
    QueryAvatar,
    QueryAvatarList,
    Update2dAvatar,
)

DEFAULT_PAGE = 10

_SIZES = {1: (1080, 1920), 2: (1920, 1080)}


def create_2d_avatar(world: World, call: Call[Create2dAvatar]) -> Answer:
    """An avatar whose making begins."""
    request = call.request
    world.accounts.admit(call.caller, tenant_id=request.tenant_id)
    if request.callback:
        world.callbacks.check(tenant_id=request.tenant_id)
    code = f"CH_2d_{world.ids.letters(10)}"
    world.avatars.add(
        {
            "code": code,
            "tenant_id": request.tenant_id,
            "name": request.name,
            "description": request.description,
            "image": request.image,
            "portrait": request.portrait,
            "video": request.video,
            "transparent": int(request.transparent),
            "orientation": request.orientation,
            "callback": int(bool(request.callback)),
            "since": call.now,
        }
    )
    return Answer(data={"Code": code})


def update_2d_avatar(world: World, call: Call[Update2dAvatar]) -> Answer:
    """Another name, picture or, after a failure, video: with a new video the making begins again."""
    request = call.request
    row = _own(world, call)
    if row["make_status"] == MAKING:
        raise BusinessRefusal(BAD_PARAMETER, "an avatar cannot be changed while it is being made")
    if request.video is not None and row["make_status"] != FAILED:
        raise BusinessRefusal(BAD_PARAMETER, "Video can be changed only after the making failed")
    if request.callback:
        world.callbacks.check(tenant_id=request.tenant_id)
    facts: dict[str, Any] = {
        "name": request.name,
        "description": request.description,
        "image": request.image,
        "portrait": request.portrait,
        "video": request.video,
        "transparent": None if request.transparent is None else int(request.transparent),
        "orientation": request.orientation,
        "callback": None if request.callback is None else int(request.callback),
    }
    facts = {name: value for name, value in facts.items() if value is not None}
    if request.video is not None:
        facts |= {"make_status": MAKING, "make_stage": 1, "confirmed": 0, "fail_reason": None}
        facts |= {"since": call.now, "reads": 0}
    world.avatars.change(row["code"], facts)
    return Answer(data={"Code": row["code"]})


def confirm_avatar_2d_train(world: World, call: Call[ConfirmAvatar2dTrain]) -> Answer:
    """Let a reviewed avatar be trained, or end its making."""
    row = _own(world, call)
    if not world.workings.confirm_training:
        raise BusinessRefusal(BAD_PARAMETER, "this account did not ask to confirm trainings")
    if row["make_status"] != MAKING or row["make_stage"] != REVIEWED or row["confirmed"]:
        raise BusinessRefusal(BAD_PARAMETER, "the avatar does not wait for a confirmation")
    if call.request.confirm == "ACCEPT":
        world.avatars.change(row["code"], {"confirmed": 1})
    else:
        world.avatars.change(row["code"], {"make_status": FAILED, "fail_reason": "the training was declined"})
    return Answer()


def query_avatar_list(world: World, call: Call[QueryAvatarList]) -> Answer:
    """A page of 2D or of 3D avatars, newest first."""
    request = call.request
    world.accounts.admit(call.caller, tenant_id=request.tenant_id)
    page_no = request.page_no if request.page_no is not None else 1
    page_size = request.page_size if request.page_size is not None else DEFAULT_PAGE
    if page_size < 1:
        raise BusinessRefusal(BAD_PARAMETER, "a parameter is not valid: PageSize is less than 1")
    if request.model_type == "2d":
        look_at_avatars(world, tenant_id=request.tenant_id, now=call.now)
        avatars = [{"Code": row["code"]} | _in_2d(row) for row in world.avatars.owned(tenant_id=request.tenant_id)]
    else:
        offered = world.shelf.offered(tenant_id=request.tenant_id)
        avatars = [{"Code": code} | _in_3d(name) for code, name in offered]
    page = avatars[(page_no - 1) * page_size : page_no * page_size]
    world.avatars.seen(*(shown["Code"] for shown in page))
    return Answer(
        data={
            "TotalCount": len(avatars),
            "PageNo": page_no,
            "PageSize": page_size,
            "TotalPage": -(-len(avatars) // page_size),
            "List": page,
        }
    )


def query_avatar(world: World, call: Call[QueryAvatar]) -> Answer:
    """One avatar."""
    request = call.request
    world.accounts.admit(call.caller, tenant_id=request.tenant_id)
    look_at_avatars(world, tenant_id=request.tenant_id, now=call.now)
    row = world.avatars.find(request.code, tenant_id=request.tenant_id)
    if row is not None:
        world.avatars.seen(request.code)
        return Answer(data=_in_2d(row))
    name = dict(world.shelf.offered(tenant_id=request.tenant_id)).get(request.code)
    if name is None:
        raise BusinessRefusal(BAD_PARAMETER, "Code names no avatar of this tenant")
    return Answer(data=_in_3d(name) | {"AllLocateImages": {}})


def delete_avatar(world: World, call: Call[DeleteAvatar]) -> Answer:
    """The end of a 2D avatar; stock avatars stay."""
    request = call.request
    world.accounts.admit(call.caller, tenant_id=request.tenant_id)
    if not world.avatars.delete(request.code, tenant_id=request.tenant_id):
        raise BusinessRefusal(BAD_PARAMETER, "Code names no avatar that this tenant made")
    return Answer()


def _own(world: World, call: Call[Update2dAvatar] | Call[ConfirmAvatar2dTrain]) -> Row:
    request = call.request
    world.accounts.admit(call.caller, tenant_id=request.tenant_id)
    if world.workings.avatar.reads is None:  # where looks set the pace, a change is no look
        look_at_avatars(world, tenant_id=request.tenant_id, now=call.now)
    row = world.avatars.find(request.code, tenant_id=request.tenant_id)
    if row is None:
        raise BusinessRefusal(BAD_PARAMETER, "Code names no 2D avatar that this tenant made")
    return row


def _in_2d(row: Row) -> dict[str, Any]:
    width, height = _SIZES[row["orientation"]]
    sizes = [{"Width": width, "Height": height, "Desc": f"{width}x{height}"}]
    shown = {
        "Name": row["name"],
        "Description": row["description"],
        "Image": row["image"],
        "Portrait": row["portrait"],
        "AvatarType": "1",
        "ModelType": "2d",
        "MakeStatus": str(row["make_status"]),
        "MakeStage": str(row["make_stage"]),
        "MakeFailReason": row["fail_reason"],
        "Preview": row["video"] if row["make_status"] == MADE else None,
        "SupportedResolutions": {"Offline": sizes, "Online": sizes},
    }
    return {name: value for name, value in shown.items() if value is not None}


def _in_3d(name: str) -> dict[str, Any]:
    sizes = [
        {"Width": width, "Height": height, "Desc": f"{width}x{height}"}
        for width, height in ((720, 1280), (1280, 720), (1080, 1920), (1920, 1080))
    ]
    return {
        "Name": name,
        "AvatarType": "0",
        "ModelType": "3d",
        "SupportedResolutions": {"Offline": sizes, "Online": sizes},
    }


HANDLERS: Mapping[str, Handler] = MappingProxyType(
    {
        "Create2dAvatar": create_2d_avatar,
        "Update2dAvatar": update_2d_avatar,
        "ConfirmAvatar2dTrain": confirm_avatar_2d_train,
        "QueryAvatarList": query_avatar_list,
        "QueryAvatar": query_avatar,
        "DeleteAvatar": delete_avatar,
    }
)
