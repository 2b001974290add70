"""A real Chromium for tests, driven by its own protocol."""

from __future__ import annotations

import base64
import itertools
import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
SOON = 300.0
"""Seconds for what takes one or two on an idle machine."""

needs_chromium = pytest.mark.skipif(
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

    def picture(self, selector: str, margin: int = 12, form: str = "png") -> bytes:
        """One element of the page as `png` or, at half the size, as `webp`."""
        box = self.js(
            f"(() => {{ const b = document.querySelector({json.dumps(selector)}).getBoundingClientRect();"
            " return [b.x + scrollX, b.y + scrollY, b.width, b.height]; })()"
        )
        x, y, width, height = box
        clip = {"x": max(0, x - margin), "y": max(0, y - margin), "scale": 1}
        clip |= {"width": width + 2 * margin, "height": height + 2 * margin}
        how: dict[str, Any] = {"format": form} | ({"quality": 75} if form == "webp" else {})
        taken = self.call("Page.captureScreenshot", **how, clip=clip, captureBeyondViewport=True)
        return base64.b64decode(taken["data"])

    def close(self) -> None:
        self._socket.close()


@contextmanager
def running(folder: Path) -> Iterator[Browser]:
    """A browser whose own files are in `folder`, with an empty page."""
    assert CHROMIUM is not None
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
