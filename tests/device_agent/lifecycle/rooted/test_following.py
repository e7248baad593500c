"""A root of keys is followed link by link, and the keys come from the newest."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from certs.errors import PrivateFileError
from device_agent.lifecycle import root_chain
from tests.device_agent.lifecycle.conftest import CODE, Kiosk

from .conftest import C1, C2, THIEF, Headquarters, chain_file, fetch, refused


def test_the_keys_come_from_the_root_and_change_with_it(kiosk: Kiosk, hq: Headquarters) -> None:
    hq.lists(5)
    assert fetch(kiosk) == (1, 5)
    hq.lists(6, by=C2)
    assert refused(kiosk) == "manifest.signature"
    hq.serves_root(2, content=(C2,))
    assert fetch(kiosk) == (2, 6)
    hq.lists(7, by=C1)
    assert refused(kiosk) == "manifest.signature", "the old key signs nothing any more"
    (hq.folder / "2.json").unlink()
    hq.lists(7, by=C2)
    assert fetch(kiosk) == (2, 7), "it is kept here"
    assert "manifest" not in chain_file(kiosk).read_text()


def test_several_roots_are_followed_one_by_one_also_over_those_that_are_over(kiosk: Kiosk, hq: Headquarters) -> None:
    for version in (2, 3):
        hq.serves_root(version, expires=datetime.now(UTC) - timedelta(days=9), content=(THIEF,))
    hq.serves_root(4, content=(C2,))
    hq.lists(5, by=C2)
    assert fetch(kiosk) == (4, 5)
    assert hq.asked() == ["2.json", "3.json", "4.json", "5.json"]


def test_a_root_that_cannot_be_kept_is_not_used(
    kiosk: Kiosk, hq: Headquarters, monkeypatch: pytest.MonkeyPatch
) -> None:
    hq.lists(5)
    fetch(kiosk)
    hq.serves_root(2, content=(C2,))
    hq.lists(6, by=C2)

    def full(*_: object) -> None:
        raise PrivateFileError("the disk is full", code="file.full")

    with monkeypatch.context() as patched, kiosk.engine() as engine:
        patched.setattr(root_chain, "write_private", full)
        with pytest.raises(PrivateFileError):
            engine.fetch(CODE)
        assert engine.record.content.manifest_version == 5
    assert fetch(kiosk) == (2, 6)


def test_a_chain_has_an_end(kiosk: Kiosk, hq: Headquarters, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(root_chain, "MOST_LINKS", 2)
    for version in (2, 3, 4):
        hq.serves_root(version)
    hq.lists(5)
    assert fetch(kiosk) == (3, 5)
    hq.first.write_bytes((hq.folder / "3.json").read_bytes())
    assert fetch(kiosk) == (4, 5), "a newer one in the settings makes room"


def test_without_an_address_the_root_in_the_settings_counts_alone(kiosk: Kiosk, hq: Headquarters) -> None:
    del kiosk.overrides["root_url"]
    hq.serves_root(2, content=(C2,))
    hq.lists(5)
    assert fetch(kiosk) == (1, 5)
    assert hq.asked() == []
