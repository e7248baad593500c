"""What the platform remembers, in SQLite: a file with a write-ahead log, or memory."""
