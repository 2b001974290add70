"""Pure: the options of `ci init`, checked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from bootstrap.core.errors import InputError
from bootstrap.git import urls
from bootstrap.oci import reference as images

_NAME = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?")
_FOLDER = re.compile(r"\.|[A-Za-z0-9_](?:[A-Za-z0-9._-]*)(?:/[A-Za-z0-9_][A-Za-z0-9._-]*)*")
_ENTRY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]*")
_BRANCH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._/-]*")
_ACTION = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+(?:/[A-Za-z0-9._/-]+)?@(?P<ref>[A-Za-z0-9][A-Za-z0-9._/-]*)"
)
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_PLACEHOLDERS = frozenset({"OWNER", "REPO", "COMMIT"})
"""The documentation's placeholders for the parts of an action. GitHub ignores case, so a user of that name
can write it in lower case."""
RESERVED = frozenset({"image", "bump-image", "gitops"})
"""Names of the other files, which a service cannot have."""


@dataclass(frozen=True)
class Service:
    """One image: `folder` (relative to the repository's root, `.` for the root itself) has its Dockerfile.

    `entry` is the image's name in the GitOps repository; `images` is where it is pushed, beginning with the
    one that the cluster pulls.
    """

    name: str
    folder: str
    entry: str
    images: tuple[str, ...]
    left_out: tuple[str, ...] = ()
    """Folders inside it that start no build: a bump writes them."""

    @property
    def within(self) -> str:
        """The prefix of its files' paths."""
        return "" if self.folder == "." else f"{self.folder}/"


@dataclass(frozen=True)
class App:
    """CI of an application's repository."""

    app: str
    environment: str
    services: tuple[Service, ...]
    gitops_repository: str
    branch: str
    tool: str

    def inputs(self, service: Service) -> dict[str, str]:
        """The inputs of the pipeline that builds a service's image, by name."""
        return {
            "service": service.name,
            "context": service.folder,
            "app": self.app,
            "environment": self.environment,
            "entry": service.entry,
            "images": " ".join(service.images),
            "gitops-repository": self.gitops_repository,
        }


@dataclass(frozen=True)
class Gitops:
    """CI of the GitOps repository; `tool` is the action (GitHub) or the container image (GitLab)."""

    branch: str
    tool: str
    fetch_charts: bool = False

    @property
    def charts(self) -> str:
        """The option of `diff` and `validate` that renders charts, or ""."""
        return "--fetch-charts" if self.fetch_charts else ""


def services(
    folders: Mapping[str, str], app: str, registries: Sequence[str], entries: Mapping[str, str]
) -> tuple[Service, ...]:
    """The services by their folders; InputError for an invalid name or folder."""
    if unknown := sorted(set(entries) - set(folders)):
        hint = f"the services are: {', '.join(sorted(folders))}"
        raise InputError("reading --entry", f"there is no service {unknown[0]!r}", hint)
    found = []
    for name, folder in folders.items():
        if not _NAME.fullmatch(name) or name in RESERVED:
            hint = "use lower-case letters, digits and dashes; image, bump-image and gitops are reserved"
            raise InputError("reading --service", f"{name!r} cannot be a service's name", hint)
        if not _FOLDER.fullmatch(folder):
            hint = "give a folder relative to the repository's root, without spaces or wildcards"
            raise InputError("reading --service", f"{folder!r} cannot be a service's folder", hint)
        entry = entries.get(name, f"{app}/{name}")
        if not _ENTRY.fullmatch(entry):
            hint = "give the name in images:, the image's repository, or app/container"
            raise InputError("reading --entry", f"{entry!r} cannot be an image's name", hint)
        found.append(Service(name, folder, entry, tuple(f"{registry}/{name}" for registry in registries)))
    return tuple(found)


def named(folders: Iterable[str]) -> dict[str, str]:
    """The folders that were found, each by the name of its service.

    InputError, with the options that name all of them, if a folder's name cannot be a service's.
    """
    known = list(folders)
    odd = [folder for folder in known if not _NAME.fullmatch(folder) or folder in RESERVED]
    if not odd:
        return {folder: folder for folder in known}
    tried = "looking for services"
    options = [f"--service {_name_for(one)}={one}" for one in known if _FOLDER.fullmatch(one)]
    if bad := [folder for folder in odd if not _FOLDER.fullmatch(folder)]:
        found = f"{bad[0]!r} cannot be in a path filter: it has a space, a wildcard or a letter outside a-z"
        hint = "rename it, or leave it out by naming the others"
        hint = f"{hint}: {' '.join(options)}" if options else hint
        raise InputError(tried, found, hint, f"{bad[0]}/Dockerfile")
    found = f"the folder {odd[0]!r} cannot be a service's name: only a-z, 0-9 and - can"
    raise InputError(tried, found, f"name every service: {' '.join(options)}", f"{odd[0]}/Dockerfile")


def _name_for(folder: str) -> str:
    """A service's name for a folder."""
    name = re.sub(r"[^a-z0-9]+", "-", folder.lower()).strip("-") or "service"
    return f"{name}-service" if name in RESERVED else name


def check_word(option: str, value: str) -> str:
    """The name of an app or environment as given; InputError if it cannot be a folder's name."""
    if not _NAME.fullmatch(value):
        raise InputError(
            f"reading {option}", f"{value!r} is not a folder's name", "use lower-case letters, digits, dashes"
        )
    return value


def check_branch(value: str) -> str:
    if not _BRANCH.fullmatch(value) or ".." in value:
        raise InputError("reading --branch", f"{value!r} is not a branch", "give a name such as main")
    return value


def check_registry(value: str) -> str:
    """A registry's host and namespace, such as ghcr.io/org; InputError for anything else."""
    value = value.rstrip("/")
    tried, hint = "reading --registry", "give HOST/NAMESPACE in lower case, such as ghcr.io/org"
    reference = images.parse(f"{value}/name", tried)
    domain, _ = images.split_domain(reference.repository)
    if not value.startswith(f"{domain}/"):
        raise InputError(tried, f"{value!r} is not a registry", hint)
    return value


def check_repository(value: str) -> str:
    """The URL as given; InputError if a pipeline cannot reach it, or it has a credential in it."""
    urls.check_url(value)
    if value.startswith("file://"):
        raise InputError(
            "reading --gitops-repo", f"{value} is only on this machine", "give its URL on the Git host"
        )
    return value


def check_tool(provider: str, value: str) -> str:
    """The source of bootstrap for a pipeline: OWNER/REPO@REF (GitHub), or an image (GitLab)."""
    if provider == "gitlab":
        return str(images.parse(value, "reading --image"))
    hint = "give OWNER/REPO@COMMIT of the repository with bootstrap's action.yml"
    if not _ACTION.fullmatch(value):
        raise InputError("reading --action", f"{value!r} is not an action", hint)
    if _PLACEHOLDERS & set(re.split("[/@]", value)):
        raise InputError("reading --action", f"{value} is the documentation's placeholder", hint)
    return value


def is_pinned(provider: str, tool: str) -> bool:
    """Whether a commit or digest pins the tool, so that nobody can replace it later."""
    if provider == "gitlab":
        return images.parse(tool, "reading --image").digest is not None
    found = _ACTION.fullmatch(tool)
    return bool(found and _COMMIT.fullmatch(found["ref"]))


def default_registry(provider: str, origin: str | None) -> str | None:
    """GHCR, or GitLab's own registry, for a repository that comes from `origin`; None: unknown."""
    if origin is None:
        return None
    host = urls.host_of(origin)
    path = (
        (urlsplit(origin).path if "://" in origin else origin.partition(":")[2])
        .strip("/")
        .removesuffix(".git")
        .lower()
    )
    if provider == "github" and host == "github.com" and path.count("/") == 1:
        return f"ghcr.io/{path.partition('/')[0]}"
    if provider == "gitlab" and host == "gitlab.com" and "/" in path:
        return f"registry.gitlab.com/{path}"
    return None
