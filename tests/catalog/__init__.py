"""Tests of the catalog: what it builds, and whether that is right."""
