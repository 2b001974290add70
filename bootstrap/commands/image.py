"""`bootstrap image`: list, set, promote and roll back images in a GitOps repository, with their history."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from bootstrap.commands.options import CREDENTIAL, common, together
from bootstrap.core.output import Output

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)

_access = together(
    click.option("--repo", metavar="URL", help="The repository, without a checkout of it."),
    click.option("--branch", help="Its branch (default: the repository's, or the one checked out)."),
    *CREDENTIAL,
)

_commit = together(
    click.option("--push", is_flag=True, help="Commit and push; without it, only the files are changed."),
    click.option("--pr", is_flag=True, help="Propose it: a branch of its own and a pull request."),
    click.option(
        "--pr-branch", metavar="NAME", help="The branch of --pr (default: named after what is set)."
    ),
    click.option("--label", "labels", multiple=True, help="A label of the pull request."),
    click.option("--auto-merge", is_flag=True, help="Have the host merge it when its checks pass."),
    click.option(
        "--via",
        type=click.Choice(["git", "api"]),
        default="git",
        show_default=True,
        help="What creates the commit of --push: git, or the host (GitHub signs it).",
    ),
    click.option("--message", help="The commit's message."),
    click.option("--author", metavar="'NAME <EMAIL>'", help="The commit's author (default: git's)."),
    click.option(
        "--sign",
        is_flag=True,
        help="Sign the commit, as git is configured to. With --repo, only bootstrap.yaml can require it.",
    ),
    click.option("--signoff", is_flag=True, help="Add a Signed-off-by trailer."),
    click.option("--dry-run", is_flag=True, help="Show what would change; exit 1 if anything."),
    click.option("--timeout", default=300.0, show_default=True, help="Seconds to keep trying."),
)

_registry = together(
    click.option("--pin", is_flag=True, help="Write the digest that the registry has for the tag."),
    click.option("--check-exists", is_flag=True, help="Refuse an image that its registry does not have."),
    click.option("--registry-ca-file", type=_FILE, help="The CA that signed the registry's certificate."),
)

_guard = together(
    click.option("--only-newer", is_flag=True, help="Only if it is newer, by version or by commit."),
    click.option(
        "--built-at", metavar="TIME", help="When the build started: only if nobody has set it since."
    ),
    click.option(
        "--source",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        metavar="FOLDER",
        help="The application's repository, for --only-newer by commit (default: here).",
    ),
)

_app = click.option("--app", help="Only this app: the folder below apps/ or infrastructure/.")
_environment = click.option("--env", "environment", help="Only this environment: an overlay.")


@click.group()
def command() -> None:
    """List and set the images in a GitOps repository, safely from many pipelines at once."""


@command.command("set")
@click.argument("arguments", nargs=-1, required=True, metavar="NAME=REFERENCE... [PATH]")
@_environment
@_app
@click.option("--expect", metavar="OLD", help="Only if the image is OLD now; else exit 9.")
@_guard
@_registry
@_access
@_commit
@common
def set_(output: Output, arguments: tuple[str, ...], **options: Any) -> int:
    """Set images, in the files at PATH (default: here) or on a branch.

    NAME is a name in `images:`, an image's repository, or app/container. REFERENCE is a full
    reference, :TAG, @DIGEST or TAG@DIGEST. One value changes; every other byte stays. With --push,
    it is committed and pushed, and again on the new tip whenever someone else pushes first.

    \b
    Examples:
      bootstrap image set web=:v1.2.0 --env staging
      bootstrap image set ghcr.io/org/web=:v1.2.0 apps/web/overlays/staging
      bootstrap image set shop/web=ghcr.io/org/web:v1.2.0 shop/api=:v1.4.1 --env production
      bootstrap image set web=:v1.2.0 --app shop --env staging --push \\
        --repo https://git.example.com/org/gitops.git
    """
    from bootstrap.image.set import SetRequest, set_images

    names, path = _split(arguments)
    request = SetRequest(
        names,
        _access_of(options, path),
        app=options["app"],
        environment=options["environment"],
        expect=options["expect"],
        conditions=_conditions_of(options),
        commit=_commit_of(options),
    )
    return set_images(request, output)


def _split(arguments: tuple[str, ...]) -> tuple[tuple[str, ...], str | None]:
    """NAME=REFERENCE… and, last and without an equals sign, PATH."""
    if len(arguments) > 1 and "=" not in arguments[-1]:
        return arguments[:-1], arguments[-1]
    return arguments, None


def _access_of(options: dict[str, Any], path: str | None) -> Any:
    from bootstrap.edit.access import Access

    names = ("repo", "branch", "username", "token_file", "ssh_key", "known_hosts", "ca_file")
    return Access(path, **{name: options[name] for name in names})


def _conditions_of(options: dict[str, Any]) -> Any:
    from bootstrap.image.conditions import Conditions

    names = ("only_newer", "source", "pin", "check_exists", "registry_ca_file")
    built_at = options.get("built_at")
    if built_at is not None:
        from bootstrap.image.newer import parse_time

        built_at = parse_time(built_at)
    return Conditions(built_at=built_at, **{name: options[name] for name in names if name in options})


def _commit_of(options: dict[str, Any]) -> Any:
    from bootstrap.image.set import CommitOptions

    review = None
    if not options["pr"] and (options["labels"] or options["auto_merge"] or options["pr_branch"]):
        raise click.UsageError("--label, --auto-merge and --pr-branch have no effect without --pr")
    if options["pr"]:
        from bootstrap.edit.review import Review

        review = Review(options["labels"], options["auto_merge"], options["pr_branch"])
    names = ("push", "message", "author", "sign", "signoff", "dry_run", "timeout", "via")
    return CommitOptions(review=review, **{name: options[name] for name in names})


@command.command("list")
@click.argument("path", required=False)
@_environment
@_app
@click.option("--no-history", is_flag=True, help="Do not ask git who set the images.")
@_access
@common
def list_(output: Output, path: str | None, no_history: bool, **options: Any) -> int:
    """List the images at PATH (default: here), where they are, and who set them when.

    \b
    Examples:
      bootstrap image list
      bootstrap image list apps/shop --env production -o json
      bootstrap image list --repo https://git.example.com/org/gitops.git
    """
    from bootstrap.image.list import list_images

    access = _access_of(options, path)
    return list_images(access, options["app"], options["environment"], not no_history, output)


@command.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("--from", "source", required=True, help="The environment that has the image already.")
@click.option("--to", "target", required=True, help="The environment that gets it.")
@click.option("--path", help="The folder to look in.")
@_app
@_registry
@_access
@_commit
@common
def promote(output: Output, names: tuple[str, ...], **options: Any) -> int:
    """Give images in one environment the tag and digest that they have in another.

    \b
    Examples:
      bootstrap image promote web --from staging --to production
      bootstrap image promote shop/web shop/api --from staging --to production --push
    """
    from bootstrap.image import promote

    return promote.promote(
        names,
        options["source"],
        options["target"],
        _access_of(options, options["path"]),
        options["app"],
        _conditions_of({**options, "source": None}),
        _commit_of(options),
        output,
    )


@command.command()
@click.argument("name")
@click.argument("path", required=False)
@_environment
@_app
@click.option("--limit", type=click.IntRange(min=1), help="Show at most this many steps.")
@_access
@common
def history(output: Output, name: str, path: str | None, limit: int | None, **options: Any) -> int:
    """Print what an image was, when and by whom it was set, newest first.

    \b
    Examples:
      bootstrap image history web --env production
      bootstrap image history shop/web --env staging --repo https://git.example.com/org/gitops.git
    """
    from bootstrap.image import promote

    access = _access_of(options, path)
    return promote.history(name, access, options["app"], options["environment"], limit, output)


@command.command()
@click.argument("name")
@click.argument("path", required=False)
@click.option("--to", default="1", show_default=True, help="Steps back; or a tag, digest or commit.")
@_environment
@_app
@_access
@_commit
@common
def rollback(output: Output, name: str, path: str | None, to: str, **options: Any) -> int:
    """Set an image back to an earlier reference, with a new commit.

    A pipeline that runs `image set --built-at` or `--only-newer` keeps it until there is a newer build.

    \b
    Examples:
      bootstrap image rollback web --env production --push
      bootstrap image rollback shop/web --env production --to v1.1.0 --push
    """
    from bootstrap.image import promote

    access = _access_of(options, path)
    commit = _commit_of(options)
    return promote.rollback(name, to, access, options["app"], options["environment"], commit, output)
