"""Numbers in text that anyone may have written, such as digits of another script, or thousands of them."""

from __future__ import annotations

LONGEST = 18
"""Digits that fit 64 bits; Python itself refuses more than 4,300, with an exception."""


def whole(text: str) -> int | None:
    """A whole number without a sign, in plain digits; None for anything else, or one beyond 64 bits."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= LONGEST else None
