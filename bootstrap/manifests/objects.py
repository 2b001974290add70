"""One Kubernetes object and the text it was read from."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class ClusterObject:
    """One object to apply: `text` is the document as written (YAML or JSON), sent unchanged."""

    api_version: str
    kind: str
    namespace: str
    name: str
    text: bytes = field(repr=False)

    def __str__(self) -> str:
        place = f"{self.namespace}/" if self.namespace else ""
        return f"{self.kind} {place}{self.name}"
