"""Repositories with CI laid out by the command itself, for tests that look at the files."""

from __future__ import annotations

import io
import os
from pathlib import Path

from bootstrap.core.invocation import Invocation
from bootstrap.main import run
from tests.git_repositories import git

ACTION = f"org/bootstrap@{'0123456789' * 4}"
IMAGE = f"registry.example.com/platform/bootstrap@sha256:{'0a' * 32}"
GITOPS = "https://github.com/org/gitops.git"
SERVICES = ("result", "vote", "worker")
TOOL = {"github": ("--action", ACTION), "gitlab": ("--image", IMAGE)}
BOTH = ("--registry", "ghcr.io/org", "--registry", "docker.io/org")


def repository(folder: Path, *services: str) -> Path:
    """A Git repository with a Dockerfile a service."""
    folder.mkdir(parents=True)
    git(folder, "init", "--quiet", "--initial-branch=main")
    for service in services:
        (folder / service).mkdir()
        (folder / service / "Dockerfile").write_text("FROM scratch\n")
    return folder


def app(folder: Path, provider: str, *options: str) -> Path:
    """The voting app's repository, laid out."""
    repository(folder, *SERVICES)
    options = (*TOOL[provider], "--app", "voting-app", "--gitops-repo", GITOPS, *(options or BOTH))
    return lay_out(folder, provider, *options)


def gitops(folder: Path, provider: str, *options: str) -> Path:
    """A GitOps repository, laid out."""
    return lay_out(repository(folder), provider, *TOOL[provider], "--gitops", "--branch", "main", *options)


def lay_out(folder: Path, provider: str, *options: str) -> Path:
    out = io.StringIO()
    invocation = Invocation(io.StringIO(), out, out, dict(os.environ))
    assert run(["ci", "init", "--provider", provider, *options, str(folder)], invocation) == 0, out.getvalue()
    return folder
