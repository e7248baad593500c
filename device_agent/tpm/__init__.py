"""The machine's TPM 2.0: a number that no disk image carries, and a key that no disk alone can open."""
