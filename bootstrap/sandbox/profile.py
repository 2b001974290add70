"""Which of the catalog's components this machine can use: those whose charts and sources it can reach."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from bootstrap.core.invocation import Invocation
from bootstrap.http.session import Failure, Session
from bootstrap.layout import catalog, components

CLUSTER = "clusters/default/kustomization.yaml"
TIMEOUT = 5.0
"""Seconds for a host to answer."""


@dataclass(frozen=True)
class Missing:
    """A component that cannot be fetched from here: what it needs, and why that is out of reach."""

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

    Asks every host once, in parallel. `probe` returns why a URL cannot be reached, or None when it can.
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
    """What a component fetches: a URL that answers when its source can be reached."""
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
    """Why the URL cannot be reached from this machine; None when a server of that kind answers there."""
    with Session(invocation) as session:
        try:
            answer = session.send("GET", url, timeout=TIMEOUT, redirects=True, stream=True)
        except Failure as error:
            return _short(error, url)
        with answer:
            # A registry asks for a token first (401), which proves that it is one.
            fine = answer.status_code < 400 or (url.endswith("/v2/") and answer.status_code == 401)
            return None if fine else f"HTTP {answer.status_code}"


def _question(source: Mapping[str, Any]) -> str:
    """The address to probe for a chart repository, a registry or a Git host."""
    url = str(source["repoURL"]).rstrip("/")
    if "chart" not in source and not url.startswith("oci://"):
        return f"{url}/info/refs?service=git-upload-pack"
    if url.startswith(("http://", "https://")):
        return f"{url}/index.yaml"
    return f"https://{url.removeprefix('oci://').partition('/')[0]}/v2/"


def _short(failure: Failure, url: str) -> str:
    reasons = {
        "certificate": "its certificate is not trusted",
        "silent": "no answer in time",
        "proxy": "the proxy refuses",
    }
    return reasons.get(failure.kind) or f"{urlsplit(url).hostname or 'the host'} cannot be reached"
