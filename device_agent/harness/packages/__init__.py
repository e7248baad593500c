"""Avatars as sealed packages: building them once, and handing them out with ranges."""
