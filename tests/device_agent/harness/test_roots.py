"""``avatar-agent harness serve --root``: a root of keys to try without a cloud, from what the command wrote."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import httpx

from certs.root import first, follow
from tests.commands import avatar_agent

from .commands import agent, package, start


def test_a_life_with_an_office_a_list_and_a_root(tmp_path: Path) -> None:
    settings, data = tmp_path / "agent.toml", tmp_path / "data"
    serve = ("--avatar", str(package(tmp_path)), "--data", str(data), "--settings", str(settings))
    process = start(*serve, "--office", "--manifest", "--root")
    try:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        written = tomllib.loads(settings.read_text())
        assert {"content_keys", "order_keys"} & set(written) == set()
        assert (written["root"], written["root_url"]) == (ready["root"], ready["root_url"])
        one = first(Path(ready["root"]).read_bytes())
        assert (one.version, one.claims.tenant_id) == (1, ready["tenant_id"])
        assert agent(tmp_path, "bind")["phase"] == "bound"
        agent(tmp_path, "fetch", "CH_3d_tiny")
        assert httpx.get(ready["root_url"].replace("{version}", "2")).status_code == 404
        roots = data / "roots"
        for place in (roots, data):
            (place / "secret.json").touch(mode=0o600)
        for name in ("root-key.pem", "secret.json", "..%2Fsecret.json", "1.json/x"):
            answer = httpx.get(ready["root_url"].replace("{version}.json", name))
            assert answer.status_code == 404, "what is no root in that folder is nobody's to fetch"
        done = avatar_agent(
            "fleet", "root", "next", str(roots / "1.json"), "--key", str(roots / "root-key.pem"), "--expires", "60w",
            "--out", str(tmp_path / "2.json"), environ={"PATH": "/usr/bin", "HOME": str(tmp_path)},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        served = roots / "2.json"
        served.touch(mode=0o600)
        served.write_bytes((tmp_path / "2.json").read_bytes())
        assert follow(one, httpx.get(ready["root_url"].replace("{version}", "2")).content).version == 2
        steps = agent(tmp_path, "fetch", "CH_3d_tiny")["steps"]
        assert next(step["result"] for step in steps if step["step"] == "root").startswith("version 2")
    finally:
        process.terminate()
        process.communicate(timeout=30)


def test_a_root_alone_is_kept_over_a_restart(tmp_path: Path) -> None:
    folder, found = package(tmp_path), []
    for _ in range(2):
        process = start("--avatar", str(folder), "--data", str(tmp_path / "data"), "--root")
        try:
            assert process.stdout is not None
            found.append(Path(json.loads(process.stdout.readline())["root"]).read_bytes())
        finally:
            process.terminate()
            process.communicate(timeout=30)
    assert found[0] == found[1]
