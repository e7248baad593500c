"""The ticket of a seat that nobody may have given back: for whoever runs the fleet, as text, file or picture."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec


@dataclass(frozen=True, kw_only=True)
class OrphanTicket:
    """Names a seat that nobody may have given back, to whoever runs the fleet; holds no secret."""

    device_id: str
    tenant_id: int
    app_id: str
    endpoint: str
    ordered_at: float
    reason: str = ""

    def text(self) -> str:
        """One line of JSON: what is printed, written to a file, and in the picture."""
        return msgspec.json.encode(self).decode()
