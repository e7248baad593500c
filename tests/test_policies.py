"""The policies that operators are given allow what the program calls, and nothing else."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from device_agent.spec.operations import OPERATIONS

ROOT = Path(__file__).resolve().parent.parent
POLICIES = ROOT / "docs" / "policies"


def allowed(name: str) -> set[str]:
    policy = json.loads((POLICIES / name).read_text(encoding="utf-8"))
    assert policy["Version"] == "1"
    (statement,) = policy["Statement"]
    assert set(statement) == {"Effect", "Action", "Resource"}
    assert statement["Effect"] == "Allow"
    assert all(re.fullmatch("avatar:[A-Za-z0-9]+", action) for action in statement["Action"]), "no wildcard"
    return {action.removeprefix("avatar:") for action in statement["Action"]}


def called_by_a_device() -> set[str]:
    """Every operation whose request the lifecycle makes, read from its source."""
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "device_agent/lifecycle").glob("*.py"))
    return {name for name in OPERATIONS if re.search(rf"\b{name}\(", source)}


def test_a_device_may_do_what_it_does_but_unbind() -> None:
    assert called_by_a_device() == {
        "LicenseAuth", "ClientAuth", "ClientStart", "Render3dAvatar", "ClientUnbindDevice",
    }  # fmt: skip
    assert allowed("device.json") == called_by_a_device() - {"ClientUnbindDevice"}


def test_the_office_may_unbind_and_nothing_else() -> None:
    assert allowed("office.json") == {"ClientUnbindDevice"}


@pytest.mark.parametrize("name", [path.name for path in sorted(POLICIES.glob("*.json"))])
def test_every_policy_is_explained(name: str) -> None:
    assert f"[{name}]({name})" in (POLICIES / "README.md").read_text(encoding="utf-8")
