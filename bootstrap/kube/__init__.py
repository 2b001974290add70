"""The cluster: connect, observe, read, apply. Nothing else in the program talks to an API server.

The parts: config (which server, as whom), connection (requests), errors (their failures),
discovery (where a kind is served), objects, server_side_apply, dry_run, secret, observe.
"""

from __future__ import annotations

from bootstrap.kube.config import contexts
from bootstrap.kube.connection import FIELD_MANAGER, Cluster, connect
from bootstrap.kube.dry_run import preview
from bootstrap.kube.objects import annotate, delete, get, list_objects, watch
from bootstrap.kube.observe import observe
from bootstrap.kube.secret import ensure_namespace, ensure_secret, left_to_set
from bootstrap.kube.server_side_apply import Applied, apply

__all__ = [
    "FIELD_MANAGER",
    "Applied",
    "Cluster",
    "annotate",
    "apply",
    "connect",
    "contexts",
    "delete",
    "ensure_namespace",
    "ensure_secret",
    "get",
    "left_to_set",
    "list_objects",
    "observe",
    "preview",
    "watch",
]
