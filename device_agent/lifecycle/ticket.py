"""The ticket of a seat that nobody may have given back: for whoever runs the fleet, as text, file or picture."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass


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
        """One line of JSON, pure ASCII: what is printed, written to a file, and in the picture."""
        return json.dumps(asdict(self), separators=(",", ":"))
