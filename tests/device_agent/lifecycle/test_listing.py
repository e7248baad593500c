"""The operator's manifest on the device: the attacks of The Update Framework, each with the avatar still there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from certs.errors import ManifestError
from certs.manifest import Listed, Manifest, Package, sign
from device_agent.errors import ConfigurationError, NetworkError, PackageError
from device_agent.harness.packages.source import PackageSource
from device_agent.lifecycle.content import open_avatar
from device_agent.lifecycle.machine import Phase

from .conftest import CODE, FILES, Kiosk

OTHER = "CH_3d_other"


class Office:
    """The operator's: what it signs is served in place of the stand-in's own list."""

    def __init__(self, kiosk: Kiosk) -> None:
        kiosk.harness.sign_content()
        self.kiosk = kiosk
        self.world = kiosk.harness._world
        assert self.world.listing is not None
        self.key: Ed25519PrivateKey = self.world.listing._key
        ready = kiosk.harness.ready
        kiosk.overrides |= {"content_manifest": ready.content_manifest, "content_keys": ready.content_keys}

    def serves(self, data: bytes) -> None:
        async def signed() -> bytes:
            return data

        self.world.listing.signed = signed  # type: ignore[union-attr, method-assign]

    def signs(self, *, by: Ed25519PrivateKey | None = None, **changes: Any) -> None:
        ready = self.kiosk.harness.ready
        self.kiosk.harness.warm()
        packages = self.kiosk.harness.with_world(lambda world: world.shelf.listed(tenant_id=ready.tenant_id))
        facts: dict[str, Any] = {
            "version": 5, "expires": datetime.now(UTC) + timedelta(days=1), "tenant_id": ready.tenant_id,
            "app_id": ready.app_id, "avatars": {p.code: Listed(sha256=p.sha256, size=p.size) for p in packages},
        }  # fmt: skip
        self.serves(sign(Manifest(**{**facts, **changes}), key=by or self.key))


@pytest.fixture
def office(kiosk: Kiosk) -> Office:
    return Office(kiosk)


def fetch(kiosk: Kiosk, code: str = CODE) -> None:
    with kiosk.engine() as engine:
        engine.bind()
        engine.fetch(code)


def refused(kiosk: Kiosk, code: str = CODE) -> str:
    """The code of a refusal that moved nothing: the avatar is there, and no package came."""
    before = {name: data for name, data in kiosk.files().items() if not name.endswith("lock")}
    downloads = len([call for call in kiosk.harness.calls(operation="assets") if call.path.endswith(".zip")])
    with kiosk.engine() as engine:
        with pytest.raises((ManifestError, NetworkError)) as caught:
            engine.fetch(code)
        assert engine.record.phase is Phase.READY
    assert {name: data for name, data in kiosk.files().items() if not name.endswith("lock")} == before
    assert len([call for call in kiosk.harness.calls(operation="assets") if call.path.endswith(".zip")]) == downloads
    assert set(open_avatar(kiosk.settings(), None)) >= set(FILES)
    assert caught.value.hint
    return caught.value.code


def test_what_is_listed_is_taken_and_its_version_remembered(kiosk: Kiosk, office: Office) -> None:
    office.signs(version=5)
    fetch(kiosk)
    with kiosk.engine() as engine:
        assert engine.record.content.manifest_version == 5
        office.signs(version=5, expires=datetime.now(UTC) + timedelta(days=9))
        engine.fetch(CODE)
        office.signs(version=6)
        engine.fetch(CODE)
    with kiosk.engine() as engine:
        assert (engine.record.content.manifest_version, engine.record.content.active) == (6, CODE)


def stale(office: Office) -> None:
    office.signs(version=9, expires=datetime.now(UTC) - timedelta(seconds=1))


def older(office: Office) -> None:
    office.signs(version=4)


def two_lists(office: Office) -> None:
    office.signs(avatars={CODE: Listed(sha256="ab" * 32, size=1)})


def stranger(office: Office) -> None:
    office.signs(version=9, by=Ed25519PrivateKey.generate())


def another_application(office: Office) -> None:
    office.signs(version=9, app_id="another")


def another_tenant(office: Office) -> None:
    office.signs(version=9, tenant_id=1)


def garbage(office: Office) -> None:
    office.serves(b"<html>log in</html>")


def endless(office: Office) -> None:
    office.serves(b" " * (2 * 1024 * 1024))


@pytest.mark.parametrize(
    ("attack", "code"),
    [(stale, "manifest.expired"), (older, "manifest.older"), (two_lists, "manifest.changed"),
     (stranger, "manifest.signature"), (another_application, "manifest.account"), (another_tenant, "manifest.account"),
     (garbage, "manifest.form"), (endless, "manifest.form")],
)  # fmt: skip
def test_attacks(kiosk: Kiosk, office: Office, attack: Callable[[Office], None], code: str) -> None:
    office.signs(version=5)
    fetch(kiosk)
    attack(office)
    assert refused(kiosk) == code
    office.signs(version=5)
    fetch(kiosk)  # nothing of it sticks


@pytest.mark.parametrize(
    ("fault", "code"),
    [("captive", "manifest.form"), ("redirect", "network.redirect"), ("http_500", "network.not_the_platform"),
     ("drop_before", "network.cut")],
)  # fmt: skip
def test_who_stands_between(kiosk: Kiosk, office: Office, fault: str, code: str) -> None:
    fetch(kiosk)
    kiosk.harness.fault(fault, on="assets", times=1)
    assert refused(kiosk) == code


def test_a_platform_that_changes_its_mind_is_not_followed(kiosk: Kiosk, office: Office) -> None:
    """Mix and match: account and content host are the attacker's, the operator's key is not."""
    office.signs(version=5)
    fetch(kiosk)
    changed = PackageSource(code=CODE, name="test", read=lambda: {**FILES, "animation.glb": b"glTF of another"})
    household = kiosk.harness._world.household
    kiosk.harness.with_world(lambda world: world.shelf.offer(changed, tenant_id=household.tenant_id))
    assert refused(kiosk) == "manifest.other"
    office.signs(version=6)
    fetch(kiosk)
    assert open_avatar(kiosk.settings(), CODE)["animation.glb"] == b"glTF of another"


def test_an_avatar_that_is_not_listed(kiosk: Kiosk, office: Office) -> None:
    office.signs()
    fetch(kiosk)
    other = PackageSource(code=OTHER, name="other", read=lambda: FILES)
    household = kiosk.harness._world.household
    kiosk.harness.with_world(lambda world: world.shelf.offer(other, tenant_id=household.tenant_id))
    assert refused(kiosk, OTHER) == "manifest.unlisted"


def test_without_a_hash_from_the_platform_the_manifest_s_counts(
    kiosk: Kiosk, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    from device_agent.avatars.render_data import RenderData

    parse = RenderData.parse

    def bare(raw: str, **more: Any) -> RenderData:
        document = msgspec.json.decode(raw)
        return parse(msgspec.json.encode({**document, "sha256": "", "size": ""}).decode(), **more)

    monkeypatch.setattr(RenderData, "parse", bare)
    office.signs()
    kiosk.harness.fault("wrong_bytes", on="assets", bytes=40, times=1)
    with pytest.raises(PackageError, match="sha256 differs"):
        fetch(kiosk)
    fetch(kiosk)


def test_version_is_durable_before_anything_is_downloaded_by_it(kiosk: Kiosk, office: Office) -> None:
    office.signs(version=5)
    fetch(kiosk)
    changed = PackageSource(code=CODE, name="test", read=lambda: {**FILES, "animation.glb": b"glTF of another"})
    household = kiosk.harness._world.household
    kiosk.harness.with_world(lambda world: world.shelf.offer(changed, tenant_id=household.tenant_id))
    office.signs(version=6)
    kiosk.harness.fault("drop_before", on="assets", skip=1, times=1)
    with pytest.raises(NetworkError):
        fetch(kiosk)
    office.signs(version=5)
    assert refused(kiosk) == "manifest.older"


@pytest.mark.parametrize(
    ("settings", "code"),
    [({"content_keys": ""}, "config.missing"), ({"content_manifest": ""}, "config.missing"),
     ({"content_manifest": "http://content.example/m"}, "config.content"),
     ({"content_manifest": "https:///m"}, "config.content"),
     ({"content_keys": "/none"}, "config.content")],
)  # fmt: skip
def test_settings_that_do_not_fit_stop_before_anything_is_taken(
    kiosk: Kiosk, office: Office, settings: dict[str, str], code: str
) -> None:
    fetch(kiosk)
    kiosk.overrides |= settings
    for name, value in settings.items():
        if not value:
            del kiosk.overrides[name]
    with kiosk.engine() as engine, pytest.raises(ConfigurationError) as caught:
        engine.fetch(CODE)
    assert caught.value.code == code


def test_the_stand_in_s_own_list_counts_up(kiosk: Kiosk, office: Office, tmp_path: Path) -> None:
    fetch(kiosk)
    other = PackageSource(code=OTHER, name="other", read=lambda: FILES)
    household = kiosk.harness._world.household
    kiosk.harness.with_world(lambda world: world.shelf.offer(other, tenant_id=household.tenant_id))
    fetch(kiosk, OTHER)
    with kiosk.engine() as engine:
        assert engine.record.content.manifest_version == 2


def test_doctor_looks_at_the_keys(kiosk: Kiosk, office: Office) -> None:
    from device_agent.service.checkup import checkup
    from device_agent.service.finding import Level

    def finding() -> Any:
        return next(one for one in checkup(kiosk.settings(), environ={}, network=False) if one.check == "manifest")

    assert (finding().level, "1 key" in finding().says) == (Level.OK, True)
    Path(kiosk.overrides["content_keys"]).write_bytes(b"none")
    assert finding().level is Level.BAD
    assert "openssl" in finding().fix


def the_platform_s_package(kiosk: Kiosk) -> tuple[str, int]:
    kiosk.harness.warm()
    tenant = kiosk.harness.ready.tenant_id
    rows = kiosk.harness.with_world(lambda world: world.shelf.listed(tenant_id=tenant))
    return next((row.sha256, row.size) for row in rows if row.code == CODE)


def stages(kiosk: Kiosk, office: Office, part: float, *, version: int, before: tuple[str, int]) -> None:
    sha256, size = the_platform_s_package(kiosk)
    old = Package(sha256=before[0], size=before[1])
    office.signs(version=version, avatars={CODE: Listed(sha256=sha256, size=size, rollout=part, before=old)})


def changed(kiosk: Kiosk) -> None:
    package = PackageSource(code=CODE, name="test", read=lambda: {**FILES, "animation.glb": b"glTF of another"})
    household = kiosk.harness._world.household
    kiosk.harness.with_world(lambda world: world.shelf.offer(package, tenant_id=household.tenant_id))


def shown(kiosk: Kiosk) -> bool:
    """Whether the new one is shown."""
    return open_avatar(kiosk.settings(), CODE)["animation.glb"] == b"glTF of another"


def test_a_device_takes_a_new_package_when_it_is_its_turn(kiosk: Kiosk, office: Office) -> None:
    office.signs(version=5)
    fetch(kiosk)
    old = the_platform_s_package(kiosk)
    changed(kiosk)
    stages(kiosk, office, 0.0, version=6, before=old)
    downloads = len(kiosk.harness.calls(operation="assets"))
    with kiosk.engine() as engine:
        assert engine.fetch(CODE).package.sha256 == old[0]
        assert engine.record.phase is Phase.READY
        assert "turn" in next(step.result for step in engine.steps if step.name == "manifest")
        assert engine.record.content.manifest_version == 6
    packages = [call for call in kiosk.harness.calls(operation="assets")[downloads:] if call.path.endswith(".zip")]
    assert packages == []
    assert not shown(kiosk)
    stages(kiosk, office, 1.0, version=7, before=old)
    fetch(kiosk)
    assert shown(kiosk)
    stages(kiosk, office, 0.0, version=8, before=old)
    fetch(kiosk)
    assert shown(kiosk), "the old one is nowhere to be had any more: it stays with what it has"


def test_a_new_device_out_of_turn_shows_the_old_one_or_what_there_is(
    kiosk: Kiosk, office: Office, another_kiosk: Callable[[str], Kiosk]
) -> None:
    old = the_platform_s_package(kiosk)
    stages(kiosk, office, 0.0, version=5, before=old)
    fetch(kiosk)
    assert not shown(kiosk), "the platform serves the old one still"
    changed(kiosk)
    stages(kiosk, office, 0.0, version=6, before=old)
    other = another_kiosk("board-2")
    other.overrides |= {name: kiosk.overrides[name] for name in ("content_manifest", "content_keys")}
    fetch(other)
    assert shown(other), "rather than nothing"
    fetch(kiosk)
    assert not shown(kiosk)


def test_a_package_that_is_neither_is_refused_whosever_turn_it_is(kiosk: Kiosk, office: Office) -> None:
    office.signs(version=5)
    fetch(kiosk)
    wrong = Listed(sha256="ab" * 32, size=1, rollout=0.0, before=Package(sha256="cd" * 32, size=1))
    changed(kiosk)
    office.signs(version=6, avatars={CODE: wrong})
    with kiosk.engine() as engine, pytest.raises(ManifestError) as caught:
        engine.fetch(CODE)
    assert caught.value.code == "manifest.other"
    assert not shown(kiosk)
