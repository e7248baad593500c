"""Settings: who wins, where each came from, and what is refused."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path

import pytest

from device_agent.config import Secret, Settings
from device_agent.errors import ConfigurationError, UsageError

CANARY = "CANARY-Zx81-secret"


def load(tmp_path: Path, toml: str = "", *, mode: int = 0o600, **given: dict[str, str]) -> Settings:
    file = tmp_path / "agent.toml"
    file.write_text(toml, encoding="utf-8")
    file.chmod(mode)
    return Settings.load(file, environ=given.get("environ", {}), overrides=given.get("overrides", {}))


def test_option_beats_environment_beats_file_beats_default(tmp_path: Path) -> None:
    toml = 'app_id = "file"\ndevice_type = "file"\ntenant_id = 7\n'
    settings = load(
        tmp_path,
        toml,
        environ={"AVATAR_AGENT_APP_ID": "env", "AVATAR_AGENT_DEVICE_TYPE": "env"},
        overrides={"app_id": "option"},
    )
    assert (settings.app_id, settings.device_type, settings.tenant_id, settings.timeout_s) == ("option", "env", 7, 30.0)
    assert settings.where("app_id") == "option --app-id"
    assert settings.where("device_type") == "environment AVATAR_AGENT_DEVICE_TYPE"
    assert settings.where("tenant_id") == f"file {tmp_path / 'agent.toml'}"
    assert settings.where("timeout_s") == "default"
    assert settings.endpoint == "https://avatar.cn-zhangjiakou.aliyuncs.com"


def test_text_sources_may_hold_numbers_and_lists(tmp_path: Path) -> None:
    settings = load(
        tmp_path, environ={"AVATAR_AGENT_TENANT_ID": "9007199254740993", "AVATAR_AGENT_SEAT_FULL_CODES": "A, B"}
    )
    assert settings.tenant_id == 9007199254740993
    assert settings.seat_full_codes == ("A", "B")


def test_codes_for_full_seats_may_be_expressions(tmp_path: Path) -> None:
    text = r"A, /seats? (?:are|is){0,1} x/, /^Quota\.[A-Z]{2,9},/ ,B"
    settings = load(tmp_path, environ={"AVATAR_AGENT_SEAT_FULL_CODES": text.replace("(?:are|is){0,1} x", "x{0,1}")})
    assert settings.seat_full_codes == ("A", "/seats? x{0,1}/", r"/^Quota\.[A-Z]{2,9},/", "B")
    assert load(tmp_path, r"seat_full_codes = ['/full \(\d+\)*/']").seat_full_codes == (r"/full \(\d+\)*/",)


@pytest.mark.parametrize(
    "entry",
    ["/(/", "//", "/[/", "/(a+)+$/", "/(?:a|a)*b/", "/(a*){9}/", r"/(a)\1/", "/(?P<q>a)(?P=q)/", "/a*a*a*b/",
     "/" + "a?" * 21 + "/", "/" + "(a|b)" * 21 + "/", "/" + "a" * 201 + "/"],
)  # fmt: skip
def test_an_expression_that_is_none_or_may_take_for_ever_is_refused_when_it_is_read(tmp_path: Path, entry: str) -> None:
    """Not when the platform is asked: then it would stand between a device and its seat."""
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path, f"seat_full_codes = ['1001', '{entry}']")
    assert "seat_full_codes" in caught.value.message
    assert "regular expression" in caught.value.hint


def test_paths_in_the_file_are_beside_the_file(tmp_path: Path) -> None:
    settings = load(tmp_path, 'license_file = "license.json"\nstate_dir = "/var/lib/x"\n', overrides={"cache_dir": "c"})
    assert settings.license_file == tmp_path / "license.json"
    assert settings.state_dir == Path("/var/lib/x")
    assert settings.cache_dir == Path("c")


def test_default_file_is_the_user_s_then_the_system_s(tmp_path: Path) -> None:
    system = tmp_path / "system.toml"
    system.write_text('app_id = "system"', encoding="utf-8")
    environ = {"XDG_CONFIG_HOME": str(tmp_path / "xdg"), "HOME": str(tmp_path)}
    assert Settings.load(None, environ=environ, overrides={}, system_file=system).app_id == "system"
    user = tmp_path / "xdg" / "avatar-agent" / "config.toml"
    user.parent.mkdir(parents=True)
    user.write_text('app_id = "user"', encoding="utf-8")
    assert Settings.load(None, environ=environ, overrides={}, system_file=system).app_id == "user"


def test_folders_follow_systemd_then_the_desktop(tmp_path: Path) -> None:
    def folders(**environ: str) -> tuple[Path, Path]:
        settings = Settings.load(None, environ=environ, overrides={}, system_file=tmp_path / "none")
        return settings.state_dir, settings.cache_dir

    assert folders(HOME="/h") == (Path("/h/.local/state/avatar-agent"), Path("/h/.cache/avatar-agent"))
    assert folders(STATE_DIRECTORY="/a:/b", CACHE_DIRECTORY="/c", HOME="/h") == (Path("/a"), Path("/c"))


def test_a_secret_on_the_command_line_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        load(tmp_path, overrides={"access_key_secret": CANARY})
    assert caught.value.code == "config.secret_in_argv"
    assert CANARY not in str(caught.value)


def test_a_secret_in_a_file_that_everybody_reads_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="chmod 600") as caught:
        load(tmp_path, f'access_key_secret = "{CANARY}"', mode=0o644)
    assert CANARY not in str(caught.value)
    settings = load(tmp_path, f'access_key_secret = "{CANARY}"', mode=0o600)
    assert settings.access_key_secret == Secret(CANARY)


@pytest.mark.parametrize(
    ("toml", "code", "words"),
    [
        ('endpiont = "x"', "config.unknown", "did you mean endpoint?"),
        ('tenant_id = "seven"', "config.value", "whole number"),
        ("tenant_id = true", "config.value", "tenant_id"),
        ("app_id = ?", "config.toml", "at line 1, column 10"),
        ("license_file = 3", "config.value", "license_file"),
        ('license_file = "~nobody.is.called.so/l"', "config.value", "license_file"),
        ('ca_files = {"a.example" = "~nobody.is.called.so/l"}', "config.value", "ca_files"),
        ("timeout_s = []", "config.value", "number of seconds"),
        ("timeout_s = 0", "config.value", "timeout_s"),
        ("timeout_s = nan", "config.value", "timeout_s"),
        ("connect_timeout_s = -1", "config.value", "connect_timeout_s"),
        ("offline_budget_s = inf", "config.value", "offline_budget_s"),
        ("cache_quota_bytes = -1", "config.value", "not negative"),
        ("health_port = 70000", "config.value", "health_port"),
        (f'tenant_id = "{CANARY}"', "config.value", "tenant_id"),
        (f"access_key_secret = ['{CANARY}']", "config.value", "access_key_secret"),
    ],
)
def test_bad_files_say_what_and_where_and_never_a_value(tmp_path: Path, toml: str, code: str, words: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path, toml)
    assert caught.value.code == code
    assert words in str(caught.value)
    assert str(tmp_path / "agent.toml") in str(caught.value)
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize("kind", ["pipe", "folder", "device", "long"])
def test_a_settings_file_is_a_plain_file(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "agent.toml"
    if kind == "pipe":
        os.mkfifo(file)
    elif kind == "folder":
        file.mkdir()
    elif kind == "device":
        file = Path("/dev/zero")
    else:
        file.write_text("#" * (1024 * 1024 + 1), encoding="ascii")
    with pytest.raises(ConfigurationError, match=kind) as caught:
        Settings.load(file, environ={}, overrides={})
    assert caught.value.code == "config.file"
    assert caught.value.where == str(file)


def test_the_longest_settings_file(tmp_path: Path) -> None:
    assert load(tmp_path, "app_id = 'a'\n".ljust(1024 * 1024, "#")).app_id == "a"


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("AVATAR_AGENT_TENNANT_ID", "AVATAR_AGENT_TENANT_ID"),
        ("AVATAR_AGENT_LICENCE_FILE", "AVATAR_AGENT_LICENSE_FILE"),
        ("AVATAR_AGENT_LICENSE", "AVATAR_AGENT_LICENSE_FILE"),
        ("AVATAR_AGENT_ENDPONT", "AVATAR_AGENT_ENDPOINT"),
        ("AVATAR_AGENT_ACCESS_KEY", "AVATAR_AGENT_ACCESS_KEY_ID"),
        ("AVATAR_AGENT_CONFIGS", "AVATAR_AGENT_CONFIG"),
    ],
)
def test_a_misspelt_variable_is_refused_as_in_a_file(tmp_path: Path, variable: str, meant: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path, environ={variable: CANARY})
    assert (caught.value.code, caught.value.where) == ("config.unknown", f"environment {variable}")
    assert caught.value.hint == f"did you mean {meant}?"
    assert CANARY not in str(caught.value)


def test_a_misspelt_variable_is_shown_on_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path, environ={"AVATAR_AGENT_TENANT\x1b\n_ID": "1"})
    assert caught.value.code == "config.unknown"
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "variable",
    [
        "AVATAR_AGENT_SERVICE_HOST",
        "AVATAR_AGENT_SERVICE_PORT",
        "AVATAR_AGENT_PORT",
        "AVATAR_AGENT_PORT_80_TCP_ADDR",
        "AVATAR_AGENT_TRACEBACK",
        "AVATAR_AGENT_METADATA",
    ],
)
def test_what_others_put_there_is_no_slip(tmp_path: Path, variable: str) -> None:
    load(tmp_path, environ={variable: "tcp://10.0.0.7:80"})
    load(tmp_path, environ={"AVATAR_AGENT_TENNANT_ID": ""})


def test_a_named_file_must_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Settings.load(tmp_path / "none.toml", environ={}, overrides={})
    assert caught.value.code == "config.file"


def test_a_secret_never_shows(tmp_path: Path) -> None:
    settings = load(tmp_path, f'access_key_secret = "{CANARY}"')
    shown = [repr(settings), str(settings), str(list(settings.shown())), f"{settings.access_key_secret}"]
    assert all(CANARY not in text for text in shown)
    secret = Secret(CANARY)
    assert CANARY not in f"{secret!r} {secret} {secret:>40} {[secret]}"
    assert secret.reveal() == CANARY
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    with pytest.raises(TypeError):
        json.dumps(secret)
    assert secret == Secret(CANARY)
    assert secret != Secret("other")
    assert not Secret("")


def test_a_port_that_is_none_is_told_what_a_port_is(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path, "health_port = 70000")
    assert "65535" in caught.value.hint
