"""The file that keeps the followed roots: whoever writes, loses or ages it gains no key and no older root."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from certs.errors import RootError
from device_agent.lifecycle import root_chain
from device_agent.lifecycle.machine import Phase
from device_agent.service.finding import Level
from tests.device_agent.lifecycle.conftest import CODE, Kiosk
from tests.stand_in_tpm import StandInTpm

from .conftest import C1, C2, THIEF, Headquarters, chain_file, fetch, finding, refused


def thief_s_chain(hq: Headquarters) -> bytes:
    return b"[" + hq.root(2, by=(THIEF,), root=(THIEF,), content=(THIEF,)) + b"]"


WRITTEN: dict[str, Callable[[Headquarters], bytes]] = {
    "the thief's own chain": thief_s_chain,
    "a link by the right keys that is none": lambda hq: b"[" + hq.root(3, content=(THIEF,)) + b"]",
    "nothing": lambda _hq: b"",
    "zeros": lambda _hq: b"\x00" * 900,
    "no documents": lambda _hq: b"[1, {}]",
    "too deep": lambda _hq: b"[" * 9999,
    "too long": lambda _hq: b" " * (root_chain.LIMIT + 1),
}


@pytest.mark.parametrize("written", WRITTEN.values(), ids=WRITTEN)
def test_who_writes_the_file_gains_no_key_and_the_chain_is_followed_again(
    kiosk: Kiosk, hq: Headquarters, written: Callable[[Headquarters], bytes]
) -> None:
    hq.serves_root(2, content=(C2,))
    hq.lists(5, by=C2)
    fetch(kiosk)
    good = chain_file(kiosk).read_bytes()
    chain_file(kiosk).write_bytes(written(hq))
    assert root_chain.load(kiosk.settings()).damaged
    hq.lists(6, by=THIEF)
    assert refused(kiosk) == "manifest.signature"
    assert chain_file(kiosk).read_bytes() == good
    chain_file(kiosk).write_bytes(written(hq))
    hq.lists(6, by=C2)
    assert fetch(kiosk) == (2, 6)
    assert not root_chain.load(kiosk.settings()).damaged


def test_a_lost_file_is_no_way_back_to_an_older_root(kiosk: Kiosk, hq: Headquarters) -> None:
    hq.serves_root(2, content=(C2,))
    hq.lists(5, by=C2)
    fetch(kiosk)
    chain_file(kiosk).unlink()
    (hq.folder / "2.json").rename(hq.folder / "aside")
    hq.lists(6, by=C1)
    assert refused(kiosk) == "root.lost"
    assert finding(kiosk).level is Level.BAD
    hq.lists(6, by=C2)
    hq.first.write_bytes((hq.folder / "aside").read_bytes())
    assert fetch(kiosk) == (2, 6), "the newest one in the settings heals it"


def test_a_sealed_record_keeps_the_file_s_thief_from_going_back(kiosk: Kiosk, hq: Headquarters, tmp_path: Path) -> None:
    chip = StandInTpm()
    with chip.serving(tmp_path / "tpm") as path:
        kiosk.tpm = path
        hq.lists(5)
        fetch(kiosk)
        before = {file: file.read_bytes() for file in kiosk.settings().state_dir.glob("*") if file.is_file()}
        hq.serves_root(2, content=(C2,))
        hq.lists(6, by=C2)
        fetch(kiosk)
        (hq.folder / "2.json").unlink()
        hq.lists(6, by=C1)
        for file in kiosk.settings().state_dir.glob("*.json"):
            file.write_bytes(before.get(file, b"[]"))
        assert refused(kiosk) == "root.lost"


def test_two_roots_of_one_version_are_told(kiosk: Kiosk, hq: Headquarters) -> None:
    hq.serves_root(2, content=(C2,))
    hq.lists(5, by=C2)
    fetch(kiosk)
    chain_file(kiosk).write_bytes(b"[" + hq.root(2, content=(THIEF,)) + b"]")
    hq.lists(6, by=THIEF)
    assert refused(kiosk) == "root.changed"


def test_a_newer_root_in_the_settings_leaves_out_what_is_older(kiosk: Kiosk, hq: Headquarters) -> None:
    for version in (2, 3):
        hq.serves_root(version)
    hq.lists(5)
    fetch(kiosk)
    hq.first.write_bytes((hq.folder / "2.json").read_bytes())
    chain = root_chain.load(kiosk.settings())
    assert ([root.version for root in chain.links], chain.damaged) == ([3], False)
    for version in (2, 3):
        (hq.folder / f"{version}.json").unlink()
    assert fetch(kiosk) == (3, 5)


def test_another_root_in_the_settings_is_the_operator_s_word(kiosk: Kiosk, hq: Headquarters) -> None:
    """All root keys are lost: every device is given a new root, whose versions begin again."""
    hq.serves_root(2)
    hq.lists(5)
    fetch(kiosk)
    hq.first.write_bytes(hq.root(1, root=(THIEF,), by=(THIEF,)))
    (hq.folder / "2.json").unlink()
    assert fetch(kiosk) == (1, 5)
    assert not root_chain.load(kiosk.settings()).damaged


def test_what_was_followed_outlives_the_device(kiosk: Kiosk, hq: Headquarters) -> None:
    hq.serves_root(2, content=(C2,))
    hq.lists(5, by=C2)
    fetch(kiosk)
    with kiosk.engine() as engine:
        engine.unbind()
        assert engine.record.phase is Phase.DECOMMISSIONED
    chain_file(kiosk).unlink()
    (hq.folder / "2.json").unlink()
    hq.lists(6, by=C1)
    with kiosk.engine() as engine:
        engine.bind()
        with pytest.raises(RootError) as caught:
            engine.fetch(CODE)
        assert caught.value.code == "root.lost"
