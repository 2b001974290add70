"""Tests of the Git hosts' API."""
