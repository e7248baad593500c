"""All readers of what others wrote, by name."""

from __future__ import annotations

from collections.abc import Mapping

from tests.fuzz import (
    answers,
    assets,
    certificates,
    documents,
    drive,
    http1,
    packages,
    pictures,
    record,
    redaction,
    settings,
    tpm,
)
from tests.fuzz.target import Target

TARGETS: Mapping[str, Target] = {
    name: target
    for group in (
        record,
        tpm,
        settings,
        documents,
        certificates,
        http1,
        answers,
        drive,
        packages,
        redaction,
        pictures,
        assets,
    )
    for name, target in group.TARGETS.items()
}
