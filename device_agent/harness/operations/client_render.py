"""Drawing on the device: licence, seat, session, what to draw, and giving the seat back."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from device_agent.harness.operations.call import Answer, Call, Handler
from device_agent.harness.refusal import EMPTY_PARAMETER, BusinessRefusal
from device_agent.harness.state.seats import KnownLicense
from device_agent.harness.world import World
from device_agent.spec.client_render import (
    ClientAuth,
    ClientStart,
    ClientUnbindDevice,
    LicenseAuth,
    Render3dAvatar,
)


def license_auth(world: World, call: Call[LicenseAuth]) -> Answer:
    """A licence for a token."""
    _known(world, call, call.request)
    return Answer(data={"Token": world.ids.token(64)})


def client_auth(world: World, call: Call[ClientAuth]) -> Answer:
    """A seat for a device."""
    request = call.request
    known = _known(world, call, request)
    world.seats.take(
        known,
        device_id=request.device_id,
        device_type=request.device_type,
        device_info=request.device_info,
        now=call.now,
        rules=world.rules,
    )
    return Answer()


def client_start(world: World, call: Call[ClientStart]) -> Answer:
    """A session's token."""
    request = call.request
    world.accounts.admit(call.caller, tenant_id=request.tenant_id, app_id=request.app_id)
    world.seats.check_bound(app_id=request.app_id, rules=world.rules)
    world.seats.license_for(call.caller, app_id=request.app_id)
    token = world.channels.issue(tenant_id=call.caller.tenant_id, app_id=request.app_id)
    return Answer(data={"ImToken": token})


def render_3d_avatar(world: World, call: Call[Render3dAvatar]) -> Answer:
    """Where the avatar's package is, and its key."""
    request = call.request
    world.accounts.admit(call.caller, tenant_id=request.tenant_id, app_id=request.app_id)
    world.seats.check_bound(app_id=request.app_id, rules=world.rules)
    known = world.seats.license_for(call.caller, app_id=request.app_id)
    data = world.shelf.render_data(request.code, tenant_id=known.tenant_id, known=known, origin=world.origin)
    return Answer(data={"RenderData": data})


def client_unbind_device(world: World, call: Call[ClientUnbindDevice]) -> Answer:
    """The seat back.

    The platform lists both parameters as optional. What it does without them is not documented; here it refuses,
    because the other reading would empty every seat of a tenant.
    """
    request = call.request
    for name, value in (("TenantId", request.tenant_id), ("DeviceId", request.device_id)):
        if not value:
            raise BusinessRefusal(EMPTY_PARAMETER, f"a parameter is empty: {name}")
    world.accounts.admit(call.caller, tenant_id=request.tenant_id)
    world.seats.give_back(tenant_id=call.caller.tenant_id, device_id=request.device_id or "", rules=world.rules)
    return Answer()


def _known(world: World, call: Call[LicenseAuth] | Call[ClientAuth], request: LicenseAuth | ClientAuth) -> KnownLicense:
    world.accounts.admit(call.caller, tenant_id=request.tenant_id, app_id=request.app_id)
    known = world.seats.license_of(request.license, tenant_id=request.tenant_id, app_id=request.app_id)
    world.seats.note_license(call.caller, known)
    return known


HANDLERS: Mapping[str, Handler] = MappingProxyType(
    {
        "LicenseAuth": license_auth,
        "ClientAuth": client_auth,
        "ClientStart": client_start,
        "Render3dAvatar": render_3d_avatar,
        "ClientUnbindDevice": client_unbind_device,
    }
)
