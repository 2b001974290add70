"""`bootstrap sandbox up`: start, lay out a repository when asked to, and say where to look."""

from __future__ import annotations

from bootstrap.errors import ExitStatus
from bootstrap.output import Output


def run(
    output: Output, name: str, initialise: bool, profile: str, no_argocd: bool, provider: str, timeout: float
) -> int:
    """Returns the exit status; raises a BootstrapError for what can be expected."""
    from bootstrap.sandbox import lifecycle, status

    with_argocd = not no_argocd and not initialise
    sandbox = lifecycle.up(name, output.invocation, output, with_argocd=with_argocd, timeout=timeout)
    output.line(f"sandbox {name} is up")
    output.line(f"Kubernetes  {sandbox.server}  KUBECONFIG={sandbox.kubeconfig}")
    output.line(
        f"Git         {sandbox.git_url}  user {sandbox.git_username}, token in {sandbox.git_token_file}"
    )
    output.result(status.addresses(sandbox))
    return ExitStatus.OK
