"""RenderData: names that an operator can map, values that are refused, and what never shows."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_agent.avatars.render_data import DEFAULT_TYPE, MAX_LENGTH, RenderData
from device_agent.errors import ConfigurationError, PackageError

URL = "https://content.example/a/avatar.zip?sign=c4n4ry-query"
FULL = {
    "url": URL,
    "secret": "c4n4ry-secret",
    "type": "AVATAR_2D_MOBILE",
    "sha256": "AB" * 32,
    "size": 123,
    "version": "v7",
}


def test_everything_the_platform_says() -> None:
    raw = json.dumps(FULL)
    data = RenderData.parse(raw)
    assert (data.url, data.secret, data.raw) == (URL, "c4n4ry-secret", raw)
    assert (data.type, data.sha256, data.size, data.version) == ("AVATAR_2D_MOBILE", "ab" * 32, 123, "v7")


@pytest.mark.parametrize("empty", [{}, dict.fromkeys(("secret", "type", "sha256", "size", "version"))])
def test_everything_but_the_address_may_be_missing(empty: dict[str, None]) -> None:
    data = RenderData.parse(json.dumps({"url": URL, **empty}))
    assert (data.secret, data.type, data.sha256, data.size, data.version) == ("", DEFAULT_TYPE, None, None, "")


def test_an_operator_maps_other_names() -> None:
    raw = json.dumps({"data": {"assets": [{"a/b~c": URL}]}, "key": "s", "url": "https://wrong.example/", "bytes": "77"})
    data = RenderData.parse(raw, names={"url": "/data/assets/0/a~1b~0c", "secret": "key", "size": "bytes"})
    assert (data.url, data.secret, data.size) == (URL, "s", 77)
    for pointer in ("/data/assets/1/x", "/data/assets/x", "/key/deeper", "/nothing"):
        with pytest.raises(PackageError) as caught:
            RenderData.parse(raw, names={"url": pointer})
        assert caught.value.code == "render_data.url"
    with pytest.raises(ConfigurationError, match="adress"):
        RenderData.parse(raw, names={"adress": "x"})


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "render_data.json"),
        ("[]", "render_data.json"),
        ("null", "render_data.json"),
        ('"' + URL + '"', "render_data.json"),
        ('{"url": ', "render_data.json"),
        ("[" * 100_000, "render_data.json"),
        ('{"url": ' * 5_000, "render_data.json"),
        ("\ud800", "render_data.json"),
        ("x" * (MAX_LENGTH + 1), "render_data.long"),
    ],
)
def test_what_is_not_a_json_object(text: str, code: str) -> None:
    with pytest.raises(PackageError) as caught:
        RenderData.parse(text)
    assert (caught.value.code, caught.value.exit_status, caught.value.__cause__) == (code, 7, None)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"url": ""}, "render_data.url"),
        ({"url": None}, "render_data.url"),
        ({"url": 5}, "render_data.url"),
        ({"url": "avatar.zip"}, "render_data.url"),
        ({"url": "file:///etc/passwd"}, "render_data.url"),
        ({"url": "ftp://content.example/a.zip"}, "render_data.url"),
        ({"url": "https://"}, "render_data.url"),
        ({"url": "https://host:port/a.zip"}, "render_data.url"),
        ({"url": "https://host:0/a.zip"}, "render_data.url"),
        ({"url": "https://[::1/a.zip"}, "render_data.url"),
        ({"url": "https://host/a b.zip"}, "render_data.url"),
        ({"url": "https://host/a\nHost: b"}, "render_data.url"),
        ({"url": "http://content.example/a.zip", "sha256": None}, "render_data.unverifiable"),
        ({"url": "http://127.evil.example/a.zip", "sha256": None}, "render_data.unverifiable"),
        ({"secret": 5}, "render_data.secret"),
        ({"secret": ["c4n4ry"]}, "render_data.secret"),
        ({"type": {}}, "render_data.type"),
        ({"sha256": "ab"}, "render_data.sha256"),
        ({"sha256": "../" * 21 + "x"}, "render_data.sha256"),
        ({"sha256": 1}, "render_data.sha256"),
        ({"size": 0}, "render_data.size"),
        ({"size": -1}, "render_data.size"),
        ({"size": 1.5}, "render_data.size"),
        ({"size": True}, "render_data.size"),
        ({"size": "many"}, "render_data.size"),
        ({"version": []}, "render_data.version"),
        ({"version": True}, "render_data.version"),
    ],
)
def test_values_of_a_wrong_form(changes: dict[str, Any], code: str) -> None:
    with pytest.raises(PackageError) as caught:
        RenderData.parse(json.dumps({**FULL, **changes}))
    assert caught.value.code == code
    assert "c4n4ry" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:8080/a.zip", "http://[::1]:8080/a.zip", "http://localhost/a.zip", "https://content.example/x"],
)
def test_plain_http_without_a_hash_only_on_this_machine(url: str) -> None:
    assert RenderData.parse(json.dumps({"url": url})).url == url
    assert RenderData.parse(json.dumps({"url": "http://content.example/a.zip", "sha256": "0" * 64})).sha256 == "0" * 64


@pytest.mark.parametrize(
    ("url", "address"),
    [
        (URL, "https://content.example/a/avatar.zip"),
        ("https://user:c4n4ry@host:8443/a.zip?x=c4n4ry#c4n4ry", "https://host:8443/a.zip"),
        ("http://[::1]:8080/a.zip?c4n4ry", "http://[::1]:8080/a.zip"),
    ],
)
def test_the_address_to_show(url: str, address: str) -> None:
    assert RenderData.parse(json.dumps({"url": url})).address == address


def test_it_never_shows_secret_query_or_raw_text() -> None:
    data = RenderData.parse(json.dumps(FULL))
    for shown in (repr(data), str(data), f"{data}", f"{data.url} {data.secret} {data.raw}", repr([data.url, data.raw])):
        assert "c4n4ry" not in shown
    assert "https://content.example/a/avatar.zip" in repr(data)
    for leak in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError):
            leak(data)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(["url", "secret", "type", "sha256", "size", "version"]), json_values))
def test_any_json_is_read_or_refused(document: dict[str, Any]) -> None:
    for text in (document, {**document, "url": URL}):
        try:
            data = RenderData.parse(json.dumps(text))
        except PackageError as error:
            code = error.code
        else:
            code = ""
            assert data.address.startswith("http")
        assert code == "" or code.startswith("render_data.")
