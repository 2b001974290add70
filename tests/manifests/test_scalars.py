"""Numbers as go-yaml reads them, whatever their length."""

from __future__ import annotations

import json

import pytest

from bootstrap.manifests.parse import parse
from bootstrap.manifests.reader import load_all

NINES = "9" * 6000


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("8080", 8080),
        ("0x1F", 31),
        ("017", 15),
        ("18446744073709551615", 2**64 - 1),
        ("-9223372036854775808", -(2**63)),
        ("18446744073709551616", 18446744073709551616.0),
        ("-9223372036854775809", -9223372036854775809.0),
        ("9" * 300, 1e300),
        (NINES, NINES),
        (f"-{NINES}", f"-{NINES}"),
        ("0x" + "f" * 6000, "0x" + "f" * 6000),
        ("0b" + "1" * 6000, "0b" + "1" * 6000),
        ("0" + "7" * 6000, "0" + "7" * 6000),
    ],
)
def test_number_beyond_64_bits_is_a_float_or_text_and_can_be_printed(text: str, value: object) -> None:
    (read,) = load_all(f"v: {text}\n")
    other = parse(f"v: {text}\n".encode(), ("x.yaml", 1))
    assert (read, other) == ({"v": value}, {"v": value})
    assert type(read["v"]) is type(other["v"]) is type(value)
    json.dumps(read)
