"""The operator's word on what may be shown: fetched, verified, and never an older one than this device has seen."""

from __future__ import annotations

from datetime import UTC

import msgspec

from certs.errors import ManifestError
from certs.manifest import LONGEST, Manifest, read_keys, verify
from certs.signed import Signers
from device_agent.avatars.cache import CachedPackage
from device_agent.avatars.render_data import RenderData
from device_agent.config import Settings
from device_agent.errors import ConfigurationError
from device_agent.lifecycle import root_chain, rooted
from device_agent.lifecycle.device import Device
from device_agent.lifecycle.document import check_address, check_threshold, fetched, pem_of, shown


def listed(device: Device, code: str, data: RenderData) -> RenderData | CachedPackage:
    """What the platform says about an avatar, held to the operator's manifest where the settings name one; or the
    package that is here, when it is not this device's turn for a new one.

    The version that was accepted is durable before anything is downloaded by it.

    Raises:
        ManifestError: the manifest is not the operator's, is over or older than one before, or says otherwise.
        RootError: the root that says whose it must be is over, or cannot be believed.
        NetworkError: it does not come.
        ConfigurationError: address or keys are missing or unusable.
    """
    if not (device.settings.content_manifest or device.settings.content_keys):
        return data
    address, signers = where_and_whose(device.settings)
    if device.settings.root is not None:
        signers = rooted.newest(device).content
    with device.watch.step("manifest") as note:
        document = fetched(device, address, what="manifest", setting="content_manifest", longest=LONGEST)
        keys, now = signers.keys, device.now_utc()
        manifest = verify(document or b"", keys=keys, threshold=signers.threshold, now=now, where=shown(address))
        _accept(device, manifest, signers)
        found = _held_to(device, manifest, code, data, where=shown(address))
        note.result = f"version {manifest.version}, until {manifest.expires.astimezone(UTC):%Y-%m-%d}"
        if isinstance(found, CachedPackage):
            note.result += ", not this device's turn yet"
    return found


def where_and_whose(settings: Settings) -> tuple[str, Signers]:
    """Address of the manifest, and who has to sign it, by the settings and what is on the disk; a newer root is not
    looked for.

    Raises:
        ConfigurationError, ManifestError, RootError: one of the two is missing or unusable.
    """
    address, file = settings.content_manifest, settings.content_keys
    if settings.root is not None:
        signers = root_chain.load(settings).last.content
        check_address(settings, "content_manifest", code="config.content")
        return address, signers
    if not address or file is None:
        missing = "content_keys" if address else "content_manifest"
        raise ConfigurationError(
            f"the setting {missing} is missing: manifest and keys belong together",
            code="config.missing",
            where=settings.where("content_manifest" if address else "content_keys"),
            hint="set both, or neither; a root of keys says it for all",
        )
    check_address(settings, "content_manifest", code="config.content")
    keys = read_keys(pem_of(file, setting="content_keys", code="config.content"), where=str(file))
    signers = Signers(keys=keys, threshold=settings.content_threshold)
    check_threshold(settings, "content_threshold", keys=len(signers.ids), code="config.content")
    return address, signers


def _accept(device: Device, manifest: Manifest, signers: Signers) -> None:
    """Never back, and one version is one list: a lower one would bring back what was withdrawn.

    That holds only as long as the keys that signed that version still count. Once one of them was taken out, or more
    signatures are needed, the version may be a thief's, set as high as possible to lock the owner out.
    """
    record = device.journal.record
    seen = record.content
    if seen.manifest_keys and not signers.stand_by(seen.manifest_keys, threshold=seen.manifest_threshold):
        seen = msgspec.structs.replace(seen, manifest_version=0, manifest_digest="")
    if (manifest.tenant_id, manifest.app_id) != (record.tenant_id, record.app_id):
        raise ManifestError(
            "the manifest is another application's",
            code="manifest.account",
            hint="check content_manifest: it must be of this tenant and application",
        )
    if manifest.version < seen.manifest_version:
        raise ManifestError(
            f"the manifest's version is {manifest.version}, and this device has seen {seen.manifest_version}",
            code="manifest.older",
            hint="somebody serves an old one; sign a new one with a higher version",
        )
    if manifest.version == seen.manifest_version and manifest.digest != seen.manifest_digest:
        raise ManifestError(
            f"the manifest of version {manifest.version} lists something else than before",
            code="manifest.changed",
            hint="give each list a version of its own",
        )
    content = msgspec.structs.replace(
        seen, manifest_version=manifest.version, manifest_digest=manifest.digest, manifest_keys=signers.ids,
        manifest_threshold=signers.threshold,
    )  # fmt: skip
    if content != record.content:
        device.journal.write(record.changed(content=content))


def _held_to(
    device: Device, manifest: Manifest, code: str, data: RenderData, *, where: str
) -> RenderData | CachedPackage:
    entry = manifest.avatars.get(code)
    if entry is None:
        raise ManifestError(
            f"the manifest of version {manifest.version} does not list the avatar {code}",
            code="manifest.unlisted",
            where=where,
            hint="have it listed, or fetch another",
        )
    before = entry.before
    if before is not None and not entry.is_turn_of(device.journal.record.device_id):
        here = device.cache.cached(code)
        if here is not None and here.sha256 == before.sha256:
            return here
        if data.sha256 == before.sha256 and data.size in (None, before.size):
            return data.held_to(sha256=before.sha256, size=before.size)
        # Neither here nor to be had: a new device takes the new one, which is signed too, rather than show nothing.
    if data.sha256 not in (None, entry.sha256) or data.size not in (None, entry.size):
        raise ManifestError(
            f"the platform's package of {code} is not the one that the manifest lists",
            code="manifest.other",
            where=where,
            hint="list the new package, or find out who changed it; the last good one stays",
        )
    return data.held_to(sha256=entry.sha256, size=entry.size)
