"""The commands that a run tells the user to run next carry what the run was given, and are accepted."""

from __future__ import annotations

import shlex

import click
import pytest

from bootstrap.argocd.root import Place
from bootstrap.core import next_run
from bootstrap.core.next_run import Given
from bootstrap.main import COMMANDS, cli

URL = "https://git.example.com/platform/gitops.git"
TOKEN = {"--token-file": ["my token"], "--username": ["me"]}
BY_TOKEN = "--username me --token-file 'my token'"


def takes(words: str) -> set[str]:
    """As `commands/options.py` reads it from the command itself."""
    found = _of(words)
    return {name for one in found.params for name in one.opts} | (
        {"REPO_URL"} if any(one.name == "repo_url" for one in found.params) else set()
    )


def _of(words: str) -> click.Command:
    found: click.Command = cli
    for word in words.split():
        assert isinstance(found, click.Group)
        there = found.get_command(click.Context(found), word)
        assert there is not None
        found = there
    return found


@pytest.mark.parametrize(
    ("run", "given", "words", "more", "line"),
    [
        ("restore", {"--context": ["edge"]}, "init", (URL,), f"init {URL} --context edge"),
        (
            "uninstall",
            {"--context": ["edge"], "--cluster": ["x"]},
            "uninstall",
            (),
            "uninstall --context edge",
        ),
        (
            "uninstall",
            {**TOKEN, "--context": ["edge"]},
            "uninstall",
            (URL, "--cluster-gone", "--cluster", "NAME"),
            f"uninstall {URL} --cluster-gone --cluster NAME --context edge {BY_TOKEN}",
        ),
        (
            "component enable",
            {**TOKEN, "--cluster": ["edge"], "--repo": [URL], "--pr": [], "--dry-run": []},
            "component disable",
            ("loki",),
            f"component disable loki --cluster edge --repo {URL} --pr {BY_TOKEN}",
        ),
        (
            "init",
            {**TOKEN, "--cluster": ["edge"]},
            "component disable",
            ("a",),
            "component disable a --cluster edge",
        ),
        (
            "app add",
            {"--in": ["gitops"], "--path": ["chart"]},
            "env add",
            ("qa",),
            "env add qa --path gitops",
        ),
        ("component enable", {"--path": ["gitops"]}, "app list", (), "app list --in gitops"),
        ("doctor", {**TOKEN, "--context": ["edge"]}, "status", (), "status --context edge"),
        ("status", {"--repo": ["."], "--context": ["-x"]}, "wait", (), "wait --context=-x"),
        ("wait", {"--token-file": ["argocd"]}, "init", (URL,), f"init {URL}"),
        ("sandbox push", {"--name": ["pods"]}, "sandbox logs", ("gitea",), "sandbox logs gitea --name pods"),
        ("ci comment", {"--name": ["pods"]}, "sandbox down", (), "sandbox down"),
        ("upgrade", {"--path": ["/a/clone"]}, "init", (URL,), f"init {URL}"),
        ("upgrade", {"--path": ["a"], "--repo": [URL]}, "init", (URL,), f"init {URL} --path a"),
        ("upgrade", {"--branch": ["next"]}, "upgrade", ("--continue",), "upgrade --continue"),
    ],
)
def test_a_command_carries_what_the_run_was_given_where_it_means_the_same(
    run: str, given: Given, words: str, more: tuple[str, ...], line: str
) -> None:
    with next_run.carrying(run, given, takes):
        made = next_run.command(words, *more)
    assert made == f"bootstrap {line}"
    rest = shlex.split(made)[1 + len(words.split()) :]
    _of(words).make_context(words, [one for one in rest if "token" not in one], resilient_parsing=True)
    assert next_run.command(words, *more) == shlex.join(["bootstrap", *words.split(), *more])


def test_kubectl_speaks_to_the_cluster_of_the_run() -> None:
    with next_run.carrying("uninstall", {"--context": ["my edge"]}, takes):
        assert next_run.kubectl("get nodes") == "kubectl --context='my edge' get nodes"
    assert next_run.kubectl("get nodes") == "kubectl get nodes"


def test_what_a_cluster_follows_is_named_where_it_is_not_the_default() -> None:
    assert Place(URL, "main", "clusters/default").init_command() == f"bootstrap init {URL}"
    elsewhere = Place(URL, "next", "platform/clusters/edge").init_command("--cluster-only")
    options = "--cluster-only --branch next --cluster edge --path platform"
    assert elsewhere == f"bootstrap init {URL} {options}"
    assert Place(folder="somewhere/else").init_command() == "bootstrap init REPO_URL"


def test_every_option_that_is_carried_is_one_of_some_command() -> None:
    def options(found: click.Command) -> set[str]:
        known = {name for one in found.params for name in one.opts}
        if isinstance(found, click.Group):
            below = [
                found.get_command(click.Context(found), name)
                for name in found.list_commands(click.Context(found))
            ]
            known |= {name for one in below if one for name in options(one)}
        return known

    known = {name for command in COMMANDS for name in options(_of(command))}
    assert {*next_run.CARRIED, *next_run.WRITES, *next_run.OF_THE_HOST} <= known
