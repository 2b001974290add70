"""Lays out CI for users: files that are valid as they are (files/), and structured edits of them."""
