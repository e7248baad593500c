"""The root of the operator's keys under the keeper's eyes: looked after before it ends, told about, and never a reason
for a dark screen.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from certs import root as roots
from certs.root import Claims, Roles, role
from certs.signed import read_keys
from device_agent.lifecycle.machine import Phase

from .conftest import Site

HOLDER, ORDERS = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
DAY = 86400.0


class Rooted:
    """A site whose device believes a root that ends after some days."""

    def __init__(self, site: Site, *, days: float) -> None:
        self.site = site
        site.harness.sign_content()
        site.harness.root_keys()
        self.folder, ready = site.harness.folder / "roots", site.harness.ready
        first = site.folder.parent / "root.json"
        first.write_bytes(self.signed(1, days=days))
        site.overrides |= {"content_manifest": ready.content_manifest, "root": str(first), "root_url": ready.root_url}
        site.start_again()

    def signed(self, version: int, *, days: float) -> bytes:
        ready = self.site.harness.ready
        content = read_keys((self.site.harness.folder / "content-keys.pem").read_bytes())
        keys = {"root": [HOLDER.public_key()], "content": content, "order": [ORDERS.public_key()]}
        said = Claims(
            version=version, expires=datetime.fromtimestamp(self.site.time.now, tz=UTC) + timedelta(days=days),
            tenant_id=ready.tenant_id, app_id=ready.app_id,
            roles=Roles(**{name: role(found, threshold=1) for name, found in keys.items()}),
        )  # fmt: skip
        return roots.sign(said, key=HOLDER)

    def serves(self, version: int, *, days: float) -> None:
        file = self.folder / f"{version}.json"
        file.touch(mode=0o600)
        file.write_bytes(self.signed(version, days=days))

    def asked(self) -> int:
        return sum("/roots/" in call.path for call in self.site.harness.calls(operation="assets"))


def gauge(site: Site, name: str) -> float:
    (value,) = re.findall(rf"^avatar_agent_{name} (\S+)$", site.report.metrics(), re.M)
    return float(value)


def test_health_says_which_it_is_and_when_it_ends(site: Site) -> None:
    site.live(60)
    assert (site.report.facts()["root_version"], site.report.facts()["root_problem"]) == (0, "")
    rooted = Rooted(site, days=400)
    site.live(60)
    facts = site.report.facts()
    assert (facts["root_version"], facts["root_problem"]) == (1, "")
    assert facts["root_ends"] - site.time.now == pytest.approx(400 * DAY, abs=120)
    assert (gauge(site, "root_version"), round(gauge(site, "root_end_timestamp_seconds"))) == (1, facts["root_ends"])
    before = rooted.asked()
    site.live(DAY)
    assert rooted.asked() - before <= 3, "with the lists, and not with every step"


def test_one_that_ends_soon_is_looked_after_though_nothing_is_to_be_held_to_it(site: Site) -> None:
    site.overrides["avatar"] = ""
    rooted = Rooted(site, days=10)
    del site.overrides["content_manifest"]
    site.start_again()
    site.live(DAY)
    assert 40 <= rooted.asked() <= 61, "every 24 minutes at most"
    rooted.serves(2, days=400)
    site.live(3600)
    assert (site.report.facts()["root_version"], site.report.facts()["root_problem"]) == (2, "")
    before = rooted.asked()
    site.live(DAY)
    assert rooted.asked() == before


def test_when_it_is_over_the_picture_goes_on_and_health_says_so(site: Site) -> None:
    rooted = Rooted(site, days=1.2)
    site.live(DAY)
    assert site.report.facts()["root_problem"] == ""
    site.live(DAY)
    snapshot = site.report.snapshot
    assert (snapshot.phase, snapshot.link, snapshot.may_show) == (Phase.READY, "online", True)
    assert (snapshot.root_problem, snapshot.problem) == ("root.expired", "root.expired")
    rooted.serves(2, days=400)
    site.live(2 * 3600)
    snapshot = site.report.snapshot
    assert (snapshot.root_version, snapshot.root_problem, snapshot.problem) == (2, "", "")


def test_one_that_cannot_be_asked_for_is_told_and_stops_no_list(site: Site) -> None:
    rooted = Rooted(site, days=400)
    rooted.serves(2, days=400)
    site.harness.fault("http_500", on="assets", times=1)
    site.live(60)
    snapshot = site.report.snapshot
    assert (snapshot.root_problem, snapshot.problem, snapshot.may_show) == ("network.not_the_platform", "", True)
    assert site.record.content.manifest_version == 1
    site.live(DAY)
    assert (site.report.snapshot.root_version, site.report.snapshot.root_problem) == (2, "")


def test_settings_that_contradict_each_other_are_told_and_cost_no_picture(site: Site) -> None:
    site.live(60)
    Rooted(site, days=400)
    site.overrides["order_keys"] = str(site.harness.folder / "content-keys.pem")
    site.start_again()
    site.live(3600)
    snapshot = site.report.snapshot
    assert (snapshot.phase, snapshot.may_show, snapshot.root_problem) == (Phase.READY, True, "config.root")
