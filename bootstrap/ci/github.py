"""Pure: the workflows of GitHub Actions, path → content."""

from __future__ import annotations

from bootstrap.ci.request import App, Gitops, Service
from bootstrap.ci.shipped import edited, text
from bootstrap.yamledit import edit

FOLDER = ".github/workflows"
_BUMP = ("jobs", "bump", "steps", ("name", "Set the image"), "uses")
_REPOSITORY = ("inputs", "gitops-repository", "default")


def app_files(app: App) -> dict[str, bytes]:
    """One caller per service, with its path filter, and the two workflows that all share."""
    bump = edited(
        "github",
        "bump-image.yml",
        {
            _BUMP: app.tool,
            ("on", "workflow_call", *_REPOSITORY): app.gitops_repository,
            ("on", "workflow_dispatch", *_REPOSITORY): app.gitops_repository,
        },
    )
    callers = {f"{FOLDER}/{service.name}.yml": _caller(service, app) for service in app.services}
    return {**callers, f"{FOLDER}/image.yml": text("github", "image.yml"), f"{FOLDER}/bump-image.yml": bump}


def gitops_files(gitops: Gitops) -> dict[str, bytes]:
    """The checks of every pull request of the GitOps repository."""
    uses = {
        ("jobs", job, "steps", ("name", "Get bootstrap"), "uses"): gitops.tool
        for job in ("validate", "diff", "comment")
    }
    rest = {("on", "push", "branches", 0): gitops.branch, ("env", "CHARTS"): gitops.charts}
    content = edited("github", "gitops.yml", {**uses, **rest})
    return {f"{FOLDER}/gitops.yml": content}


def todo(app: App | None) -> list[str]:
    """What remains to be done by hand on GitHub."""
    if app is None:
        return ["protect the branch, and require the check 'validate' (Settings, Rules)"]
    docker_hub = any("docker.io/" in image for service in app.services for image in service.images)
    ssh = not app.gitops_repository.startswith(("https://", "http://"))
    secret = (
        "set the secret GITOPS_SSH_KEY to a deploy key with write access to the GitOps repository, and the"
        " variable GITOPS_KNOWN_HOSTS to its host's keys"
        if ssh
        else "set the variable GITOPS_APP_CLIENT_ID and the secret GITOPS_APP_PRIVATE_KEY to a GitHub App"
        " with contents: write on the GitOps repository; or the secret GITOPS_TOKEN to such a token"
    )
    hub = "set DOCKERHUB_USERNAME (variable) and DOCKERHUB_TOKEN (secret) to a login that may push"
    return [secret, *([hub] if docker_hub else [])]


def _caller(service: Service, app: App) -> bytes:
    edits: dict[tuple[str | int, ...], str] = {
        ("name",): service.name,
        ("on", "push", "branches", 0): app.branch,
        (
            "concurrency",
            "group",
        ): f"{service.name}-${{{{ github.event.pull_request.number || github.run_id }}}}",
    }
    # Given here, because a run that is started by hand may be of any branch.
    publish = f"${{{{ github.event_name != 'pull_request' && github.ref_name == '{app.branch}' }}}}"
    edits["jobs", "image", "with", "publish"] = publish
    for event in ("push", "pull_request"):
        edits["on", event, "paths", 0] = f"{service.within}**"
        edits["on", event, "paths", 1] = f"{FOLDER}/{service.name}.yml"
    edits |= {("jobs", "image", "with", name): value for name, value in app.inputs(service).items()}
    content = edited("github", "service.yml", edits)
    for event in ("push", "pull_request"):
        for folder in service.left_out:  # the last pattern that fits a path decides
            content = edit.add_text(content, (0, "on", event, "paths"), f"!{folder}/**", "service.yml")
    return content
