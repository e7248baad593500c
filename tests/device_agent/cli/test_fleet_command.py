"""The tool of headquarters as a person or a script runs it: each as a process of its own, against a real harness."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import zxingcpp
from cryptography.hazmat.primitives.asymmetric import rsa
from PIL import Image

from certs import manifest, order
from device_agent.api.client import Client
from device_agent.api.retry import NEVER
from device_agent.cli.fleet.release import _release
from device_agent.config import Settings
from device_agent.fleet.journal import Journal, Plan
from device_agent.harness.packages.source import PackageSource
from device_agent.harness.serve import RunningHarness
from tests.commands import avatar_agent

PHRASE = "p4ss phrase ü"


class Desk:
    """Headquarters' folder and a device's beside it."""

    def __init__(self, folder: Path, harness: RunningHarness) -> None:
        self.folder, self.harness, ready = folder, harness, harness.ready
        self.settings = {
            "endpoint": ready.endpoint, "access_key_id": ready.access_key_id, "tenant_id": ready.tenant_id,
            "access_key_secret": ready.access_key_secret, "app_id": ready.app_id,
        }  # fmt: skip
        self.device = {
            **self.settings, "license_file": ready.license_file, "state_dir": str(folder / "state"),
            "cache_dir": str(folder / "cache"), "device_id": "kiosk-1",
        }  # fmt: skip
        (folder / "phrase").touch(mode=0o600)
        (folder / "phrase").write_text(PHRASE + "\n", encoding="utf-8")

    def environ(self, settings: dict[str, Any]) -> dict[str, str]:
        config = self.folder / "agent.toml"
        config.touch(mode=0o600)
        config.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in settings.items()))
        return {"PATH": os.environ["PATH"], "HOME": str(self.folder), "AVATAR_AGENT_CONFIG": str(config)}

    def run(self, *arguments: str, status: int = 0, device: bool = False) -> dict[str, Any]:
        done = self.plainly(*arguments, "--json", status=status, device=device)
        return dict(json.loads(done.stdout))

    def plainly(self, *arguments: str, status: int = 0, device: bool = False) -> subprocess.CompletedProcess[str]:
        environ = self.environ(self.device if device else self.settings)
        done = avatar_agent(*arguments, environ=environ, folder=self.folder)
        assert done.returncode == status, done.stderr
        assert PHRASE not in done.stdout + done.stderr
        return done

    def fleet(self, *arguments: str, status: int = 0) -> dict[str, Any]:
        return self.run("fleet", *arguments, status=status)

    def keygen(self, name: str) -> str:
        self.fleet("keygen", "--out", name, "--pass-file", "phrase")
        return str(self.folder / name / "operator.pem")

    def seats(self) -> list[Any]:
        return [seat["device_id"] for seat in self.harness.seats()]


@pytest.fixture(scope="module")
def fleet_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def desk(tmp_path: Path, fleet_key: rsa.RSAPrivateKey) -> Iterator[Desk]:
    package = PackageSource(code="CH", name="test", read=lambda: {"character.glb": b"x" * 9})
    with RunningHarness.start(avatars=[package], seats=4, keys=lambda: fleet_key) as harness:
        yield Desk(tmp_path, harness)


def test_an_order_on_a_stick_removes_its_device_and_no_other(desk: Desk) -> None:
    key = desk.keygen("op")
    desk.device |= {"order_keys": str(desk.folder / "op/operator.pub")}
    desk.run("bind", device=True)
    made = desk.fleet("order", "remove", "kiosk-1", "kiosk-2", "--key", key, "--pass-file", "phrase", "--out", "stick")
    sign = ("order", "remove", "kiosk-0", "kiosk-1", "--key", key, "--pass-file", "phrase", "--out", "stick")
    assert desk.fleet(*sign, status=3)["code"] == "fleet.file"
    assert not (desk.folder / "stick/kiosk-0.json").exists(), "all or none"
    refused = desk.run("unbind", "--order", made["files"]["kiosk-2"], device=True, status=4)
    assert refused["code"] == "order.device"
    assert desk.run("status", device=True)["phase"] == "bound"
    missing = desk.run("unbind", "--order", "none.json", device=True, status=3)
    assert missing["code"] == "order.file"
    done = desk.run("unbind", "--order", made["files"]["kiosk-1"], device=True)
    assert done["phase"] == "decommissioned"
    assert desk.seats() == []
    again = desk.run("unbind", "--order", made["files"]["kiosk-1"], device=True)
    assert again["nothing_to_do"]
    desk.run("bind", device=True)
    assert desk.run("unbind", "--order", made["files"]["kiosk-1"], device=True, status=4)["code"] == "order.replayed"


def test_an_order_without_keys_to_hold_it_to(desk: Desk) -> None:
    key = desk.keygen("op")
    desk.run("bind", device=True)
    made = desk.fleet("order", "remove", "kiosk-1", "--key", key, "--pass-file", "phrase", "--out", "o.json")
    assert made["files"] == {"kiosk-1": "o.json"}
    assert desk.run("unbind", "--order", "o.json", device=True, status=3)["code"] == "config.missing"
    assert desk.seats() == ["kiosk-1"]


def test_two_keys_sign_what_one_cannot(desk: Desk) -> None:
    keys = [desk.keygen("op"), desk.keygen("second")]
    both = b"".join(Path(key).with_suffix(".pub").read_bytes() for key in keys)
    (desk.folder / "both.pub").write_bytes(both)
    desk.fleet("order", "remove", "kiosk-1", "--key", keys[0], "--pass-file", "phrase", "--out", "o.json")
    refused = desk.plainly("fleet", "sign", "o.json", "--key", keys[1], "--pass-file", "phrase", status=2)
    assert "kiosk-1" in refused.stdout, "what is to be signed is shown first"
    assert "--yes" in refused.stderr
    told = desk.fleet("sign", "o.json", "--key", keys[1], "--pass-file", "phrase", "--yes")
    assert (told["kind"], len(told["signers"])) == ("order", 2)
    found = order.read_keys(both)
    assert order.verify((desk.folder / "o.json").read_bytes(), keys=found, now=datetime.now(UTC), threshold=2)
    (desk.folder / "a.zip").write_bytes(b"sealed")
    desk.fleet("manifest", "--key", keys[0], "--pass-file", "phrase", "--avatar", "CH=a.zip", "--version", "1",
               "--expires", "7d", "--out", "m.json")  # fmt: skip
    desk.fleet("sign", "m.json", "--key", keys[1], "--pass-file", "phrase", "--yes", "--out", "m2.json")
    data = (desk.folder / "m2.json").read_bytes()
    assert manifest.verify(data, keys=manifest.read_keys(both), now=datetime.now(UTC), threshold=2).version == 1


@pytest.mark.parametrize(
    "wrong",
    [["--rollout", "CH=0.1"], ["--before", "CH=a.zip"], ["--rollout", "X=0.1", "--before", "X=a.zip"],
     ["--rollout", "CH=2", "--before", "CH=a.zip"], ["--rollout", "CH=nan", "--before", "CH=a.zip"],
     ["--avatar", "CH=b.zip"], ["--avatar", "=b.zip"]],
)  # fmt: skip
def test_a_rollout_that_makes_no_sense_signs_nothing(desk: Desk, wrong: list[str]) -> None:
    (desk.folder / "a.zip").write_bytes(b"sealed")
    refused = desk.fleet(
        "manifest", "--key", "none", "--avatar", "CH=a.zip", "--version", "1", "--expires", "7d", "--out", "m", *wrong,
        status=2,
    )  # fmt: skip
    assert refused["code"] in ("usage.rollout", "usage.avatar")


def leave_by_force(desk: Desk, *more: str) -> dict[str, Any]:
    desk.run("bind", device=True)
    told = desk.run("unbind", "--accept-seat-leak", *more, device=True)
    assert desk.seats() == ["kiosk-1"]
    return dict(told["ticket"])


def test_a_ticket_from_a_picture_frees_the_seat(desk: Desk) -> None:
    leave_by_force(desk, "--ticket", "t.json", "--ticket-picture", "t.png", "--reason", "Straße 7")
    with Image.open(desk.folder / "t.png") as image:
        (found,) = zxingcpp.read_barcodes(image.convert("L"))
    assert found.text + "\n" == (desk.folder / "t.json").read_text()
    (desk.folder / "scanned.txt").write_text(found.text)
    shown = desk.plainly("fleet", "release", "--from", "scanned.txt", "--dry-run")
    for fact in (desk.harness.ready.endpoint, str(desk.harness.ready.tenant_id), desk.harness.ready.app_id, "kiosk-1"):
        assert fact in shown.stderr
    assert desk.fleet("release", "--from", "scanned.txt", status=2)["code"] == "usage.release", "nobody said yes"
    assert desk.seats() == ["kiosk-1"]
    told = desk.fleet("release", "--from", "scanned.txt", "--yes", "--no-wait", "--journal", "j")
    assert (told["released_once"], told["released_twice"], told["ok"]) == (1, 0, True)
    assert desk.seats() == []


def test_the_second_round_comes_later_and_frees_a_seat_that_was_taken_again(desk: Desk) -> None:
    desk.settings["late_window_s"] = 0
    desk.run("bind", device=True)
    desk.fleet("release", "kiosk-1", "--yes", "--no-wait", "--journal", "j")
    with_license = {**desk.device, "state_dir": str(desk.folder / "late"), "cache_dir": str(desk.folder / "late-c")}
    desk.device = with_license  # what a late request does: the same id takes a seat
    desk.run("bind", device=True)
    assert desk.seats() == ["kiosk-1"]
    told = desk.fleet("release", "--again", "--journal", "j", "--yes")
    assert (told["released_twice"], told["ok"]) == (1, True)
    assert desk.seats() == []
    (desk.folder / "devices.csv").write_text("site,device_id\nHall,kiosk-8\nDoor,kiosk-9\n")
    told = desk.fleet("release", "--from", "devices.csv", "--yes", "--rate", "20", "--journal", "k")
    assert (told["devices"], told["released_twice"], told["ok"]) == (2, 2, True), "not bound is no failure"


def test_what_is_of_somebody_else_is_not_sent(desk: Desk) -> None:
    ticket = leave_by_force(desk)
    for change in ({"tenant_id": 1}, {"endpoint": "https://else\x1b[2J.example"}):
        (desk.folder / "t.json").write_text(json.dumps({**ticket, **change}))
        refused = desk.fleet("release", "--from", "t.json", "--yes", status=2)
        assert refused["code"] == "fleet.other_account"
        assert refused["message"].isprintable()
    (desk.folder / "t.json").write_text(json.dumps([ticket, {**ticket, "tenant_id": 1}]))
    refused = desk.fleet("release", "--from", "t.json", "--yes", status=2)
    assert refused["code"] == "fleet.other_account", "also where the same id is one of ours"
    assert desk.fleet("release", "kiosk 1", "--yes", status=2)["code"] == "fleet.device_id"
    assert desk.fleet("release", "", "--yes", status=2)["code"] == "fleet.device_id"
    assert desk.fleet("release", "--yes", status=2)["code"] == "usage.device"
    assert desk.fleet("release", "--again", "--yes", status=2)["code"] == "usage.release"
    assert desk.harness.calls(operation="ClientUnbindDevice") == []
    assert desk.seats() == ["kiosk-1"]


def test_names_of_files_draw_nothing_on_the_screen(desk: Desk) -> None:
    (desk.folder / "a\x1b[2J.csv").write_text("device_id\nkiosk-1\n")
    shown = desk.plainly("fleet", "release", "--from", "a\x1b[2J.csv", "--dry-run").stderr
    assert "a\\x1b[2J.csv" in shown
    assert "\x1b" not in shown


def test_each_call_is_one_request_so_that_throttling_is_seen(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that tried again by itself would do so at its own pace, and be silent about it."""
    retries: list[object] = []

    def call(_client: Client, request: Any, *, retry: object = None) -> Any:
        retries.append(retry)
        return type("Answer", (), {"request_id": "R1"})()

    monkeypatch.setattr(Client, "call", call)
    settings = Settings.load(
        None, environ={f"AVATAR_AGENT_{name.upper()}": str(value) for name, value in desk.settings.items()},
        overrides={}, system_file=tmp_path / "none",
    )  # fmt: skip
    plan = Plan(tenant_id=7, endpoint="https://a", late_window_s=1.0, devices=["K1", "K2"])
    _release(Journal.begin(tmp_path / "j", plan), settings, rate=20.0, second=False, as_json=True)
    assert retries == [NEVER, NEVER]


def test_a_key_that_may_not_unbind_stops_it_and_the_journal_says_what_is_left(desk: Desk) -> None:
    desk.settings |= {"access_key_secret": "wrong", "late_window_s": 0}
    told = desk.fleet("release", "kiosk-1", "kiosk-2", "--yes", "--journal", "j", status=6)
    assert (told["ok"], told["released_once"]) == (False, 0)
    assert told["stopped"]["code"].startswith("SignatureDoesNotMatch")
    assert len(desk.harness.calls(operation="ClientUnbindDevice")) == 1
    desk.settings["access_key_secret"] = desk.harness.ready.access_key_secret
    told = desk.fleet("release", "--again", "--journal", "j", "--yes", "--rate", "20")
    assert (told["released_once"], told["released_twice"], told["ok"]) == (2, 2, True)
    desk.settings["tenant_id"] += 1
    assert desk.fleet("release", "--again", "--journal", "j", "--yes", status=2)["code"] == "fleet.other_account"


def at_a_terminal(desk: Desk, *arguments: str, answer: str = "", columns: int = 80, device: bool = False) -> str:
    """What a terminal shows of a command; ``answer`` is typed at once."""
    main, other = pty.openpty()
    settings = desk.device if device else desk.settings
    environ = {**desk.environ(settings), "COLUMNS": str(columns), "TERM": "xterm-256color", "LANG": "C.UTF-8"}
    with subprocess.Popen(
        [sys.executable, "-m", "device_agent.cli.main", *arguments], stdin=other, stdout=other, stderr=other,
        env=environ, cwd=desk.folder,
    ) as running:  # fmt: skip
        os.close(other)
        os.write(main, answer.encode())
        shown = b""
        while True:
            try:
                piece = os.read(main, 65536)
            except OSError:
                break
            if not piece:
                break
            shown += piece
        running.wait(60)
    os.close(main)
    return shown.decode()


def test_at_a_terminal_the_ticket_is_drawn_and_can_be_scanned(desk: Desk) -> None:
    import numpy as np

    desk.run("bind", device=True)
    shown = at_a_terminal(desk, "unbind", "--accept-seat-leak", device=True)
    cells = [re.findall(r"\x1b\[38;5;(\d+);48;5;(\d+)m\u2580", line) for line in shown.splitlines()]
    rows = [[cell[half] == "16" for cell in row] for row in cells if row for half in (0, 1)]
    pixels = np.kron(np.where(np.array(rows), 0, 255).astype(np.uint8), np.ones((4, 4), np.uint8))
    (found,) = zxingcpp.read_barcodes(pixels)
    assert found.text in shown, "the same text stands above it"
    assert json.loads(found.text)["device_id"] == "kiosk-1"


def test_a_narrow_terminal_says_so(desk: Desk) -> None:
    desk.run("bind", device=True)
    shown = at_a_terminal(desk, "unbind", "--accept-seat-leak", columns=40, device=True)
    assert "--ticket-picture" in shown
    assert "\u2580" not in shown


@pytest.mark.parametrize(("answer", "left"), [("n\n", 1), ("y\n", 0)])
def test_at_a_terminal_it_asks(desk: Desk, answer: str, left: int) -> None:
    desk.run("bind", device=True)
    shown = at_a_terminal(desk, "fleet", "release", "kiosk-1", "--no-wait", answer=answer)
    assert "Give these seats back? [y/N]" in shown
    assert shown.index("kiosk-1") < shown.index("[y/N]")
    assert len(desk.seats()) == left


def test_a_picture_of_another_kind_is_refused_before_anything_is_erased(desk: Desk) -> None:
    desk.run("bind", device=True)
    refused = desk.run("unbind", "--accept-seat-leak", "--ticket-picture", "t.jpg", device=True, status=2)
    assert refused["code"] == "usage.unbind"
    (desk.folder / "t.png").write_bytes(b"there already")
    refused = desk.run("unbind", "--accept-seat-leak", "--ticket-picture", "t.png", device=True, status=3)
    assert "nothing was erased" in refused["hint"]
    refused = desk.run("unbind", "--accept-seat-leak", "--ticket", "none/t.json", device=True, status=3)
    assert refused["code"] == "unbind.ticket"
    assert desk.run("status", device=True)["phase"] == "bound", "a service would go on with a leaving that has begun"
    svg = desk.run("unbind", "--accept-seat-leak", "--ticket-picture", "t.svg", "--reason", "x" * 3000, device=True)
    assert (desk.folder / "t.svg").read_bytes().startswith(b"<?xml")
    assert len(svg["ticket"]["reason"]) == 3000, "too long for the picture, not for the ticket"


def test_a_root_of_keys_from_its_first_version_to_a_device_that_follows_it(desk: Desk) -> None:
    """Two holders, one after another; then the key that signs lists is replaced, with no device touched."""
    harness, names = desk.harness, ("r1", "r2", "content", "spare", "order")
    keys = {name: desk.keygen(name) for name in names}
    pub = {name: keys[name].replace(".pem", ".pub") for name in names}
    phrase = ("--pass-file", "phrase")
    told = desk.fleet(
        "root", "new", "--root-key", pub["r1"], "--root-key", pub["r2"], "--root-threshold", "2", "--content-key",
        pub["content"], "--order-key", pub["order"], "--expires", "52w", "--key", keys["r1"], *phrase,
        "--out", "1.json",
    )  # fmt: skip
    assert (told["version"], told["own"]["missing"], told["complete"], told["days"]) == (1, 1, False, 363)
    assert "Missing: 1 more of its own root keys" in desk.plainly("fleet", "root", "show", "1.json").stdout
    desk.fleet("sign", "1.json", "--key", keys["r2"], *phrase, "--yes")
    assert "Complete" in desk.plainly("fleet", "root", "show", "1.json").stdout
    following = ("root", "next", "1.json", "--expires", "60w", "--key", keys["r1"], *phrase, "--out", "2.json")
    assert desk.fleet(*following, "--content-threshold", "2", status=2)["code"] == "usage.root"
    assert not (desk.folder / "2.json").exists()
    trial = (*following[:-1], "trial.json", "--root-key", pub["r2"], "--root-key", pub["r1"])
    assert desk.fleet(*trial)["roles"]["root"]["threshold"] == 2, "other keys are no reason to need fewer"
    assert desk.fleet(*trial[:-4], "--out", "one.json", "--root-threshold", "1")["roles"]["root"]["threshold"] == 1
    desk.fleet(*following, "--content-key", pub["spare"])
    assert desk.fleet(*following, status=3)["code"] == "fleet.file", "it is there already"
    shown = desk.plainly("fleet", "sign", "2.json", "--key", keys["content"], *phrase, "--yes", "--out", "wrong.json")
    assert "none of its own root keys" in shown.stdout
    desk.fleet("sign", "2.json", "--key", keys["r2"], *phrase, "--yes")
    told = desk.fleet("root", "show", "2.json", "--before", "1.json")
    assert (told["complete"], told["before"]["missing"], len(told["own"]["signed"])) == (True, 0, 2)
    shown = desk.plainly("fleet", "root", "show", "2.json", "--before", "1.json").stdout
    assert "root of v1" in shown
    assert "serve it as 2.json" in shown

    harness.sign_content()
    harness.root_keys()
    harness.warm()
    (package,) = harness.folder.rglob("*.zip")
    lists = ("manifest", "--avatar", f"CH={package}", "--expires", "7d", *phrase)
    desk.fleet(*lists, "--version", str(2**53), "--key", keys["content"], "--out", "stolen.json")
    desk.fleet(*lists, "--version", "6", "--key", keys["spare"], "--out", "good.json")
    desk.device |= {
        "root": str(desk.folder / "1.json"), "root_url": harness.ready.root_url,
        "content_manifest": harness.ready.content_manifest,
    }  # fmt: skip
    serve(harness, (desk.folder / "stolen.json").read_bytes())
    desk.run("bind", device=True)
    assert desk.run("fetch", "CH", device=True)["ok"]
    serve(harness, (desk.folder / "good.json").read_bytes())
    assert desk.run("fetch", "CH", device=True, status=7)["code"] == "manifest.signature"
    served = harness.folder / "roots/2.json"
    served.touch(mode=0o600)
    served.write_bytes((desk.folder / "2.json").read_bytes())
    shown = desk.plainly("fetch", "CH", device=True).stdout
    assert "version 2, until" in shown
    harness.fault("http_500", on="assets", times=1)
    assert "!!  root" in desk.plainly("fetch", "CH", device=True).stdout, "told, and it goes on"


def serve(harness: RunningHarness, data: bytes) -> None:
    async def served() -> bytes:
        return data

    harness._world.listing.signed = served  # type: ignore[union-attr, method-assign]


def test_a_root_names_every_role(desk: Desk) -> None:
    key = desk.keygen("op")
    pub = key.replace(".pem", ".pub")
    refused = desk.fleet("root", "new", "--root-key", pub, "--content-key", pub, "--expires", "1w", "--key", key,
                         "--out", "1.json", status=2)  # fmt: skip
    assert (refused["code"], refused["where"]) == ("usage.root", "--order-key")


def test_a_file_that_is_no_root_is_no_failure_of_a_network(desk: Desk) -> None:
    key = desk.keygen("op")
    made = desk.fleet("order", "remove", "kiosk-1", "--key", key, "--pass-file", "phrase", "--out", "o.json")
    order, root = made["files"]["kiosk-1"], "1.json"
    pub = str(desk.folder / "op/operator.pub")
    desk.keygen("r1")
    signing = ("--expires", "1w", "--key", str(desk.folder / "r1/operator.pem"), "--pass-file", "phrase", "--out")
    keys = ("--root-key", "r1/operator.pub", "--content-key", pub, "--order-key", pub)
    desk.fleet("root", "new", *keys, *signing, root)
    for command in (("show", order), ("show", root, "--before", order), ("next", order, *signing, "2.json")):
        refused = desk.fleet("root", *command, status=3)
        assert (refused["code"], refused["where"]) == ("root.form", order)
