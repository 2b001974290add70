"""Pure: the pipelines of GitLab CI, path → content."""

from __future__ import annotations

from bootstrap.ci.request import App, Gitops, Service
from bootstrap.ci.shipped import edited, text

FOLDER = ".gitlab/ci"
PIPELINE = ".gitlab-ci.yml"


def app_files(app: App) -> dict[str, bytes]:
    """One file per service, with its path filter, and what all share."""
    image = {("spec", "inputs", "bootstrap-image", "default"): app.tool}
    return {
        PIPELINE: text("gitlab", "app.yml"),
        **{f"{FOLDER}/services/{service.name}.yml": _service(service, app) for service in app.services},
        f"{FOLDER}/image.yml": text("gitlab", "image.yml"),
        f"{FOLDER}/bump-image.yml": edited("gitlab", "bump-image.yml", image),
    }


def gitops_files(gitops: Gitops) -> dict[str, bytes]:
    """The checks of every merge request of the GitOps repository."""
    edits = {("default", "image", "name"): gitops.tool, ("variables", "CHARTS"): gitops.charts}
    return {PIPELINE: edited("gitlab", "gitops.yml", edits)}


def todo(app: App | None) -> list[str]:
    """What remains to be done by hand on GitLab."""
    if app is None:
        return [
            "protect the branch, and require pipelines to succeed (Settings, Merge requests)",
            "for the comment in merge requests, set the CI/CD variable GITOPS_COMMENT_TOKEN, masked and not"
            " protected, to an access token of this project with the scope api and the role Reporter",
        ]
    ssh = not app.gitops_repository.startswith(("https://", "http://"))
    found = [
        "set the CI/CD variables GITOPS_SSH_KEY (a deploy key with write access) and GITOPS_KNOWN_HOSTS,"
        " both of type file"
        if ssh
        else "set the CI/CD variable GITOPS_TOKEN, masked and protected, to an access token of the GitOps"
        " project with write_repository"
    ]
    images = [image for service in app.services for image in service.images]
    for registry, name in (("ghcr.io/", "GHCR"), ("docker.io/", "DOCKERHUB")):
        if any(image.startswith(registry) for image in images):
            found.append(
                f"set the CI/CD variables {name}_USERNAME and {name}_TOKEN (masked) to a login that may push"
            )
    return found


def _service(service: Service, app: App) -> bytes:
    inputs = ("include", 0, "inputs")
    edits: dict[tuple[str | int, ...], str] = {
        (*inputs, name): value for name, value in app.inputs(service).items()
    }
    edits[(*inputs, "changes", 0)] = f"{service.within}**/*"
    return edited("gitlab", "service.yml", edits)
