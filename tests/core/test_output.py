"""What others wrote is printed as text: it moves no cursor and gives no order to a CI service."""

from __future__ import annotations

import io

import pytest

from bootstrap.core.invocation import Invocation
from bootstrap.core.output import Output


def printed(text: str, **environ: str) -> str:
    out = io.StringIO()
    Output(Invocation(stdout=out, stderr=out, environ=environ)).line(text)
    return out.getvalue()


@pytest.mark.parametrize(
    "code",
    [*range(9), *range(11, 32), *range(127, 160), 0x61C, 0x200E, 0x200F, 0x2028, 0x2029, 0x202E, 0x2066],
)
def test_control_characters_are_reported_and_not_sent(code: int) -> None:
    text = printed(f"a{chr(code)}b")
    assert chr(code) not in text
    assert text.startswith("a\\")


def test_text_of_any_language_stays() -> None:
    assert printed("für\tÄpfel – 日本語 🚀\nzwei") == "für\tÄpfel – 日本語 🚀\nzwei\n"


ORDERS = (
    "::error::x",
    "  ::stop-commands::x",
    "a\n::set-env name=x::y",
    "a ##[error]x",
    "##vso[task.setvariable]x",
    "##teamcity[x]",
)


@pytest.mark.parametrize("order", ORDERS)
def test_orders_to_a_ci_service_are_none(order: str) -> None:
    text = printed(order, CI="true")
    assert not any(line.lstrip().startswith("::") or "##[" in line for line in text.splitlines())
    assert "##vso[" not in text
    assert "##teamcity[" not in text
    assert text.replace("\u200b", "") == f"{order}\n", "to read, it is the same"
    assert printed(order) == f"{order}\n", "no CI, no change"
