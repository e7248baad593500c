"""Signatures, request times and nonces, checked from the wire with code of the stand-in's own."""
