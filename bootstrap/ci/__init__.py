"""Lays out CI for users: files that are valid as they lie (files/), and structured edits of them."""
