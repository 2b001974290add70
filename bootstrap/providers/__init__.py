"""The APIs of Git hosts, one class a host."""

from __future__ import annotations

from bootstrap.providers.provider import (
    HOSTS,
    WEBHOOK_KEYS,
    Provider,
    PullRequest,
    PullRequestSpec,
    find,
    get,
)

__all__ = ["HOSTS", "WEBHOOK_KEYS", "Provider", "PullRequest", "PullRequestSpec", "find", "get"]
