"""The page in a real Chromium: search, keyboard, zoom, themes, and no request to anywhere."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from bootstrap.drawing.html import html
from bootstrap.drawing.model import Edge, Node, graph

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
SOON = 60.0
"""Seconds for what takes one or two on an idle machine."""

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

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="Chromium is not on this machine: sudo apt-get install chromium"
)


class Browser:
    """One page of a headless Chromium, driven by its own protocol."""

    def __init__(self, endpoint: str) -> None:
        import websocket

        self._socket = websocket.create_connection(endpoint, timeout=SOON, suppress_origin=True)
        self._ids = itertools.count(1)
        self.requests: list[str] = []
        self.errors: list[str] = []

    def call(self, method: str, **params: Any) -> Any:
        number = next(self._ids)
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            answer = json.loads(self._socket.recv())
            if answer.get("method") == "Network.requestWillBeSent":
                self.requests.append(answer["params"]["request"]["url"])
            elif answer.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded"):
                self.errors.append(json.dumps(answer["params"]))
            if answer.get("id") == number:
                assert "error" not in answer, answer
                return answer["result"]

    def js(self, expression: str) -> Any:
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def key(self, key: str, text: str = "") -> None:
        for kind in ("keyDown", "keyUp"):
            extra = {"text": text} if text and kind == "keyDown" else {}
            self.call("Input.dispatchKeyEvent", type=kind, key=key, **extra)

    def until(self, expression: str) -> None:
        deadline = time.monotonic() + SOON
        while not self.js(expression):
            assert time.monotonic() < deadline, expression
            threading.Event().wait(0.05)

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    assert CHROMIUM is not None
    folder = tmp_path_factory.mktemp("chromium")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--window-size=1200,800", "--no-first-run"]
    command = [CHROMIUM, *options, "--remote-debugging-port=0", f"--user-data-dir={folder}", "about:blank"]
    environ = {**os.environ, "HOME": str(folder)}
    process = subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        page = Browser(_endpoint(folder / "DevToolsActivePort", process))
        for domain in ("Page", "Network", "Runtime", "Log"):
            page.call(f"{domain}.enable")
        yield page
        page.close()
    finally:
        process.terminate()
        process.wait(SOON)


def _endpoint(file: Path, process: subprocess.Popen[bytes]) -> str:
    deadline = time.monotonic() + SOON
    while time.monotonic() < deadline:
        assert process.poll() is None, "Chromium ended"
        if file.exists() and "\n" in (text := file.read_text()):
            with urlopen(f"http://127.0.0.1:{text.splitlines()[0]}/json/list") as answer:
                pages = [one for one in json.load(answer) if one["type"] == "page"]
            if pages:
                return str(pages[0]["webSocketDebuggerUrl"])
        threading.Event().wait(0.05)
    raise AssertionError("Chromium opened no port")


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
