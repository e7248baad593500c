"""The whole display on a virtual screen, beside a real engine: what people would see."""

from __future__ import annotations

import io
import os
import re
import select
import signal
from pathlib import Path

import pytest
from PIL import Image

from device_agent.display.notes import read
from renderer.assets.repack import package_files
from renderer.sample import sample_avatar
from tests.device_agent.display.conftest import Display, Site

pytestmark = pytest.mark.gl


def in_memory(pid: int, wanted: bytes) -> bool:
    """Whether bytes are anywhere in what a process can write to."""
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            found = re.match(r"([0-9a-f]+)-([0-9a-f]+) rw", line)
            if found is None or "/dev/" in line:
                continue
            start, end = (int(part, 16) for part in found.groups())
            try:
                memory.seek(start)
                if wanted in memory.read(end - start):
                    return True
            except (OSError, OverflowError):
                continue
    return False


def another_version() -> dict[str, bytes]:
    """The sample avatar before a green wall."""
    files = package_files(sample_avatar(), name="sample")
    wall = Image.new("RGB", (64, 64), (20, 160, 60))
    buffer = io.BytesIO()
    wall.save(buffer, "PNG")
    return {**files, "background.png": buffer.getvalue()}


def test_a_device_s_life_on_its_screen(site: Site, display: Display) -> None:
    display.until(lambda report: report["scene"] == "setup" and report["drawn"] > 0)

    first = site.bind()
    shown = display.until(lambda report: report["avatar"] == first)

    second = site.publish(another_version())
    assert second != first
    after = display.until(lambda report: report["avatar"] == second)
    changed = display.until(lambda report: report["drawn"] > after["drawn"])
    red, green, _ = changed["colour"]
    assert green > red + 60, "the wall is green now"
    assert max(shown["colour"]) - min(shown["colour"]) < 30, "and was grey"
    between = [report["avatar"] for report in display.reports[display.reports.index(shown) :]]
    assert set(between) == {first, second}, "there was always an avatar on the screen"

    with site.engine() as engine:
        engine.offline(engine._device.settings.offline_budget_s + 1.0, boot="b")
    display.until(lambda report: report["scene"] == "offline")
    with site.engine() as engine:
        engine.start()
    display.until(lambda report: report["avatar"] == second)

    with site.engine() as engine:
        engine.unbind()
    display.until(lambda report: report["scene"] == "removed" and report["avatar"] == "")
    assert all(report["black"] == 0 for report in display.reports)


def test_a_package_that_cannot_be_drawn_leaves_the_old_picture(site: Site, display: Display) -> None:
    good = site.bind()
    display.until(lambda report: report["avatar"] == good)
    bad = site.publish({**another_version(), "character.glb": b"glTF but not really"})
    display.until(lambda report: any(line.get("sha256") == bad for line in display.says()), turns=20000)
    drawn = display.reports[-1]["drawn"]
    last = display.until(lambda report: report["drawn"] > drawn + 5)
    assert last["avatar"] == good
    (told,) = [line for line in display.says() if line.get("sha256") == bad]
    assert (told["event"], told["code"], told["stays"]) == ("avatar cannot be shown", "glb.version", True)

    display.kill()
    display.start()
    display.until(lambda report: report["avatar"] == good, turns=20000)
    assert "glb.version" in [line.get("code") for line in display.says()], "a new process knows it, and why"


def test_an_avatar_that_the_display_dies_of_gives_way_to_the_one_before(site: Site, display: Display) -> None:
    good = site.bind()
    display.until(lambda report: report["avatar"] == good)
    deadly = site.publish(another_version())
    display.until(lambda report: report["avatar"] == deadly)
    for _ in range(2):
        display.kill()
        display.start()
        display.until(lambda report: report["avatar"] == deadly)
    display.kill()
    display.start()
    display.until(lambda report: report["avatar"] == good)
    assert "display.crash_loop" in [line.get("code") for line in display.says()]

    healed = site.publish(package_files(sample_avatar(), name="healed"))
    assert healed not in (good, deadly)
    display.until(lambda report: report["avatar"] == healed)
    assert all(report["black"] == 0 for report in display.reports)


def test_a_driver_that_begins_anew_leaves_card_and_avatar_on_the_screen(site: Site, display: Display) -> None:
    def again(times: int) -> None:
        display.lose_context()
        lost = display.until(lambda report: report["lost"] == times)
        display.until(lambda report: report["drawn"] > lost["drawn"])

    card = display.until(lambda report: report["drawn"] > 0)
    again(1)
    assert display.reports[-1]["colour"] == card["colour"]
    good = site.bind()
    display.until(lambda report: report["avatar"] == good)
    again(2)
    assert display.reports[-1]["avatar"] == good
    assert all(report["black"] == 0 for report in display.reports)


def test_a_removal_by_force_is_no_seat_given_back(site: Site, display: Display) -> None:
    good = site.bind()
    display.until(lambda report: report["avatar"] == good)
    with site.engine() as engine:
        engine.abandon(keep=lambda ticket: None)
    display.until(lambda report: report["scene"] == "removed-by-force" and report["avatar"] == "")


def test_what_draws_has_no_key_and_cannot_get_one(site: Site, display: Display) -> None:
    """What takes the display over, by an avatar, has that avatar and nothing else of this device."""
    good = site.bind()
    display.until(lambda report: report["avatar"] == good)
    assert display.says()[0]["event"] == "display confined"
    settings = site.settings()
    licence = Path(site.harness.ready.license_file)
    (sealed,) = settings.cache_dir.rglob("*.sealed")
    opener = display.opener()
    hidden = [
        site.config, licence, sealed, settings.state_dir / "state.0", *(settings.state_dir / "secrets").iterdir(),
        Path(f"/proc/{opener}/mem"), Path(f"/proc/{os.getpid()}/mem"),
    ]  # fmt: skip
    assert len(hidden) > 6
    reached = display.reaches(*hidden, Path("/proc/self/mem"), Path(__file__))
    assert {path: how for path, how in reached.items() if how != "PermissionError"} == {
        Path("/proc/self/mem"): "OSError",  # may be opened; nothing is mapped at its start
        Path(__file__): "1 bytes",
    }

    assert settings.access_key_secret is not None
    access_key, text = settings.access_key_secret.reveal().encode(), licence.read_bytes()
    some_of_it = text[len(text) // 2 :][:40]
    assert not in_memory(display.process.pid, access_key)
    assert not in_memory(display.process.pid, some_of_it)
    assert in_memory(os.getpid(), some_of_it), "the search finds what is there"
    if os.geteuid() == 0:  # nobody else may look into the opener
        assert in_memory(opener, access_key)


def test_settings_that_move_the_device_elsewhere_start_the_display_anew(site: Site, display: Display) -> None:
    """What was not hidden at the start cannot be hidden later: the new state folder's keys would be in reach."""
    display.until(lambda report: report["drawn"] > 0)
    elsewhere = site.folder.parent / "elsewhere"
    site.config.write_text(site.config.read_text().replace(f'"{site.folder}/state"', f'"{elsewhere}"'))
    assert display.process.stdout is not None
    display.process.stdout.read()
    assert display.process.wait(30) != 0
    assert "the settings name other folders" in display.log.read_text()


def test_a_display_whose_opener_has_died_ends(site: Site, display: Display) -> None:
    good = site.bind()
    display.until(lambda report: report["avatar"] == good)
    assert read(site.run).starts
    os.kill(display.opener(), signal.SIGKILL)
    assert display.process.stdout is not None
    display.process.stdout.read()
    assert display.process.wait(30) != 0
    assert "has ended, or hangs" in display.log.read_text()
    assert read(site.run).starts == {}, "no avatar is to blame"


def test_the_opener_ends_with_the_display(site: Site, display: Display) -> None:
    display.until(lambda report: report["drawn"] > 0)
    opener = Path(f"/proc/{display.opener()}")
    ended = os.pidfd_open(int(opener.name))
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        os.kill(int(opener.name), number)  # as when the service manager tells all of its processes at once
    site.bind()
    display.until(lambda report: report["avatar"] != "")
    display.kill()
    assert select.select([ended], [], [], 30)[0]
    os.close(ended)
