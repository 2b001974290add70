"""What a rule is, what it finds, and what it may read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from bootstrap.cel.evaluator import Evaluator
from bootstrap.core.text import is_slip
from bootstrap.repository.kustomize import Tree
from bootstrap.resources.entrances import Entrances, classes
from bootstrap.resources.index import Index, Resource

Severity = Literal["error", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Rule:
    """A rule's documentation. `about` says what is wrong, `fix` the general advice.

    A rule of a `group` is used only if the group is requested.
    """

    id: str
    name: str
    severity: Severity
    about: str
    fix: str
    group: str = ""


@dataclass(frozen=True)
class Problem:
    """What a rule found, before it is located in a file.

    `path` is the field inside the object. `unless` names an object, (kind, namespace, name), whose
    existence anywhere in the cluster resolves it; it is checked when all namespaces are known.
    `level` is its severity if it differs from the rule's. `given` names an object, in the
    namespace "*" for any, without which there is no problem.
    """

    rule: Rule
    resource: Resource
    message: str
    fix: str
    path: Path = ()
    unless: tuple[str, str, str] | None = None
    level: Severity | None = None
    given: tuple[str, str, str] | None = None

    @property
    def severity(self) -> Severity:
        return self.level or self.rule.severity


@dataclass(frozen=True)
class Finding:
    """A problem with its location. `line` counts from 1; 0 when the file is unknown."""

    rule: str
    severity: Severity
    message: str
    fix: str
    file: str
    line: int
    object: str = ""
    application: str = ""

    @property
    def where(self) -> str:
        """File and line; the file alone for what a template makes, the object without a file."""
        return f"{self.file}:{self.line}" if self.file and self.line else self.file or self.object or "?"


@dataclass
class ClusterContext:
    """What a namespace's rules may know about the rest of its cluster.

    `public` has cluster-scoped objects and what other namespaces may use; `complete` means that
    nothing but what is in Git runs there, as far as Git shows. `images` are the names, without
    tags, of every image of the cluster; `kubernetes` is its release; `schema` gives the fields of
    kinds (`models` and `kinds`, see builtin_kinds.py), empty if unknown; `entrances`
    where ingress controllers run; `issuers` means that Git has all ClusterIssuers, even if not all is known;
    `off` are the classes of controllers that are switched off in the cluster's kustomization;
    `homes` the namespaces that a chart of a name (or the image of its controller) is applied to;
    `gateways` the labels of the pods that charts install for Istio's Gateways, None if not all are known;
    `cel` evaluates expressions; `groups` are the groups of rules that are switched on.
    """

    public: Index
    complete: bool
    cluster: str = ""
    images: frozenset[str] = frozenset()
    kubernetes: tuple[int, int] = (1, 36)
    schema: Callable[[], Mapping[str, Any]] = dict
    entrances: Entrances = field(default_factory=dict)
    issuers: bool = False
    off: frozenset[str] = frozenset()
    homes: Mapping[str, frozenset[str]] = field(default_factory=dict)
    gateways: Sequence[Mapping[str, str]] | None = None
    cel: Evaluator | None = None
    groups: frozenset[str] = frozenset()

    def knows_cluster_objects(self) -> bool:
        """Whether a cluster-scoped object that is not in Git is really missing."""
        return self.complete and self.public.knows("")

    def lacks(self, kind: str, name: object, known: Iterable[str] | None = None) -> Severity | None:
        """The severity when no cluster-scoped object of a kind has the name; None: it exists, or may exist.

        Where not all is known (a chart is not rendered), an almost identical name in Git indicates a
        typo: a warning.
        """
        names = set(known) if known is not None else {item.name for item in self.public.of(kind)}
        if str(name) in names:
            return None
        of_entrance = kind.startswith(("IngressClass.", "GatewayClass."))
        if self.knows_cluster_objects():
            # Many clusters come with a controller and its class: that Git has none proves nothing.
            decided = names or not of_entrance or classes(self.entrances) or self.off
            if not decided:
                return "info"
            is_class = kind.partition(".")[0].endswith("Class")  # what a cluster or a node comes with, too
            sure = not is_class or str(name) in self.off or is_slip(str(name), names)
            return "error" if sure else "warning"
        if of_entrance:
            names |= classes(self.entrances)
            if str(name) in self.off:
                return "warning"
        return "warning" if is_slip(str(name), names) else None


@dataclass(frozen=True)
class AppliedObject:
    """An object that an Application applies, without its body."""

    cluster: str
    kind: str
    namespace: str
    name: str
    application: str
    file: str
    document: int
    line: int

    @property
    def resource(self) -> Resource:
        """A stand-in with its identity and location."""
        kind, dot, group = self.kind.partition(".")
        body = {"apiVersion": f"{group}/_" if dot else "v1", "kind": kind, "metadata": {"name": self.name}}
        return Resource(body, self.namespace, self.application, self.file, self.document, self.line)


@dataclass(frozen=True)
class HostClaim:
    """A host and path that an object claims (resources/claims.py)."""

    owned: AppliedObject
    way: Sequence[str]
    host: str
    path: str
    place: Sequence[str | int]


@dataclass
class Apps:
    """An app of apps as a whole: its Applications, what each applies and depends on.

    `closures` has the files of this repository that an Application depends on; `revisions` the names of the
    repository's branches and tags, None when they are not all known. `self_contained`: the
    cluster's folder lists all that the cluster needs, so that what no Application provides is missing.
    `unread` are the Applications with a broken part ("" for what none applies): what seems to be
    missing may be there. `unknown` names what was not read and may have any kind. `claims` are the
    hosts and paths of all Ingresses and routes, `elsewhere` branches and tags that are not checked out.
    `folder` is the cluster's in the repository.
    """

    applications: list[Resource]
    public: Index
    owned: list[AppliedObject]
    closures: Mapping[str, frozenset[str]]
    tree: Tree
    urls: list[str]
    complete: bool
    self_contained: bool = True
    revisions: frozenset[str] | None = None
    unread: frozenset[str] = frozenset()
    claims: Sequence[HostClaim] = ()
    unknown: str = ""
    elsewhere: frozenset[str] = frozenset()
    folder: str = ""


Check = Callable[[Index, ClusterContext], Iterable[Problem]]
"""Checks the objects of one namespace (or the cluster-scoped ones)."""
AppsCheck = Callable[[Apps], Iterable[Problem]]
"""Checks the Applications of a cluster together."""


def problem(
    rule: Rule,
    resource: Resource,
    message: str,
    *path: str | int,
    fix: str | None = None,
    unless: tuple[str, str, str] | None = None,
    level: Severity | None = None,
) -> Problem:
    """A problem of a resource at a field; `fix` replaces the rule's advice with a more precise one."""
    return Problem(rule, resource, message, fix or rule.fix, tuple(path), unless, level)


def rules_of(namespace: Mapping[str, Any]) -> Iterator[Rule]:
    """The rules that a module defines, in its order."""
    return (value for value in namespace.values() if isinstance(value, Rule))
