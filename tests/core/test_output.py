"""What others wrote is printed as text: it moves no cursor and gives no order to a CI service."""

from __future__ import annotations

import io
import json
import re
from xml.etree import ElementTree

import pytest

from bootstrap.core.errors import InputError
from bootstrap.core.invocation import Invocation
from bootstrap.core.output import Output
from bootstrap.validate.report import Scope, junit, sarif
from bootstrap.validate.rule import Finding


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
    "\u00a0::add-mask::x",
    "a\n::set-env name=x::y",
    "a\n\n\t::group::y",
    "a ##[error]x",
    "###[section]x",
    "##vso[task.setvariable variable=x;issecret=true]y",
    "a: ##VSO[task.complete result=Succeeded;]",
    "##teamcity[x]",
    "##vso[##vso[task.debug]x",
)


def is_an_order(text: str) -> bool:
    """As the runners read a log: GitHub's and Gitea's trim a line first, Azure's looks anywhere in it."""
    lines = text.split("\n")
    return any(line.strip().startswith("::") or re.search(r"##\w*\[", line) for line in lines)


@pytest.mark.parametrize("environ", [{}, {"CI": "true"}, {"TF_BUILD": "True"}], ids=str)
@pytest.mark.parametrize("order", ORDERS)
def test_orders_to_a_ci_service_are_none(order: str, environ: dict[str, str]) -> None:
    """Also without a variable: a runner reads what comes through a pipe or out of a container."""
    assert is_an_order(order)
    text = printed(order, **environ)
    assert not is_an_order(text)
    assert text.replace("\u200b", "") == f"{order}\n", "to read, it is the same"


def test_gitlabs_sections_are_none() -> None:
    """GitLab takes the marker, then CR, then ESC [0K, anywhere in a line."""
    for end in ("\r\x1b[0K", "\r\x1b[0Ktitle\r\n", "[collapsed=true]\r\x1b[0K"):
        text = printed(f"a section_start:1700000000:x{end}")
        assert not re.search(r"section_(start|end):\d+:[\w.-]+(\[.*?\])?\r\x1b\[0K", text)
        assert "\x1b" not in text


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("order", ORDERS)
def test_person_at_a_terminal_gets_the_text_as_it_is(order: str) -> None:
    out = Terminal()
    Output(Invocation(stdout=out, stderr=out, environ={"TERM": "dumb"})).line(order)
    assert out.getvalue() == f"{order}\n"
    out = Terminal()
    Output(Invocation(stdout=out, stderr=out, environ={"TERM": "dumb", "CI": "1"})).line(order)
    assert not is_an_order(out.getvalue()), "the terminal is the runner's"


@pytest.mark.parametrize("order", ORDERS)
def test_json_and_xml_have_the_same_data_and_no_order(order: str) -> None:
    out = io.StringIO()
    output = Output(Invocation(stdout=out, stderr=out, environ={"CI": "true"}), format="json")
    output.result({order: [order]})
    output.error(InputError(order, order, order))
    first, second = out.getvalue().split("}\n{")
    assert json.loads(first + "}") == {order: [order]}
    assert json.loads("{" + second)["error"]["found"] == order
    assert not is_an_order(out.getvalue())
    finding = Finding("GB101", "error", order, order, order, 1, order)
    scope = Scope(objects=1)
    assert not is_an_order(printed(sarif([finding], scope)))
    (result,) = json.loads(printed(sarif([finding], scope)))["runs"][0]["results"]
    assert order in result["message"]["text"]
    shown = printed(junit([finding], scope))
    assert not is_an_order(shown)
    case = ElementTree.fromstring(shown).find("testcase")  # noqa: S314 - our own
    assert case is not None
    assert case.get("name") == order
    assert order in (case.findtext("failure") or "")
