"""Which of the catalog's components this machine can have: those whose charts and sources it reaches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from bootstrap.core.invocation import Invocation
from bootstrap.layout import catalog, components

CLUSTER = "clusters/default/kustomization.yaml"
TIMEOUT = 5.0
"""Seconds that a host gets to answer."""


@dataclass(frozen=True)
class Missing:
    """A component that cannot be fetched from here: what it needs, and why that cannot be had."""

    component: str
    source: str
    reason: str

    def __str__(self) -> str:
        return f"{self.component}: {self.reason}: {self.source}"


def missing(
    files: Mapping[str, bytes],
    invocation: Invocation,
    every: bool,
    probe: Callable[[str, Invocation], str | None] | None = None,
) -> list[Missing]:
    """The components whose sources are out of reach: of every one, or of those that are on by default.

    Asks every host once, at the same time. `probe` returns why a URL cannot be had, or None when it can.
    """
    ask = probe or reason_out_of_reach
    offered = components.offered(files[CLUSTER]).values()
    needs = {item.name: list(sources(files, item.entry)) for item in offered if every or item.on}
    wanted = sorted({url for urls in needs.values() for url in urls})
    with ThreadPoolExecutor(max_workers=8) as pool:
        reasons = dict(zip(wanted, pool.map(lambda url: ask(url, invocation), wanted), strict=True))
    return [
        Missing(name, url, reason) for name, urls in needs.items() for url in urls if (reason := reasons[url])
    ]


def sources(files: Mapping[str, bytes], entry: str) -> Iterable[str]:
    """What a component fetches from elsewhere: a URL that answers when its source can be reached."""
    from ruamel.yaml import YAML

    folder = entry.replace("../", "").rstrip("/")
    found = []
    for path, content in files.items():
        if not path.startswith(f"{folder}/") or not path.endswith((".yaml", ".yml")):
            continue
        for document in YAML(typ="safe").load_all(content):
            if isinstance(document, dict) and document.get("kind") == "Application":
                spec = document.get("spec") or {}
                found += [*(spec.get("sources") or ()), *filter(None, [spec.get("source")])]
    return sorted({_question(source) for source in found if source["repoURL"] != catalog.EXAMPLE_REPOSITORY})


def reason_out_of_reach(url: str, invocation: Invocation) -> str | None:
    """Why the URL cannot be had from this machine; None when a server of that kind answers there."""
    import requests

    with requests.Session() as session:
        session.trust_env = False
        session.proxies.update(_proxies(invocation))
        try:
            answer = session.get(url, timeout=TIMEOUT, stream=True)
        except requests.RequestException as error:
            return _short(error)
        with answer:
            # A registry asks for a token first (401); that it asks is the answer.
            fine = answer.status_code < 400 or (url.endswith("/v2/") and answer.status_code == 401)
            return None if fine else f"HTTP {answer.status_code}"


def _question(source: Mapping[str, Any]) -> str:
    """The address that tells whether a chart repository, a registry or a Git host can be reached."""
    url = str(source["repoURL"]).rstrip("/")
    if "chart" not in source and not url.startswith("oci://"):
        return f"{url}/info/refs?service=git-upload-pack"
    if url.startswith(("http://", "https://")):
        return f"{url}/index.yaml"
    return f"https://{url.removeprefix('oci://').partition('/')[0]}/v2/"


def _proxies(invocation: Invocation) -> dict[str, str]:
    environ = invocation.environ
    found = {
        scheme: environ.get(f"{scheme}_proxy") or environ.get(f"{scheme.upper()}_PROXY") or ""
        for scheme in ("http", "https")
    }
    return {scheme: value for scheme, value in found.items() if value}


def _short(error: Exception) -> str:
    import requests

    if isinstance(error, requests.exceptions.SSLError):
        return "its certificate is not trusted"
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.exceptions.ProxyError):
        return "the proxy refuses"
    host = urlsplit(str(getattr(getattr(error, "request", None), "url", ""))).hostname
    return f"{host or 'the host'} cannot be reached"
