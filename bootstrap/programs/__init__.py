"""Get a program (from PATH, the cache, a release or its source) and run it safely."""
