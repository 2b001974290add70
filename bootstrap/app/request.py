"""Pure: the options of `bootstrap app add`, checked before anything is read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, NoReturn

from bootstrap.core.errors import InputError
from bootstrap.oci import reference as images
from bootstrap.oci.reference import Reference

Kind = Literal["image", "chart", "git"]

PRODUCTION = ("production", "prod")
"""Environments whose hosts do not include the environment's name."""
SETTINGS = "settings"
"""The ConfigMap that every overlay has for its components; kustomize accepts no other of that name."""
LABEL = 63
"""Maximum characters of a DNS label, and so of a namespace's name."""
_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_PART = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_VERSION = re.compile(r"v?\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?")
_CONFIG = re.compile(r"(?P<kind>secret|configmap)/(?P<name>[^:]+)(:(?P<keys>.+))?")
_OPTIONS = {
    "image": ("port", "host", "gateway", "replicas", "env_from", "health", "user"),
    "chart": ("version", "values"),
    "git": ("path", "revision"),
}
_NEEDED = {"image": ("port",), "chart": ("version",), "git": ("path", "revision")}


@dataclass(frozen=True)
class Config:
    """A Secret or ConfigMap whose keys become variables; `keys` of a Secret get random values."""

    kind: Literal["secret", "configmap"]
    name: str
    keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class Chart:
    """A chart as Argo CD names it: an OCI repository has no scheme."""

    repository: str
    name: str


@dataclass(frozen=True)
class AppRequest:
    """The options of `app add`, as given; `values` is the content of --values."""

    name: str
    environments: tuple[str, ...] = ()
    image: str | None = None
    port: int | None = None
    host: str | None = None
    gateway: bool = False
    replicas: int | None = None
    env_from: tuple[str, ...] = ()
    health: str | None = None
    user: int | None = None
    chart: str | None = None
    version: str | None = None
    values: bytes | None = None
    git: str | None = None
    path: str | None = None
    revision: str | None = None

    @property
    def kind(self) -> Kind:
        """What the app is made from; `check` has made sure that exactly one of the three is given."""
        return "image" if self.image else "chart" if self.chart else "git"

    def check(self) -> None:
        """Raise InputError for the first invalid option."""
        check_name(self.name, "the app's name", self.environments)
        given = [f"--{kind}" for kind in _OPTIONS if getattr(self, kind) is not None]
        if len(given) != 1:
            found = f"{' and '.join(given)} cannot be combined" if given else "nothing says what to run"
            _refuse("the options", found, "give one of --image, --chart and --git")
        self._check_companions()
        if self.image is not None:
            self._check_image()
        elif self.chart is not None:
            self.chart_parts()
            if not _VERSION.fullmatch(str(self.version)):
                found = f"{self.version!r} is not an exact version"
                _refuse(
                    "--version", found, "give it in full, such as 1.4.2: only a commit may change what runs"
                )
        else:
            self._check_git()

    def reference(self) -> Reference:
        """The image; InputError when it names no version."""
        tried = "reading --image"
        found = images.parse(str(self.image), tried)
        if found.digest is None and found.tag in (None, "latest"):
            why = "it has no tag, which means latest" if found.tag is None else "latest changes by itself"
            hint = f"name a version or a digest: {found.repository}:1.4.2 or {found.repository}@sha256:…"
            raise InputError(tried, f"{self.image}: {why}", hint)
        return found

    def configs(self) -> tuple[Config, ...]:
        """What --env-from names; InputError for anything but a Secret or a ConfigMap."""
        return tuple(_config(text) for text in self.env_from)

    def chart_parts(self) -> Chart:
        """REPOSITORY/CHART in its two parts; InputError for anything else."""
        text = str(self.chart).rstrip("/")
        scheme, _, rest = text.partition("://")
        repository, _, name = rest.rpartition("/")
        if (
            scheme not in ("https", "oci")
            or not repository
            or not re.fullmatch(r"[a-z0-9][a-z0-9._-]*", name)
        ):
            hint = "give https://HOST/REPOSITORY/CHART or oci://HOST/REPOSITORY/CHART"
            _refuse("--chart", f"{self.chart!r} is not a chart in a repository", hint)
        if "@" in repository:
            hint = "omit it: Argo CD reads credentials from a Secret"
            _refuse("--chart", "it contains a credential, which would be in Git", hint)
        return Chart(repository if scheme == "oci" else f"https://{repository}", name)

    def _check_companions(self) -> None:
        for kind, names in _OPTIONS.items():
            for name in names:
                if getattr(self, name) and kind != self.kind:
                    option = f"--{name.replace('_', '-')}"
                    _refuse("the options", f"{option} requires --{kind}", f"omit it with --{self.kind}")
        for name in _NEEDED[self.kind]:
            if getattr(self, name) in (None, ""):
                _refuse("the options", f"--{self.kind} requires --{name}", f"add --{name}")

    def _check_image(self) -> None:
        self.reference()
        if not 1 <= (self.port or 0) <= 65535:
            _refuse(
                "--port", f"{self.port} is not a port", "give the port that the image listens on, 1 to 65535"
            )
        if self.host is not None:
            check_host(self.host, "--host")
        if self.gateway and self.host is None:
            _refuse("the options", "--gateway requires --host", "add --host")
        if self.replicas is not None and self.replicas < 1:
            _refuse("--replicas", f"{self.replicas} is not enough", "give 1 or more")
        if self.health is not None and not re.fullmatch(r"/[^\s#]*", self.health):
            _refuse(
                "--health", f"{self.health!r} is not a path", "give one that answers 200, such as /healthz"
            )
        if self.user is not None and not 1 <= self.user < 2**31:
            _refuse(
                "--user",
                f"{self.user} is not the ID of a user other than root",
                "give a numeric user ID above 0",
            )
        names = [(config.kind, config.name) for config in self.configs()]
        for one in names:
            if names.count(one) > 1:
                _refuse("--env-from", f"{'/'.join(one)} appears twice", "name it once, with all its keys")

    def _check_git(self) -> None:
        if not re.fullmatch(r"(https://|ssh://([\w.-]+@)?|[\w.-]+@[\w.-]+:)[^\s@?#]+", str(self.git)):
            found = "it is not the URL of a Git repository, or it contains a credential"
            _refuse("--git", found, "give https://HOST/PATH.git or git@HOST:PATH.git")
        parts = [part for part in str(self.path).split("/") if part not in ("", ".")]
        if ".." in parts or str(self.path).startswith("/") or re.search(r"\s", str(self.path)):
            _refuse(
                "--path",
                f"{self.path!r} is not a folder in the repository",
                "give it relative to the repository's root",
            )
        if not re.fullmatch(r"[^\s~^:?*\[\\-][^\s~^:?*\[\\]*", str(self.revision)):
            _refuse("--revision", f"{self.revision!r} is not a revision", "give a tag, a branch or a commit")


def check_name(name: str, what: str, environments: tuple[str, ...] = ()) -> None:
    """Raise InputError for a name that no Service, Application or namespace can have."""
    if not _NAME.fullmatch(name) or name.startswith("kube-"):
        found = f"{name!r} is not a DNS label that begins with a letter"
        if name.startswith("kube-"):
            found = f"{name!r}: namespaces that begin with kube- are the cluster's own"
        _refuse(what, found, "use a-z, 0-9 and -, such as web-shop")
    longest = max((len(name), *(len(f"{name}-{one}") for one in environments)))
    if longest > LABEL:
        _refuse(
            what,
            f"{name}-ENVIRONMENT would have {longest} characters",
            f"use a shorter name: a namespace has at most {LABEL}",
        )


def check_host(host: str, option: str) -> None:
    """Raise InputError for anything but a DNS name of two or more labels."""
    labels = host.split(".")
    if len(host) > 253 or len(labels) < 2 or not all(_PART.fullmatch(label) for label in labels):
        _refuse(option, f"{host!r} is not a host name", "give one such as shop.example.com, in lower case")


def _config(text: str) -> Config:
    option = "--env-from"
    found = _CONFIG.fullmatch(text)
    if not found:
        hint = "give secret/NAME, secret/NAME:KEY,KEY (random values) or configmap/NAME"
        _refuse(option, f"{text!r} is neither a Secret nor a ConfigMap", hint)
    if not all(_PART.fullmatch(part) for part in found["name"].split(".")):
        _refuse(option, f"{found['name']!r} is not a valid object name", "use a-z, 0-9, - and .")
    if found["kind"] == "configmap" and found["name"] == SETTINGS:
        hint = "give it another name, such as the app's"
        _refuse(option, f"{SETTINGS} is the name of an overlay's own settings", hint)
    keys = tuple(found["keys"].split(",")) if found["keys"] else ()
    if keys and found["kind"] == "configmap":
        _refuse(
            option, "the keys of a ConfigMap are in its file", "give configmap/NAME and fill base/NAME.env"
        )
    for key in keys:
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", key):
            _refuse(option, f"{key!r} is not the name of a variable", "use letters, digits and _")
    return Config("secret" if found["kind"] == "secret" else "configmap", found["name"], keys)


def _refuse(what: str, found: str, hint: str) -> NoReturn:
    raise InputError(f"reading {what}", found, hint)
