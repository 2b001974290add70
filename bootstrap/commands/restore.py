"""`bootstrap restore`: options, then open, compare, show, create (restore/run.py)."""

from __future__ import annotations

from pathlib import Path

import click

from bootstrap.commands import completing
from bootstrap.commands.options import common
from bootstrap.core.output import Output

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("file", type=_FILE)
@click.option("--identity-file", type=_FILE, help="The age or SSH private key that decrypts it.")
@click.option(
    "--passphrase-file", type=_FILE, help="A file with a passphrase instead (or BOOTSTRAP_BACKUP_PASSPHRASE)."
)
@click.option(
    "--context",
    shell_complete=completing.contexts,
    help="The kubeconfig's context (default: its current one).",
)
@click.option("--without-volumes", is_flag=True, help="Leave out the claims, and their snapshots.")
@click.option("--dry-run", is_flag=True, help="Show what would be created; exit 1 if anything.")
@click.option("--yes", metavar="NAME", help="The cluster's name (its context), instead of the question.")
@common
def command(
    output: Output,
    file: Path,
    identity_file: Path | None,
    passphrase_file: Path | None,
    context: str | None,
    without_volumes: bool,
    dry_run: bool,
    yes: str | None,
) -> int:
    """Restore what a cluster lacks from a backup.

    Run it before `bootstrap init --cluster-only`, which keeps what exists. Nothing is overwritten:
    an object that exists with different content stops the whole run.

    \b
    Example:
      bootstrap restore backups/edge-20300102T030405Z.age --identity-file key.txt --yes edge
    """
    from bootstrap.backup.archive import Keys
    from bootstrap.restore.run import Request, restore

    keys = Keys(identity_file=identity_file, passphrase_file=passphrase_file)
    return restore(Request(file, keys, context, yes, dry_run, without_volumes), output)
