"""``avatar-agent api``: any operation from the command line."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from device_agent.harness.packages.source import PackageSource
from device_agent.harness.ready import write_settings
from device_agent.harness.serve import RunningHarness
from device_agent.spec.operations import OPERATIONS
from tests.commands import avatar_agent

FILES = {"character.glb": b"glTF", "character.config.json": b"{}"}


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningHarness, Path]]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    package = PackageSource(code="CH_1", name="test", read=lambda: FILES)
    with RunningHarness.start(avatars=[package], seats=2, keys=lambda: key) as running:
        config = tmp_path_factory.mktemp("api") / "agent.toml"
        write_settings(config, running.ready)
        yield running, config


def run(config: Path, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    environ = {"PATH": os.environ["PATH"], "HOME": str(config.parent), "AVATAR_AGENT_CONFIG": str(config)}
    return avatar_agent("api", *arguments, environ=environ, stdin=stdin)


def test_without_a_name_all_are_listed(tmp_path: Path) -> None:
    done = run(tmp_path / "none")
    assert done.returncode == 0
    assert [line.split()[0] for line in done.stdout.splitlines()] == list(OPERATIONS)


def test_every_operation_is_described(tmp_path: Path) -> None:
    done = run(tmp_path / "none", "SubmitTextTo3DAvatarVideoTask", "--describe")
    assert done.returncode == 0
    for word in ("Title  (a text of at most 64 characters; required)", "SubtitleStyle", "1080x1920", "from 36 to 72"):
        assert word in done.stdout


def test_the_settings_fill_in_who_calls(harness: tuple[RunningHarness, Path]) -> None:
    _, config = harness
    done = run(config, "LicenseAuth")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["Data"]["Token"]
    done = run(config, "Render3dAvatar", "--param", "Code=CH_1")
    assert json.loads(done.stdout)["Success"] is True


def test_parameters_come_from_a_file_or_stdin_too(harness: tuple[RunningHarness, Path]) -> None:
    running, config = harness
    auth = {"DeviceId": "d-1", "DeviceType": "largeScreen"}
    (config.parent / "p.json").write_text(json.dumps(auth), encoding="ascii")
    assert run(config, "ClientAuth", "--json", str(config.parent / "p.json")).returncode == 0
    assert [seat["device_id"] for seat in running.seats()] == ["d-1"]
    done = run(config, "ClientUnbindDevice", "--json", "-", stdin='{"DeviceId": "d-1"}')
    assert done.returncode == 0, done.stderr
    assert running.seats() == []


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["LicenceAuth"], 2, "did you mean LicenseAuth?"),
        (["Render3dAvatar"], 2, "Code is needed"),
        (["Render3dAvatar", "-p", "Code=nope"], 6, "10010002"),
        (["Render3dAvatar", "-p", "Cod=nope"], 2, "no parameter Cod"),
        (["Render3dAvatar", "-p", "Code"], 2, "Name=Value"),
        (["StartInstance", "-p", "TextRequest.Volum=5"], 2, "no parameter TextRequest.Volum "),
        (["StartInstance", "-p", 'TextRequest={"Volum": 5}'], 2, "TextRequest.PitchRate, TextRequest.SpeechRate"),
        (["DuplexDecision", "-p", 'DialogContext={"Histories": [{"Who": "x"}]}'], 2,
         "no parameter DialogContext.Histories.Who"),
        (["StartInstance", "-p", "TextRequest.Volume=101"], 2, "it must be a whole number from 0 to 100 "),
        (["StartInstance", "-p", "TextRequest.Volume=loud"], 2, "it must be a whole number from 0 to 100 "),
        (["StartInstance", "-p", "CommandRequest.Locate=7"], 2, "one of 0, 1, 2, 3, 4, 5, 6"),
        (["StartInstance", "-p", "TenantId=1.5"], 2, "a whole number of 64 bits"),
        (["DuplexDecision", "-p", 'CustomKeywords=["12345678901"]'], 2, "a text of at most 10 characters"),
        (["SendText", "-p", "SessionId=gone", "-p", "Text=t", "-p", "UniqueCode=u"], 6, "start another session"),
        (["ClientUnbindDevice"], 2, "DeviceId is needed"),
        (["LicenseAuth", "-p", "License=CANARY"], 2, "not accepted on the command line"),
        (["QueryVideoTaskInfo", "-p", "PageSize=101"], 2, "PageSize"),
        (["SubmitTextTo3DAvatarVideoTask", "-p", "Title=t", "-p", "Text=t", "-p", "VideoInfo.Resolution=9"], 2,
         "VideoInfo.Resolution"),
        (["DuplexDecision", "-p", "CustomKeywords=no"], 2, "CustomKeywords takes JSON"),
        (["StartInstance", "-p", "App=1", "-p", "App.AppId=1"], 2, "App"),
        (["StartInstance", "--json", "/nowhere.json"], 2, "cannot be read"),
        (["StartInstance", "--json", "/dev/zero"], 2, "no plain file"),
        (["StartInstance", "-p", "BizId=@/dev/zero"], 2, "no plain file"),
        (["StartInstance", "--json", "-"], 2, "not a JSON object"),
    ],
)  # fmt: skip
def test_wrong_use_is_told_in_one_line(
    harness: tuple[RunningHarness, Path], arguments: list[str], status: int, says: str
) -> None:
    done = run(harness[1], *arguments)
    assert done.returncode == status, done.stderr
    (line,) = done.stderr.splitlines()
    assert says in line
    assert "CANARY" not in line
