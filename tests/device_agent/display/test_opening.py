"""A package is opened from what lies on the disk, or it is said why not."""

from __future__ import annotations

import pytest

from certs.errors import CertError
from device_agent.display.loader import may_change
from device_agent.display.opening import open_files
from device_agent.errors import AgentError
from tests.device_agent.display.conftest import CODE, Site


def test_a_package_and_what_is_none(site: Site) -> None:
    sha256 = site.bind()
    settings = site.settings()

    def open_(sha256: str) -> dict[str, bytes]:
        return open_files(settings.state_dir, settings.cache_dir, code=CODE, sha256=sha256)

    def refused(sha256: str) -> str:
        with pytest.raises((AgentError, CertError)) as caught:
            open_(sha256)
        return caught.value.code

    assert open_(sha256)["character.glb"][:4] == b"glTF"
    assert refused("0" * 64) == "display.gone"
    assert may_change("display.gone")
    assert may_change("display.opener")

    (sealed,) = settings.cache_dir.rglob("*.sealed")
    data = bytearray(sealed.read_bytes())
    data[len(data) // 2] ^= 1
    sealed.write_bytes(data)
    assert refused(sha256) == "package.sha256"
    assert not may_change("package.sha256")
