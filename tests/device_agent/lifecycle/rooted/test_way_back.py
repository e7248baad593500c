"""The way back from a version number that the thief of a key has set too high, and no other way back."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from device_agent.harness.signing_key import public_pem
from device_agent.lifecycle.points import Point
from tests.device_agent.lifecycle.conftest import CODE, Kiosk

from .conftest import C1, C2, O2, YEAR, Headquarters, fetch, refused

HIGHEST = 2**53


def test_keys_unchanged_never_back(kiosk: Kiosk, hq: Headquarters) -> None:
    hq.lists(HIGHEST)
    assert fetch(kiosk) == (1, HIGHEST)
    hq.serves_root(2, expires=datetime.now(UTC) + 2 * YEAR, order=(O2,))
    hq.lists(6)
    assert refused(kiosk) == "manifest.older"
    with kiosk.engine() as engine:
        assert engine.record.content.manifest_version == HIGHEST


def test_a_key_that_was_added_brings_no_older_list_back(kiosk: Kiosk, hq: Headquarters) -> None:
    hq.lists(6)
    fetch(kiosk)
    hq.serves_root(2, content=(C1, C2))
    for key in (C1, C2):
        hq.lists(5, by=key)
        assert refused(kiosk) == "manifest.older"
    hq.lists(7, by=C2)
    assert fetch(kiosk) == (2, 7)
    hq.serves_root(3, content=(C2,))
    hq.lists(1, by=C2)
    assert fetch(kiosk) == (3, 1), "the one that went may have signed number 7"


def test_a_fleet_comes_back_from_the_highest_version_when_the_stolen_key_is_replaced(
    kiosk: Kiosk, hq: Headquarters
) -> None:
    hq.lists(HIGHEST)
    fetch(kiosk)
    hq.lists(7)
    assert refused(kiosk) == "manifest.older"
    hq.serves_root(2, content=(C2,))
    hq.lists(HIGHEST, by=C1)
    assert refused(kiosk) == "manifest.signature", "nor does the thief"
    hq.lists(7, by=C2)
    assert fetch(kiosk) == (2, 7)
    hq.lists(6, by=C2)
    assert refused(kiosk) == "manifest.older", "and from then on never back again"


def test_more_keys_are_needed_is_a_way_back_too(kiosk: Kiosk, hq: Headquarters) -> None:
    hq.serves_root(2, content=(C1, C2))
    hq.lists(HIGHEST)
    fetch(kiosk)
    hq.serves_root(3, content=(C1, C2), content_threshold=2)
    hq.lists(7)
    assert refused(kiosk) == "manifest.signature"
    hq.lists(7, also=C2)
    assert fetch(kiosk) == (3, 7)


def test_the_way_back_is_there_also_when_power_fails_between_root_and_record(kiosk: Kiosk, hq: Headquarters) -> None:
    hq.lists(HIGHEST)
    fetch(kiosk)
    hq.serves_root(2, content=(C2,))
    hq.lists(7, by=C2)

    def fails(point: Point) -> None:
        if point is Point.ROOT_WRITTEN:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), kiosk.engine(reach=fails) as engine:
        engine.fetch(CODE)
    with kiosk.engine() as engine:
        assert engine.record.root is not None
        assert engine.record.root.version == 1
    (hq.folder / "2.json").unlink()
    assert fetch(kiosk) == (2, 7)


def test_a_record_of_before_keeps_its_version(kiosk: Kiosk, hq: Headquarters) -> None:
    hq.lists(6)
    fetch(kiosk)
    with kiosk.engine() as engine:
        content = msgspec.structs.replace(engine.record.content, manifest_keys=(), manifest_threshold=0)
        engine._device.journal.write(engine.record.changed(content=content, root=None))
    hq.lists(5)
    assert refused(kiosk) == "manifest.older"


def test_other_keys_in_the_settings_are_a_way_back_without_a_root(kiosk: Kiosk, hq: Headquarters) -> None:
    keys = kiosk.folder.parent / "content.pub"
    for name in ("root", "root_url"):
        del kiosk.overrides[name]
    kiosk.overrides["content_keys"] = str(keys)
    keys.write_bytes(public_pem(C1))
    hq.lists(HIGHEST)
    with kiosk.engine() as engine:
        engine.bind()
        engine.fetch(CODE)
    keys.write_bytes(public_pem(C1) + public_pem(C2))
    hq.lists(7, by=C2)
    assert refused(kiosk) == "manifest.older"
    keys.write_bytes(public_pem(C2))
    with kiosk.engine() as engine:
        engine.fetch(CODE)
        assert engine.record.content.manifest_version == 7
