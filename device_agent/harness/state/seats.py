"""Licences and the seats taken under them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

from device_agent.harness.refusal import BAD_PARAMETER, NO_ACCESS, BusinessRefusal
from device_agent.harness.rules import SeatRules
from device_agent.harness.state.accounts import Caller
from device_agent.harness.state.store import Store

LicenseState = Literal["active", "expired", "released", "cancelled"]

_ENDED = {
    "expired": ("10020001", "the order has ended"),
    "released": ("10020005", "the order was released seven days after its end"),
    "cancelled": ("10020006", "the order was cancelled"),
}


@dataclass(frozen=True, kw_only=True)
class KnownLicense:
    """A licence as the platform keeps it: everything but its text."""

    license_id: int
    tenant_id: int
    app_id: str
    public_key: str
    seats: int
    state: str


class Seats:
    """Issue licences, admit devices, give seats back."""

    def __init__(self, *, store: Store) -> None:
        self._store = store

    def add_license(self, text: str, *, tenant_id: int, app_id: str, public_key: str, seats: int, file: str) -> int:
        """Know a licence from now on; its id. ``public_key`` is PEM."""
        return self._store.insert(
            "INSERT INTO licenses (app_id, tenant_id, digest, public_key, seats, file) VALUES (?, ?, ?, ?, ?, ?)",
            (app_id, tenant_id, _digest(text), public_key, seats, file),
        )

    def set_state(self, license_id: int, state: LicenseState) -> bool:
        """Let a licence end, or live again; False when there is none of that id."""
        return self._store.run("UPDATE licenses SET state = ? WHERE license_id = ?", (state, license_id)) == 1

    def license_of(self, text: str, *, tenant_id: int, app_id: str) -> KnownLicense:
        """The licence with this text, good for this application.

        Raises:
            BusinessRefusal: 10010003 for an unknown licence or one of another application; 10020001, 10020005 or
                10020006 for one that has ended.
        """
        found = self._license("digest = ?", (_digest(text.strip()),))
        if found is None:
            raise BusinessRefusal(NO_ACCESS, "no access: License is not a licence of this platform")
        if (found.tenant_id, found.app_id) != (tenant_id, app_id):
            raise BusinessRefusal(NO_ACCESS, "no access: License was issued for another application")
        if found.state in _ENDED:
            raise BusinessRefusal(*_ENDED[found.state])
        return found

    def note_license(self, caller: Caller, known: KnownLicense) -> None:
        """Remember which licence a caller last showed: Render3dAvatar names none and must wrap a key for one."""
        self._store.run(
            "UPDATE access_keys SET license_id = ? WHERE access_key_id = ?", (known.license_id, caller.name)
        )

    def license_for(self, caller: Caller, *, app_id: str) -> KnownLicense:
        """The licence to wrap a content key for: the one the caller last showed, else the application's first.

        Raises:
            BusinessRefusal: the application has no licence, or its licence has ended.
        """
        shown = self._store.value("SELECT license_id FROM access_keys WHERE access_key_id = ?", (caller.name,))
        found = self._license("license_id = ? AND app_id = ?", (shown, app_id)) or self._license(
            "app_id = ? ORDER BY license_id LIMIT 1", (app_id,)
        )
        if found is None:
            raise BusinessRefusal("10010005", "the service was not bought: the application has no licence")
        if found.state in _ENDED:
            raise BusinessRefusal(*_ENDED[found.state])
        return found

    def take(
        self,
        known: KnownLicense,
        *,
        device_id: str,
        device_type: str,
        device_info: str | None,
        now: float,
        rules: SeatRules,
    ) -> None:
        """Bind a device, or find it bound.

        Raises:
            BusinessRefusal: every seat is taken (``rules.full_code``).
        """
        taken = self._store.value("SELECT count(*) FROM seats WHERE license_id = ?", (known.license_id,))
        bound = self._store.value(
            "SELECT count(*) FROM seats WHERE license_id = ? AND device_id = ?", (known.license_id, device_id)
        )
        full = taken >= known.seats
        if bound and rules.repeat == "free" and not (full and rules.full_and_bound == "refused"):
            return
        if full and not (bound and rules.full_and_bound == "admitted"):
            raise BusinessRefusal(rules.full_code, f"every seat of the licence is taken ({taken} of {known.seats})")
        if full:
            return
        self._store.run(
            "INSERT INTO seats (license_id, tenant_id, device_id, device_type, device_info, bound_at)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (known.license_id, known.tenant_id, device_id, device_type, device_info, now),
        )

    def give_back(self, *, tenant_id: int, device_id: str, rules: SeatRules) -> None:
        """Release every seat of a device.

        Raises:
            BusinessRefusal: 10010002 when it has none and the rules make that an error.
        """
        gone = self._store.run("DELETE FROM seats WHERE tenant_id = ? AND device_id = ?", (tenant_id, device_id))
        if not gone and rules.unknown_unbind == "error":
            raise BusinessRefusal(BAD_PARAMETER, "DeviceId names no bound device")

    def check_bound(self, *, app_id: str, rules: SeatRules) -> None:
        """An application none of whose devices has a seat may be refused.

        Raises:
            BusinessRefusal: 10010003.
        """
        if rules.after_unbind == "refused" and not self._store.value(
            "SELECT 1 FROM seats JOIN licenses USING (license_id) WHERE app_id = ? LIMIT 1", (app_id,)
        ):
            raise BusinessRefusal(NO_ACCESS, "no access: no device of this application is bound")

    def held(self) -> list[dict[str, object]]:
        """Every seat that is taken, oldest first."""
        return [
            dict(row)
            for row in self._store.all(
                "SELECT seats.license_id, seats.tenant_id, app_id, device_id, device_type, device_info, bound_at"
                " FROM seats JOIN licenses USING (license_id) ORDER BY seat_id"
            )
        ]

    def licenses(self) -> list[dict[str, object]]:
        """Every licence with its seats, oldest first."""
        return [
            dict(row)
            for row in self._store.all(
                "SELECT license_id, tenant_id, app_id, seats, state, file,"
                " (SELECT count(*) FROM seats WHERE seats.license_id = licenses.license_id) AS taken"
                " FROM licenses ORDER BY license_id"
            )
        ]

    def _license(self, where: str, parameters: tuple[object, ...]) -> KnownLicense | None:
        row = self._store.one(f"SELECT * FROM licenses WHERE {where}", parameters)  # noqa: S608 -- conditions of ours
        if row is None:
            return None
        return KnownLicense(
            license_id=row["license_id"],
            tenant_id=row["tenant_id"],
            app_id=row["app_id"],
            public_key=row["public_key"],
            seats=row["seats"],
            state=row["state"],
        )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
