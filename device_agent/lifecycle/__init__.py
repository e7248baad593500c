"""The device's life: who it is, what it holds, and every step from blank to removed, safe against a crash anywhere."""
