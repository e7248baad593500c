"""Secrets are whole for code and hidden for eyes."""

from __future__ import annotations

import json
import pickle

import pytest

from certs.secret import SecretBytes, SecretText


@pytest.mark.parametrize("secret", [SecretText("canary"), SecretBytes(b"canary")])
def test_hidden_wherever_it_is_printed(secret: SecretText | SecretBytes) -> None:
    shown = [repr(secret), str(secret), f"{secret}", f"{secret!r}", f"{secret:>20}", "%s" % (secret,), repr([secret])]  # noqa: UP031
    assert all("canary" not in text and "<hidden>" in text for text in shown)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError):
            pickle.dumps(secret, protocol)


def test_whole_where_it_is_used() -> None:
    text, data = SecretText("canary"), SecretBytes(b"canary")
    assert text == "canary"
    assert text.encode() == data == b"canary"
    assert (text.reveal(), type(text.reveal())) == ("canary", str)
    assert json.loads(json.dumps({"License": text})) == {"License": "canary"}
    assert (text[:3], data[:3]) == ("can", b"can")
    assert SecretText("").reveal() == ""
