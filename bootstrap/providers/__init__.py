"""The APIs of Git hosts, one class a host."""

from __future__ import annotations

from bootstrap.providers.provider import HOSTS, Provider, PullRequest, PullRequestSpec, find, get

__all__ = ["HOSTS", "Provider", "PullRequest", "PullRequestSpec", "find", "get"]
