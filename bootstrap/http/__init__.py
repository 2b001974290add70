"""One HTTP session (TLS, CA, proxy, retries) and checksummed downloads."""
