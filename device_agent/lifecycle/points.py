"""Named points of a device's life at which power may fail: before and after every durable write and every remote act.

The program reports each point as it gets there. Nothing listens in use; the kill tests end the process at each one, and
fail when a point is listed here that no life passes.
"""

from __future__ import annotations

import enum
from collections.abc import Callable


class Point(enum.StrEnum):
    """Where a crash may happen."""

    RECORD_WRITE = "record.write"
    RECORD_WRITTEN = "record.written"
    SECRET_WRITE = "secret.write"  # noqa: S105 -- a name
    SECRET_WRITTEN = "secret.written"  # noqa: S105 -- a name
    KEY_WRITE = "key.write"
    KEY_WRITTEN = "key.written"
    CERTIFICATE_ASK = "certificate.ask"
    CERTIFICATE_ANSWERED = "certificate.answered"
    CERTIFICATE_KEPT = "certificate.kept"
    CERTIFICATE_USED = "certificate.used"
    CERTIFICATE_PROVEN = "certificate.proven"
    LICENSE_AUTH_SEND = "LicenseAuth.send"
    LICENSE_AUTH_ANSWERED = "LicenseAuth.answered"
    CLIENT_AUTH_SEND = "ClientAuth.send"
    CLIENT_AUTH_ANSWERED = "ClientAuth.answered"
    CLIENT_START_SEND = "ClientStart.send"
    CLIENT_START_ANSWERED = "ClientStart.answered"
    RENDER_3D_AVATAR_SEND = "Render3dAvatar.send"
    RENDER_3D_AVATAR_ANSWERED = "Render3dAvatar.answered"
    CLIENT_UNBIND_DEVICE_SEND = "ClientUnbindDevice.send"
    CLIENT_UNBIND_DEVICE_ANSWERED = "ClientUnbindDevice.answered"
    PACKAGE_FETCH = "package.fetch"
    PACKAGE_COMPLETE = "package.complete"
    PACKAGE_ACTIVE = "package.active"
    ROOT_ASK = "root.ask"
    ROOT_ANSWERED = "root.answered"
    ROOT_WRITE = "root.write"
    ROOT_WRITTEN = "root.written"
    ORDER_ASK = "order.ask"
    ORDER_ANSWERED = "order.answered"
    ERASE_KEY = "erase.key"
    ERASE_CONTENT = "erase.content"
    ERASE_SECRETS = "erase.secrets"
    ERASE_RECORD = "erase.record"


Reach = Callable[[Point], None]


def unwatched(_point: Point) -> None:
    """Nobody listens."""
