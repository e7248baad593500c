"""The stand-in over HTTPS."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509

from device_agent.harness.ready import write_settings
from device_agent.harness.serve import RunningHarness
from device_agent.harness.tls import server_files


def trusting(file: str) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=file)


def test_its_own_authority_vouches_for_it_and_nobody_else_does(tiny: Any, license_key: Any, tmp_path: Path) -> None:
    with RunningHarness.start(avatars=[tiny], keys=lambda: license_key, tls=True) as running:
        ready = running.ready
        assert ready.endpoint.startswith("https://127.0.0.1:")
        assert ready.im_url.startswith("wss://127.0.0.1:")
        assert Path(ready.ca_file).parent.parent == Path(ready.license_file).parent
        answer = httpx.post(ready.endpoint, verify=trusting(ready.ca_file))
        assert answer.json()["Code"] == "MissingAction"
        by_name = ready.endpoint.replace("127.0.0.1", "localhost")
        assert httpx.get(f"{by_name}/_harness/seats", verify=trusting(ready.ca_file)).json() == []
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            httpx.post(ready.endpoint)
        with pytest.raises(httpx.RemoteProtocolError):
            httpx.post(ready.endpoint.replace("https", "http"))
        settings = tmp_path / "agent.toml"
        write_settings(settings, ready)
        assert f'ca_file = "{ready.ca_file}"' in settings.read_text()


def test_without_it_nothing_speaks_of_it(tiny: Any, license_key: Any) -> None:
    with RunningHarness.start(avatars=[tiny], keys=lambda: license_key) as running:
        assert "ca_file" not in running.ready.line()


def test_the_authority_is_kept_and_its_key_is_private(tmp_path: Path) -> None:
    now = datetime(2026, 9, 21, tzinfo=UTC)
    first = server_files(tmp_path / "tls", host="127.0.0.1", now=now)
    authority, server = first.ca_file.read_bytes(), first.certificate.read_bytes()
    second = server_files(tmp_path / "tls", host="kiosk.example", now=now + timedelta(days=1))
    assert second.ca_file.read_bytes() == authority
    assert second.certificate.read_bytes() != server
    names = x509.load_pem_x509_certificate(second.certificate.read_bytes()).extensions
    told = names.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)
    assert told == ["localhost", "kiosk.example"]
    for file in (tmp_path / "tls").iterdir():
        assert file.stat().st_mode & 0o077 == 0, file
    later = server_files(tmp_path / "tls", host="127.0.0.1", now=now + timedelta(days=3600))
    assert later.ca_file.read_bytes() != authority
