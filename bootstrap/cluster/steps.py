"""The steps of `bootstrap cluster`: frozen values without credentials (handlers.py carries them out)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SetCredential:
    """Have Argo CD read a repository with another credential; `was` and `becomes` are kinds, in words."""

    url: str
    secret: str
    was: str
    becomes: str


@dataclass(frozen=True)
class RotateWebhook:
    """A new secret for the host's webhooks to `addresses`, in argocd-secret and at the host."""

    url: str
    key: str
    addresses: tuple[str, ...]


@dataclass(frozen=True)
class RotatePassword:
    """A new password for Argo CD's user admin."""


@dataclass(frozen=True)
class RotateSecret:
    """New random values for generated keys of a Secret."""

    namespace: str
    name: str
    keys: tuple[str, ...]


@dataclass(frozen=True)
class RollPods:
    """Restart the workloads whose pods use Secrets that changed, and wait; `workloads` are (kind, name)."""

    namespace: str
    workloads: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class RotateDeployKey:
    """A new deploy key for the repository; the old one is deleted from the host."""

    url: str
    secret: str


Step = SetCredential | RotateWebhook | RotatePassword | RotateSecret | RollPods | RotateDeployKey


@dataclass(frozen=True)
class Plan:
    """What is done, in order."""

    steps: tuple[Step, ...]
    notes: tuple[str, ...] = ()


def title(step: Step) -> str:
    """One line: what the step does."""
    match step:
        case SetCredential():
            return f"change Argo CD's credential for {step.url} from {step.was} to {step.becomes}"
        case RotateWebhook():
            return f"change the webhook's secret ({step.key}) in Argo CD and at {', '.join(step.addresses)}"
        case RotatePassword():
            return "change the password of Argo CD's user admin; its sessions end"
        case RotateSecret():
            return f"change Secret {step.namespace}/{step.name} ({', '.join(step.keys)})"
        case RollPods():
            names = ", ".join(f"{kind} {name}" for kind, name in step.workloads)
            return f"restart in {step.namespace}: {names}"
        case RotateDeployKey():
            return f"change Argo CD's deploy key of {step.url}, and delete the old one"
