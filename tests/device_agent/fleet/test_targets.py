"""Which devices are meant: tables as spreadsheets write them, tickets as devices leave them; else nothing is sent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from device_agent.errors import ConfigurationError, UsageError
from device_agent.fleet.targets import by_hand, from_file, merged
from device_agent.lifecycle.ticket import OrphanTicket

TICKET = OrphanTicket(device_id="A1", tenant_id=7, app_id="app", endpoint="https://a", ordered_at=1.0, reason="späť")
SECOND = OrphanTicket(device_id="B2", tenant_id=7, app_id="app", endpoint="https://a", ordered_at=2.0)


def ids(tmp_path: Path, text: str, encoding: str = "utf-8") -> list[str]:
    file = tmp_path / "devices.txt"
    file.write_bytes(text.encode(encoding))
    return [target.device_id for target in from_file(file)]


@pytest.mark.parametrize(
    "text",
    ["device_id\nA1\nB2\n", "site,device_id,note\r\nHall,A1,x\r\nDoor,B2,\r\n", "Device_ID;site\nA1;Hall\nB2;Door\n",
     "site\tdevice_id\n1\tA1\n2\tB2\n", '"device_id"\n"A1"\n\n" B2 "\n',
     'note,device_id\r\n"a ""b"", c",A1\r\n"two\r\nlines",B2\r\n', "device_id, site\nA1, 'Hall\nB2, x\n",
     '"site, city";device_id\nx;A1\n"y;z";B2\n', "'site',device_id\nO'Hara,A1\nx,B2\n",
     TICKET.text() + "\n" + SECOND.text() + "\n",
     f"[{TICKET.text()},\n {SECOND.text()}]"],
)  # fmt: skip
def test_both_devices_are_found(tmp_path: Path, text: str) -> None:
    assert ids(tmp_path, text) == ["A1", "B2"]
    assert ids(tmp_path, text, "utf-8-sig") == ["A1", "B2"]


def test_a_ticket_says_whose_seat_it_is(tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text(TICKET.text())
    (target,) = from_file(tmp_path / "t.json")
    assert (target.tenant_id, target.app_id, target.endpoint) == (7, "app", "https://a")
    assert TICKET.text().isascii()
    both = merged([*by_hand(["A1", "C3", "A1"]), target])
    assert [(one.device_id, one.tenant_id) for one in both] == [("A1", 7), ("C3", 0)]


@pytest.mark.parametrize(
    ("text", "code"),
    [("", "fleet.targets"), ("device_id\n", "fleet.targets"), ("id\nA1\n", "fleet.targets"),
     ("x" * 140_000, "fleet.targets"),
     ("device_id,DEVICE_ID\nA1,B2\n", "fleet.targets"), ('device_id,x\nA1,"\nB2,y\n', "fleet.targets"),
     ("{}", "fleet.targets"),
     ("[]", "fleet.targets"), ("{" * 3000, "fleet.targets"), ("[" * 90_000, "fleet.targets"),
     (TICKET.text() + "\nrubbish", "fleet.targets"), ("device_id,site\nA1,x\n,y\n", "fleet.device_id"),
     ("device_id\nA 1\n", "fleet.device_id"), ("device_id\n" + "A" * 65, "fleet.device_id"),
     ("device_id\nA\x1b[2J\n", "fleet.device_id"), ("device_id\nÄ\n", "fleet.device_id"),
     (json.dumps({**json.loads(TICKET.text()), "device_id": ""}), "fleet.device_id")],
)  # fmt: skip
def test_one_that_is_no_good_stops_them_all(tmp_path: Path, text: str, code: str) -> None:
    with pytest.raises((ConfigurationError, UsageError)) as caught:
        ids(tmp_path, text)
    assert caught.value.code == code
    assert str(caught.value).isprintable()


def test_no_text_and_no_file(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"\xff\xfe\x00")
    for name, code in (("x", "fleet.targets"), ("none", "fleet.file"), (".", "fleet.file")):
        with pytest.raises(ConfigurationError) as caught:
            from_file(tmp_path / name)
        assert caught.value.code == code


def test_ten_thousand_rows_with_repeats_are_each_device_once(tmp_path: Path) -> None:
    rows = [f"K{number % 9_000:05}" for number in range(10_000)]
    file = tmp_path / "d.csv"
    file.write_text("device_id,n\n" + "".join(f"{row},{number}\n" for number, row in enumerate(rows)))
    assert [one.device_id for one in merged(from_file(file))] == rows[:9_000]
