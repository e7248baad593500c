"""Avatar packages on their way to this device: the zip, sealed entries, licences, and what the cache keeps."""

from __future__ import annotations

import base64
import io
import json
import random
import warnings
import zipfile
from collections.abc import Iterator, Sequence

import msgspec

from certs.envelope import open_sealed, seal
from certs.license import License
from device_agent.avatars.archive import PackageLimits
from device_agent.avatars.package import check_package, open_package
from device_agent.avatars.partial import Promise, open_partial
from device_agent.avatars.record import NAME, Record, read_record
from tests.fuzz.folder import kept
from tests.fuzz.target import Target, of_json

KEY = bytes(range(32))
LIMITS = PackageLimits(entry=1 << 20, total=1 << 21)
"""Of a device so small that a case of some kilobytes can reach them."""

FILES = {"a/character.glb.lm": b"x" * 400, "a/b/c.json.lm": b"{}", "a/open.txt": b"y" * 300, "a/": b"",
         "a/metaInfo.json": b"{}", "__MACOSX/a/x": b"z"}  # fmt: skip
ADDRESS = "https://a.example/p.zip"


def entry(name: str, data: bytes, *, nonce: int = 0) -> bytes:
    return seal(data, key=KEY, nonce=nonce.to_bytes(12, "big")) if name.endswith(".lm") else data


def zipped(method: int) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for number, (name, data) in enumerate(FILES.items()):
            archive.writestr(zipfile.ZipInfo(name), entry(name, data, nonce=number), method)
    return out.getvalue()


def read_package(data: bytes) -> None:
    check_package(data, limits=LIMITS)
    open_package(data, key=KEY, limits=LIMITS)


def fields(data: bytes) -> Iterator[bytes]:
    """A case cut into pieces, each behind a byte with its length."""
    at = 0
    while at < len(data):
        yield data[at + 1 : at + 1 + data[at]]
        at += 1 + data[at]


def read_entries(data: bytes) -> None:
    """A package that is whole, whatever is in it: names, kinds and contents are the case's, sums and seals are right.
    Else nothing would ever come past the sums.
    """
    out, pieces = io.BytesIO(), list(fields(data))
    with zipfile.ZipFile(out, "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # names that occur twice are meant
        for how, name, body in zip(pieces[::3], pieces[1::3], pieces[2::3], strict=False):
            info = zipfile.ZipInfo()
            info.filename = name.decode("utf-8", "replace")
            info.external_attr = int.from_bytes(how[1:3], "big") << 16
            method = zipfile.ZIP_DEFLATED if how[:1] > b"\x7f" else zipfile.ZIP_STORED
            archive.writestr(info, entry(info.filename, body * (1 + 40 * len(how[3:]))), method)
    opened = open_package(out.getvalue(), key=KEY, limits=LIMITS)
    assert all(name and ".." not in name.split("/") and not name.startswith("/") for name in opened)


def as_fields() -> Sequence[bytes]:
    pieces = [piece for name, data in FILES.items() for piece in (b"\0", name.encode(), data[:200])]
    return [b"".join(bytes([len(piece)]) + piece for piece in pieces)]


def read_sealed(data: bytes) -> None:
    open_sealed(data, key=KEY)


def licences() -> Sequence[bytes]:
    bare = b"P" * 64 + base64.b64encode(rsa_key())
    whole = {"TenantId": 1, "AppId": "a", "License": bare.decode()}
    return [bare, json.dumps(whole).encode(), json.dumps(whole | {"TenantId": "7"}).encode("utf-16")]


def rsa_key() -> bytes:
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def read_licence(data: bytes) -> None:
    found = License.parse(data)
    assert len(found.reveal()) <= len(found.fingerprint) or found.reveal() not in repr(found)
    License.parse(found.to_json())
    found.private_key()


def read_licence_key(data: bytes) -> None:
    """The case is the key inside, so that base64 does not stand between it and its reader."""
    License(text="P" * 64 + base64.b64encode(data).decode()).private_key()


def read_partial(data: bytes) -> None:
    folder = kept("p.part", b"some bytes")
    kept("p.part.json", data)
    with open_partial(folder / "p.part", address=ADDRESS) as partial:
        assert partial.size in (0, 10)
        assert partial.promise is None or partial.promise.address == ADDRESS


def read_kept(data: bytes) -> None:
    found = read_record(kept(NAME, data))
    assert found is None or found.render_data().address is not None


def record() -> bytes:
    return msgspec.json.encode(
        Record(code="CH", sha256="ab" * 32, size=9, etag='"e"', order=1, url=ADDRESS + "?x=1", secret="c2VjcmV0",
               type="AVATAR_3D_TRADITIONAL", promised_sha256=None, promised_size=9, version="1", raw="{}")
    )  # fmt: skip


def of_licence(data: bytes, dice: random.Random) -> bytes:
    return of_json(data.decode("utf-16", "replace").encode() if data.startswith(b"\xff\xfe") else data, dice)


TARGETS = {
    "package": Target(
        run=read_package, seeds=lambda: [zipped(zipfile.ZIP_STORED), zipped(zipfile.ZIP_DEFLATED)], longest=8192
    ),
    "package-entries": Target(run=read_entries, seeds=as_fields),
    "sealed-entry": Target(run=read_sealed, seeds=lambda: [entry("x.lm", b"{}"), entry("x.lm", b"")], longest=512),
    "licence": Target(run=read_licence, seeds=licences, mutate=of_licence, few=True),
    "licence-key": Target(run=read_licence_key, seeds=lambda: [rsa_key()], few=True),
    "partial-download": Target(
        run=read_partial,
        seeds=lambda: [msgspec.json.encode(Promise(address=ADDRESS, etag='"e"', size=20))],
        mutate=of_json,
    ),
    "cache-record": Target(run=read_kept, seeds=lambda: [record()], mutate=of_json),
}
