"""Gitea's page of a pull request in Chromium, and one comment of it as a picture."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from tests.browser import Browser, running
from tests.sandbox.ci.actions import SOON, Host

STYLE = """
body { margin: 0; padding: 0; background: #fff; color: #1f2328; font: 14px/1.5 sans-serif; }
.markup { max-width: 880px; padding: 16px; border: 1px solid #d1d9e0; overflow-wrap: break-word; }
.markup h3 { font-size: 18px; margin: 0 0 12px; padding-bottom: 6px; border-bottom: 1px solid #d1d9e0; }
.markup details ~ h3, .markup ul ~ h3 { margin-top: 20px; }
.markup p { margin: 0 0 8px; }
.markup ul { margin: 0 0 12px; padding-left: 24px; }
.markup code { padding: 1px 5px; border-radius: 6px; background: #eff1f3; font: 12px monospace; }
.markup pre { margin: 8px 0; padding: 10px 14px; border-radius: 6px; background: #f6f8fa; overflow: auto; }
.markup pre code { padding: 0; background: none; white-space: pre; }
.markup .gi { background: #dafbe1; }
.markup .gd { background: #ffebe9; }
.markup .gu { color: #59636e; }
.markup summary { margin: 4px 0; }
"""
"""A built Gitea has its own pages, without a stylesheet."""


WIDER = """
(() => {{
  const all = document.querySelector('{0}');
  const right = all.getBoundingClientRect().right;
  const out = (found) => !found.closest('pre') && found.getBoundingClientRect().right > right + 1;
  return [...all.querySelectorAll('*')].filter(out).map((found) => found.outerHTML);
}})()
"""
"""What is wider than an element; a block of code may be, as it scrolls."""


def session(host: Host) -> requests.Session:
    """Gitea's pages for its administrator."""
    user, password = host.login
    made = requests.Session()
    login = {"user_name": user, "password": password}
    made.post(f"{host.url}/user/login", data=login, timeout=SOON).raise_for_status()
    return made


@contextmanager
def opened(host: Host, path: str, folder: Path) -> Iterator[Browser]:
    """A page as the host's user sees it, with a stylesheet.

    Its scripts are off: a built Gitea does not have them, and says so in a dialog, for which the page waits.
    """
    signed_in = session(host)
    with running(folder) as browser:
        browser.call("Emulation.setScriptExecutionDisabled", value=True)
        for name, value in signed_in.cookies.items():
            browser.call("Network.setCookie", url=host.url, name=name, value=value)
        browser.call("Page.navigate", url=f"{host.url}{path}")
        browser.until("document.readyState === 'complete' && location.protocol === 'http:'")
        browser.js(
            "document.querySelectorAll('link[rel=stylesheet]').forEach((found) => found.remove());"
            f"document.head.appendChild(document.createElement('style')).textContent = {json.dumps(STYLE)}"
        )
        yield browser


def wide(browser: Browser, width: int) -> None:
    """The window gets this width, in pixels."""
    size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    browser.call("Emulation.setDeviceMetricsOverride", **size)
