"""Avatars of the account: make, train, change, list, delete."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from device_agent.spec.fields import INT_MAX, Address, AvatarCode, Callback, Integer, TenantId
from device_agent.spec.operation import Operation, Repeat
from device_agent.spec.wire import Request, Result, Wire, about

Image = Annotated[Address, about("PNG under 10 MB in the video's resolution; its first frame when left out.")]
Portrait = Annotated[Address, about("Square PNG under 10 MB.")]
Video = Annotated[Address, about("mov, webm or mp4, 3 to 8 minutes, 1080p, under 10 GB.")]
Orientation = Annotated[Literal[1, 2], about(meanings={1: "portrait", 2: "landscape"})]
ModelTypeShown = Annotated[str, about(meanings={"2d": "2D", "3d": "3D"})]
AvatarType = Annotated[str, about(meanings={"0": "stock", "1": "custom"})]
MakeStatus = Annotated[str, about("2D only.", meanings={"1": "being made", "2": "failed", "3": "made"})]
MakeStage = Annotated[
    str, about("2D only.", meanings={"1": "checked by machine", "2": "reviewed", "3": "trained", "4": "made"})
]


class ConfirmAvatar2dTrainResult(Result, frozen=True, kw_only=True):
    """Answer to ``ConfirmAvatar2dTrain``; it carries no data."""


class ConfirmAvatar2dTrain(Request[ConfirmAvatar2dTrainResult], frozen=True, kw_only=True):
    """Let a reviewed 2D avatar be trained, or end its making; an account must ask for this step."""

    tenant_id: TenantId
    code: AvatarCode
    confirm: Annotated[
        Literal["ACCEPT", "DECLINE"], about(meanings={"ACCEPT": "train it, which is charged", "DECLINE": "end it"})
    ]


class AvatarCodeData(Wire, frozen=True, kw_only=True):
    """The avatar a call was about."""

    code: str | None = None


class Create2dAvatarResult(Result, frozen=True, kw_only=True):
    """Answer to ``Create2dAvatar``."""

    data: AvatarCodeData | None = None


class Create2dAvatar(Request[Create2dAvatarResult], frozen=True, kw_only=True):
    """Have a 2D avatar made from a video."""

    tenant_id: TenantId
    name: str
    description: str | None = None
    image: Image | None = None
    portrait: Portrait
    video: Video
    transparent: Annotated[bool, about("The video has an alpha channel.")]
    orientation: Orientation
    callback: Callback | None = None


class Update2dAvatarResult(Result, frozen=True, kw_only=True):
    """Answer to ``Update2dAvatar``."""

    data: AvatarCodeData | None = None


class Update2dAvatar(Request[Update2dAvatarResult], frozen=True, kw_only=True):
    """Change a 2D avatar; its video only after its making failed."""

    tenant_id: TenantId
    code: AvatarCode
    name: str | None = None
    description: str | None = None
    image: Image | None = None
    portrait: Portrait | None = None
    video: Video | None = None
    transparent: Annotated[bool, about("The video has an alpha channel.")] | None = None
    orientation: Orientation | None = None
    callback: Callback | None = None


class Resolution(Wire, frozen=True, kw_only=True):
    """A size of picture (pixels)."""

    width: int | None = None
    height: int | None = None
    desc: str | None = None


class SupportedResolutions(Wire, frozen=True, kw_only=True):
    """Sizes for videos (offline) and streams (online)."""

    offline: list[Resolution] | None = None
    online: list[Resolution] | None = None


class ListedAvatar(Wire, frozen=True, kw_only=True):
    """One avatar of a list."""

    code: str | None = None
    name: str | None = None
    image: Address | None = None
    portrait: Address | None = None
    description: str | None = None
    avatar_type: AvatarType | None = None
    model_type: ModelTypeShown | None = None
    supported_resolutions: SupportedResolutions | None = None
    make_status: MakeStatus | None = None
    make_fail_reason: str | None = None
    make_stage: MakeStage | None = None
    preview: Address | None = None


class QueryAvatarListData(Wire, frozen=True, kw_only=True):
    """Data of ``QueryAvatarList``: one page."""

    total_count: int | None = None
    page_no: int | None = None
    page_size: int | None = None
    total_page: int | None = None
    avatars: list[ListedAvatar] | None = msgspec.field(default=None, name="List")


class QueryAvatarListResult(Result, frozen=True, kw_only=True):
    """Answer to ``QueryAvatarList``."""

    data: QueryAvatarListData | None = None


class QueryAvatarList(Request[QueryAvatarListResult], frozen=True, kw_only=True):
    """List the account's avatars of one kind, in pages."""

    tenant_id: TenantId
    model_type: Annotated[Literal["2d", "3d"], about(meanings={"2d": "2D avatars", "3d": "3D avatars"})]
    page_no: Annotated[int, about("From 1.", ge=1, le=INT_MAX, default=1)] | None = None
    page_size: Annotated[Integer, about(default=10)] | None = None


class AvatarDetail(Wire, frozen=True, kw_only=True):
    """Data of ``QueryAvatar``."""

    name: str | None = None
    description: str | None = None
    portrait: Address | None = None
    image: Address | None = None
    all_locate_images: (
        Annotated[dict[str, Any], about("3D pictures by resolution, camera and angle.", secret=True)] | None
    ) = None
    supported_resolutions: SupportedResolutions | None = None
    model_type: ModelTypeShown | None = None
    avatar_type: AvatarType | None = None
    make_status: MakeStatus | None = None
    make_fail_reason: str | None = None
    make_stage: MakeStage | None = None
    preview: Address | None = None


class QueryAvatarResult(Result, frozen=True, kw_only=True):
    """Answer to ``QueryAvatar``."""

    data: AvatarDetail | None = None


class QueryAvatar(Request[QueryAvatarResult], frozen=True, kw_only=True):
    """Look one avatar up."""

    tenant_id: TenantId
    code: AvatarCode


class DeleteAvatarResult(Result, frozen=True, kw_only=True):
    """Answer to ``DeleteAvatar``; it carries no data."""


class DeleteAvatar(Request[DeleteAvatarResult], frozen=True, kw_only=True):
    """Delete an avatar."""

    tenant_id: TenantId
    code: AvatarCode


FAMILY: tuple[Operation[Any], ...] = (
    Operation(
        request=ConfirmAvatar2dTrain,
        result=ConfirmAvatar2dTrainResult,
        family="avatar",
        repeat=Repeat.NATURAL,
        plain_http=False,
    ),
    Operation(request=Create2dAvatar, result=Create2dAvatarResult, family="avatar", repeat=Repeat.UNSAFE),
    Operation(request=Update2dAvatar, result=Update2dAvatarResult, family="avatar", repeat=Repeat.NATURAL),
    Operation(
        request=QueryAvatarList,
        result=QueryAvatarListResult,
        family="avatar",
        methods=("POST", "GET"),
        repeat=Repeat.SAFE,
    ),
    Operation(
        request=QueryAvatar, result=QueryAvatarResult, family="avatar", methods=("POST", "GET"), repeat=Repeat.SAFE
    ),
    Operation(request=DeleteAvatar, result=DeleteAvatarResult, family="avatar", repeat=Repeat.NATURAL),
)
