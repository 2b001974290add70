"""Change one value of a YAML text; every other byte stays."""
