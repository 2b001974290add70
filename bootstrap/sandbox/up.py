"""The provider of a sandbox by its name, and the same two verbs for each."""

from __future__ import annotations

from bootstrap.core.errors import InputError
from bootstrap.core.invocation import Invocation
from bootstrap.core.output import Output
from bootstrap.sandbox import embedded, files, state
from bootstrap.sandbox.addresses import Sandbox


def up(
    provider: str,
    name: str,
    invocation: Invocation,
    output: Output,
    with_argocd: bool,
    timeout: float,
    nodes: str | None = None,
) -> Sandbox:
    """Start it with the provider; InputError when the name is another provider's sandbox.

    `nodes`: "simulated" or "real"; kind brings its own nodes.
    """
    settings = state.load(state.folder_of(name, invocation))
    if settings and settings.provider != provider:
        raise InputError(
            "reading --provider",
            f"the sandbox {name} was created by {settings.provider}",
            f"choose another --name, or: bootstrap sandbox down --name {name} --purge",
        )
    if provider == "kind":
        if nodes is not None:
            raise InputError("reading --nodes", "kind brings its own nodes", "omit --nodes")
        from bootstrap.sandbox import kind

        return kind.up(name, invocation, output, with_argocd, timeout)
    return embedded.up(name, invocation, output, with_argocd=with_argocd, timeout=timeout, nodes=nodes)


def down(name: str, invocation: Invocation, output: Output, purge: bool) -> list[str]:
    """End the sandbox, whatever its provider; returns the names of what was running."""
    folder = state.folder_of(name, invocation)
    if purge:
        files.discard_damaged(folder)
    settings = state.load(folder)
    if settings and settings.provider == "kind":
        from bootstrap.sandbox import kind

        return kind.down(name, invocation, output, purge)
    return embedded.down(name, invocation, output, purge)
