"""From bytes to an avatar: parse, then link; every problem has a code (see ``issues``) and a place."""

from renderer.assets.asset import Asset
from renderer.assets.issues import Issue, Severity
from renderer.assets.limits import Limits
from renderer.assets.load import load
from renderer.assets.motion import with_motion
from renderer.assets.package import load_package
from renderer.assets.variants import choose_variant

__all__ = ["Asset", "Issue", "Limits", "Severity", "choose_variant", "load", "load_package", "with_motion"]
