"""`bootstrap doctor`: one report to find what is wrong, or to paste into a bug report."""

from __future__ import annotations

import click

from bootstrap.commands.options import common
from bootstrap.output import Output


@click.command()
@click.option("--context", help="The kubeconfig's context (default: its current one).")
@click.option("--namespace", default="argocd", show_default=True, help="Argo CD's namespace.")
@common
def command(output: Output, context: str | None, namespace: str) -> int:
    """Look at programs, cluster, rights, clock, Argo CD, its repositories and queue, certificates.

    Says of each finding what to do. It holds no secret. Exit status 1 when something is broken.

    \b
    Examples:
      bootstrap doctor
      bootstrap doctor -o json
    """
    from bootstrap.doctor import doctor

    return doctor(context, namespace, output)
