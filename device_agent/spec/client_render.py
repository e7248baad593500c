"""Drawing on the device itself: licence, seat, session, what to draw, and giving the seat back."""

from __future__ import annotations

from typing import Annotated, Any

from device_agent.spec.fields import AppId, AvatarCode, Secret, TenantId
from device_agent.spec.operation import Operation, Repeat
from device_agent.spec.wire import Request, Result, Wire, about


class LicenseAuthData(Wire, frozen=True, kw_only=True):
    """Data of ``LicenseAuth``."""

    token: Secret | None = None


class LicenseAuthResult(Result, frozen=True, kw_only=True):
    """Answer to ``LicenseAuth``."""

    data: LicenseAuthData | None = None


class LicenseAuth(Request[LicenseAuthResult], frozen=True, kw_only=True):
    """Trade the licence for the token that a renderer on the device works with."""

    tenant_id: TenantId
    app_id: AppId
    license: Annotated[str, about("Bare text of the licence file.", secret=True)]


class ClientAuthResult(Result, frozen=True, kw_only=True):
    """Answer to ``ClientAuth``; it carries no data."""


class ClientAuth(Request[ClientAuthResult], frozen=True, kw_only=True):
    """Admit one device under a licence: this is what takes the seat."""

    tenant_id: TenantId
    app_id: AppId
    license: Annotated[str, about("Bare text of the licence file.", secret=True)]
    device_id: str
    device_type: Annotated[str, about("Free text; the only value the platform shows is largeScreen.")]
    device_info: Annotated[str, about("A JSON object about the device.", json_text=True)] | None = None


class ClientStartData(Wire, frozen=True, kw_only=True):
    """Data of ``ClientStart``."""

    im_token: Secret | None = None


class ClientStartResult(Result, frozen=True, kw_only=True):
    """Answer to ``ClientStart``."""

    data: ClientStartData | None = None


class ClientStart(Request[ClientStartResult], frozen=True, kw_only=True):
    """Open a session and get the token of the channel that drives the avatar."""

    tenant_id: TenantId
    app_id: AppId


class Render3dAvatarData(Wire, frozen=True, kw_only=True):
    """Data of ``Render3dAvatar``."""

    render_data: (
        Annotated[str, about("A JSON object: where the package lies and its key.", json_text=True, secret=True)] | None
    ) = None


class Render3dAvatarResult(Result, frozen=True, kw_only=True):
    """Answer to ``Render3dAvatar``."""

    data: Render3dAvatarData | None = None


class Render3dAvatar(Request[Render3dAvatarResult], frozen=True, kw_only=True):
    """Learn what to draw for a 3D avatar: address and wrapped key of its package."""

    tenant_id: TenantId
    app_id: AppId
    code: AvatarCode


class ClientUnbindDeviceResult(Result, frozen=True, kw_only=True):
    """Answer to ``ClientUnbindDevice``; it carries no data."""


class ClientUnbindDevice(Request[ClientUnbindDeviceResult], frozen=True, kw_only=True):
    """Give a device's seat back.

    The platform lists both parameters as optional and does not say what happens without them; our client always sends
    both.
    """

    tenant_id: TenantId | None = None
    device_id: str | None = None


FAMILY: tuple[Operation[Any], ...] = (
    Operation(
        request=ClientUnbindDevice,
        result=ClientUnbindDeviceResult,
        family="client-render",
        repeat=Repeat.NATURAL,
        plain_http=False,
        demanded=("TenantId", "DeviceId"),
    ),
    Operation(
        request=Render3dAvatar,
        result=Render3dAvatarResult,
        family="client-render",
        repeat=Repeat.SAFE,
        plain_http=False,
    ),
    Operation(
        request=ClientStart,
        result=ClientStartResult,
        family="client-render",
        repeat=Repeat.UNSAFE,
        plain_http=False,
    ),
    Operation(
        request=ClientAuth,
        result=ClientAuthResult,
        family="client-render",
        repeat=Repeat.NATURAL,
        plain_http=False,
    ),
    Operation(request=LicenseAuth, result=LicenseAuthResult, family="other", repeat=Repeat.SAFE),
)
