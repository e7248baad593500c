"""The platform client: signatures, retries, errors; one code path under a sync and an async driver."""
