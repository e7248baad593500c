"""A licence file that was put in the place of another: whoever renewed it does not have to tell the service as well."""

from __future__ import annotations

from certs.errors import LicenseError
from certs.license import License
from device_agent.config import Settings
from device_agent.lifecycle.machine import NEXT, Act, Phase
from device_agent.lifecycle.record import Record


class LicenseWatch:
    """The licence file as it was when this device last asked with it; what is remembered may be lost."""

    def __init__(self) -> None:
        self._asked_with = ""

    def asks(self, settings: Settings) -> None:
        """The device is about to ask with what is in the file now."""
        self._asked_with = _fingerprint(settings)

    def is_new(self, settings: Settings, record: Record) -> bool:
        """Whether there is another one by now, and the device waits for one. One that is damaged is none.

        A service that has not asked yet goes by the licence that the record names: it is the one that was refused.
        """
        if NEXT[record.phase] not in (Act.PROVISION, Act.BIND):
            return False
        if record.phase is Phase.SEAT_FULL:  # seats are not the file's affair
            return False
        return _fingerprint(settings) not in ("", self._asked_with or record.license_fp)


def _fingerprint(settings: Settings) -> str:
    if settings.license_file is None:
        return ""
    try:
        return License.load(settings.license_file).fingerprint
    except LicenseError:
        return ""
