"""The agent of a device that draws the platform's digital human itself."""

VERSION = "0.1.0"
"""As in pyproject.toml; here too, because asking the installed package for it takes 2 MiB of an idle service's 45."""
