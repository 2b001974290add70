"""Kubeconfigs for tests, written as JSON (which is YAML)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def write(
    path: Path,
    server: str = "https://127.0.0.1:1",
    user: Mapping[str, Any] | None = None,
    context: str = "test",
    current: str | None = "test",
    **cluster: Any,
) -> Path:
    """One context of one cluster and one user; `cluster` are further fields of the cluster."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": context, "cluster": {"server": server, **cluster}}],
        "users": [{"name": context, "user": dict(user or {})}],
        "contexts": [{"name": context, "context": {"cluster": context, "user": context}}],
    }
    if current is not None:
        config["current-context"] = current
    path.write_text(json.dumps(config))
    path.chmod(0o600)
    return path
