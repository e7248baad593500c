"""The folder of secrets as doctor sees it."""

from __future__ import annotations

from pathlib import Path

from device_agent.lifecycle.vault import Vault


def test_a_vault_is_empty_until_something_is_kept_and_after_it_has_gone(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "state")
    seen = [vault.is_empty()]
    vault.put_license("x")
    seen.append(vault.is_empty())
    for path in (tmp_path / "state").rglob("*"):
        if path.is_file():
            path.unlink()
    seen.append(vault.is_empty())
    vault.erase()
    assert [*seen, vault.is_empty()] == [True, False, True, True]
