"""The page in a real Chromium: search, keyboard, zoom, themes, and no request to anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bootstrap.drawing.html import html
from bootstrap.drawing.model import Edge, Node, graph
from tests.browser import Browser, needs_chromium, running

ALL_IN_VIEW = """
(() => {
  const frame = map.getBoundingClientRect();
  return [...document.querySelectorAll('.node')].every((node) => {
    const box = node.getBoundingClientRect();
    return box.left >= frame.left - 1 && box.right <= frame.right + 1
      && box.top >= frame.top - 1 && box.bottom <= frame.bottom + 1;
  });
})()
"""

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with running(tmp_path_factory.mktemp("chromium")) as found:
        yield found


def show(browser: Browser, folder: Path, count: int = 12) -> None:
    states = ("ok", "warning", "broken", "unknown")
    nodes = [
        Node(f"n{i}", f"service-{i}", "Service", f"team {i // 40}", states[i % 4], f"a.yaml:{i + 1}")
        for i in range(count)
    ]
    edges = [Edge(f"n{i}", f"n{i + 1}", "tcp", "broken" if i == 1 else "ok") for i in range(count - 1)]
    file = folder / "graph.html"
    file.write_text(html(graph("picture", nodes, edges)), encoding="utf-8")
    browser.requests.clear()
    browser.errors.clear()
    browser.call("Page.navigate", url=file.as_uri())
    browser.until(
        f"document.readyState === 'complete' && document.querySelectorAll('.node').length === {count}"
    )


def test_page_asks_for_nothing_but_itself_and_has_no_error(browser: Browser, tmp_path: Path) -> None:
    show(browser, tmp_path)
    assert [url for url in browser.requests if not url.startswith("file:")] == []
    assert browser.errors == []


def test_everything_is_in_view_at_first_and_in_both_sizes(browser: Browser, tmp_path: Path) -> None:
    for count in (12, 2000):
        show(browser, tmp_path, count)
        assert browser.js(ALL_IN_VIEW), count


def test_search_by_keyboard_finds_marks_and_opens(browser: Browser, tmp_path: Path) -> None:
    show(browser, tmp_path)
    browser.key("/", "/")
    assert browser.js("document.activeElement.id") == "find"
    for letter in "service-1":
        browser.key(letter, letter)
    assert browser.js("document.getElementById('count').textContent") == "3 found"  # 1, 10, 11
    assert browser.js("document.querySelectorAll('.node.hit').length") == 3
    browser.key("Enter")
    assert browser.js("document.querySelector('aside').innerText").startswith("Service service-1\n")
    assert "state: warning" in browser.js("document.querySelector('aside').innerText")
    assert "cut" in browser.js("document.querySelector('aside').innerText")
    browser.key("Escape")
    assert browser.js("document.querySelector('aside').className") == ""


def test_nodes_are_reached_and_opened_by_keyboard(browser: Browser, tmp_path: Path) -> None:
    show(browser, tmp_path)
    browser.js("document.querySelectorAll('.node')[2].focus()")
    assert browser.js("document.activeElement.getAttribute('aria-label')") == "Service service-2: broken"
    browser.key("Enter")
    assert browser.js("document.querySelectorAll('.node.near').length") == 3


def test_keys_zoom_and_move_and_fit(browser: Browser, tmp_path: Path) -> None:
    show(browser, tmp_path)
    first = browser.js("view.getAttribute('transform')")
    browser.key("+", "+")
    browser.key("ArrowLeft")
    assert browser.js("view.getAttribute('transform')") != first
    browser.key("0", "0")
    assert browser.js("view.getAttribute('transform')") == first


def test_theme_follows_the_reader_and_can_be_changed(browser: Browser, tmp_path: Path) -> None:
    show(browser, tmp_path)
    colour = "getComputedStyle(document.body).backgroundColor"
    for scheme, own, other in (
        ("light", "255, 255, 255", "13, 17, 23"),
        ("dark", "13, 17, 23", "255, 255, 255"),
    ):
        browser.call(
            "Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}]
        )
        show(browser, tmp_path)
        assert browser.js(colour) == f"rgb({own})"
        browser.js("document.getElementById('theme').click()")
        assert browser.js(colour) == f"rgb({other})"
    browser.call("Emulation.setEmulatedMedia", features=[])
