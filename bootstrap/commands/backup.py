"""`bootstrap backup`: options, then collect, compare, encrypt, write (backup/run.py)."""

from __future__ import annotations

from pathlib import Path

import click

from bootstrap.commands import completing
from bootstrap.commands.options import common
from bootstrap.core.output import Output

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.option(
    "--to",
    "folder",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder of the backups; each is a new file.",
)
@click.option("--recipient", "recipients", multiple=True, help="An age or SSH public key to encrypt to.")
@click.option("--recipients-file", type=_FILE, help="A file with such keys, one per line.")
@click.option(
    "--passphrase-file", type=_FILE, help="A file with a passphrase instead (or BOOTSTRAP_BACKUP_PASSPHRASE)."
)
@click.option(
    "--context",
    shell_complete=completing.contexts,
    help="The kubeconfig's context (default: its current one).",
)
@click.option("--shrunken", is_flag=True, help="Accept that objects of the last backup are gone.")
@click.option("--volumes", is_flag=True, help="Have storage drivers snapshot the claims' data.")
@click.option("--timeout", default=300.0, show_default=True, help="Seconds to wait for all snapshots.")
@click.option("--dry-run", is_flag=True, help="Show what would be saved; exit 1.")
@common
def command(
    output: Output,
    folder: Path,
    recipients: tuple[str, ...],
    recipients_file: Path | None,
    passphrase_file: Path | None,
    context: str | None,
    shrunken: bool,
    volumes: bool,
    timeout: float,
    dry_run: bool,
) -> int:
    """Save what a cluster has and Git does not, encrypted with age.

    Generated Secrets, keys of SealedSecrets, ACME accounts, Argo CD's accounts, clusters,
    repositories and trusted hosts. With --volumes, also a VolumeSnapshot of each claim: its data stays with
    the storage driver, and the backup says how to find it. Exit status 1 if a claim's data is not saved.

    \b
    Examples:
      bootstrap backup --to backups --recipient age1…
      bootstrap backup --to backups --passphrase-file passphrase
    """
    from bootstrap.backup.archive import Keys
    from bootstrap.backup.run import Request, backup

    keys = Keys(recipients, recipients_file, passphrase_file=passphrase_file)
    return backup(Request(folder, keys, context, shrunken, dry_run, volumes, timeout), output)
