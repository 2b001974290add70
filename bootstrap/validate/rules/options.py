"""What Argo CD ignores silently: sync options, files, Applications in other namespaces, changes of a ref."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

from bootstrap.core.text import counted, near, suggest
from bootstrap.repository.source import directory_files, is_unfilled, jsonnet_files, unit
from bootstrap.resources.applications import SYNC_OPTIONS, is_here, sources
from bootstrap.resources.index import APPLICATION, PROJECT, Index, Resource, dig, mapping, sequence
from bootstrap.validate.rule import Apps, ClusterContext, Problem, Rule, problem

UNKNOWN = Rule(
    "GB225",
    "sync-option-unknown",
    "warning",
    "A sync option is written in a way that Argo CD does not know: it is silently ignored.",
    "correct the option",
)
UNSEEN = Rule(
    "GB226",
    "application-not-seen",
    "warning",
    "An Application is in a namespace other than Argo CD's, and its project does not allow it there "
    "(sourceNamespaces): Argo CD never syncs it.",
    "move it to Argo CD's namespace",
)

NO_SKIP = Rule(
    "GB232",
    "dry-run-without-definition",
    "error",
    "A controller creates an object's definition from another object of the same sync: Argo CD's dry run "
    "finds no such kind, and the first sync fails.",
    "annotate it with argocd.argoproj.io/sync-options: SkipDryRunOnMissingResource=true",
)
UNNOTICED = Rule(
    "GB235",
    "changes-unnoticed",
    "warning",
    "Every source of an Application has a ref. Argo CD 3.5 and 3.6 look for changes only in sources without "
    "one: a new commit is drift, which self-heal repairs later and later, without hooks and waves.",
    "remove the ref, or give the files that others refer to a source of their own",
)

NO_FILE = Rule(
    "GB236",
    "directory-matches-nothing",
    "warning",
    "directory.include or exclude leaves none of the manifests in an Application's folder: it applies "
    "nothing, and prunes what it has applied before.",
    "correct the pattern: it is compared with the path below the folder, and *.yaml reaches subfolders only "
    "with recurse: true",
)

_KNOWN = (
    *("ApplyOutOfSyncOnly", "ClientSideApplyMigration", "CreateNamespace", "Delete", "FailOnSharedResource"),
    *("Force", "Prune", "PruneLast", "PrunePropagationPolicy", "Replace", "RespectIgnoreDifferences"),
    *("ServerSideApply", "SkipDryRunOnMissingResource", "Validate"),
)


def check_objects(index: Index, context: ClusterContext) -> Iterator[Problem]:
    """The rules about sync options."""
    for resource in index.resources:
        for part in str(resource.annotations.get(SYNC_OPTIONS) or "").split(","):
            if fault := _fault(part.strip()):
                text = f"{resource}: {fault}"
                yield problem(UNKNOWN, resource, text, "metadata", "annotations", SYNC_OPTIONS)
    yield from _at_runtime(index)
    for application in index.of(APPLICATION):
        for number, option in enumerate(sequence(dig(application.spec, "syncPolicy", "syncOptions"))):
            if fault := _fault(str(option)):
                place = ("spec", "syncPolicy", "syncOptions", number)
                yield problem(UNKNOWN, application, f"{application}: {fault}", *place)
        yield from _unnoticed(application)


def _unnoticed(application: Resource) -> Iterator[Problem]:
    """Argo CD (`evaluateRevisionChanges`) leaves the changes of a ref to the sources that read from it."""
    own = sources(application.body)
    automated = dig(application.spec, "syncPolicy", "automated")
    if (
        not isinstance(automated, dict)
        or automated.get("enabled") is False
        or not all(one.ref for one in own)
    ):
        return
    for one in own:
        if one.path is not None or one.chart is not None:
            what = f"the manifests of {one.path or one.chart} are in a source with the ref {one.ref}"
            message = f"{application}: {what}, where Argo CD looks for no changes"
            yield problem(UNNOTICED, application, message, *one.position, "ref")
            return


_DEFINING = {
    "ConstraintTemplate.templates.gatekeeper.sh": (
        "constraints.gatekeeper.sh",
        ("crd", "spec", "names", "kind"),
    ),
    "CompositeResourceDefinition.apiextensions.crossplane.io": ("", ("names", "kind")),
    "ResourceGraphDefinition.kro.run": ("kro.run", ("schema", "kind")),
}
"""Kinds from whose objects a controller creates a CRD → its group ("": in the object), where its kind is."""
SKIP = "SkipDryRunOnMissingResource=true"


def _at_runtime(index: Index) -> Iterator[Problem]:
    """Objects whose CRD a controller creates in the same sync: without the option, the dry run fails."""
    seen = index if index.beyond is None else index.beyond
    for defining, (group, path) in _DEFINING.items():
        for source in {id(one): one for one in (*index.of(defining), *seen.of(defining))}.values():
            own = group or str(source.spec.get("group") or "")
            kind = f"{dig(source.spec, *path)}.{own}"
            for user in index.of(kind):
                if not user.application or user.application != source.application:
                    continue
                if not _skips(index, user):
                    message = f"{user} is of a kind that {source} defines, in the same Application"
                    yield problem(NO_SKIP, user, message, "metadata", "annotations")


def _skips(index: Index, resource: Resource) -> bool:
    if SKIP in str(resource.annotations.get(SYNC_OPTIONS) or "").replace(" ", ""):
        return True
    application = index.applications.get(resource.application)
    options = sequence(dig(application.spec, "syncPolicy", "syncOptions")) if application else [SKIP]
    return SKIP in map(str, options)


def _fault(option: str) -> str:
    """What is wrong with an option; "" for nothing, and for one that resembles no known one."""
    name, equals, value = option.partition("=")
    if name not in _KNOWN:
        by_lower = {known.lower(): known for known in _KNOWN}
        hint = suggest(by_lower[one] for one in near(name.strip().lower(), by_lower, cutoff=0.8))
        return f"there is no sync option {name}; {hint}" if hint else ""
    if name == "PrunePropagationPolicy" or value in ("true", "false", "confirm"):
        return ""
    if value.strip().lower() in ("true", "false"):
        return f"{option} has no effect; {suggest([f'{name}={value.strip().lower()}'])}"
    return f"{option} has no effect; it must be true or false" if not equals or not value else ""


def check_folders(apps: Apps) -> Iterator[Problem]:
    """The rule about plain folders of which no file is applied."""
    for application in apps.applications:
        for source in sources(application.body):
            directory = mapping(source.body.get("directory"))
            patterns = [name for name in ("include", "exclude") if directory.get(name)]
            if not patterns or not is_here(source, apps.urls) or is_unfilled(source):
                continue
            found = unit(source, apps.tree)
            if found is None or found.tool != "directory":
                continue
            given = directory_files(apps.tree, found.path, {"recurse": directory.get("recurse")})
            chosen = [*directory_files(apps.tree, found.path, directory), *jsonnet_files(apps.tree, found)]
            if given and not chosen:
                texts = " and ".join(f"{name}: {directory[name]}" for name in patterns)
                files = f"{counted(len(given), 'manifest')} in {found.path or 'the top folder'}"
                message = f"{application} applies none of the {files}: {texts}"
                yield problem(NO_FILE, application, message, *source.position, "directory", patterns[0])


def check(apps: Apps) -> Iterator[Problem]:
    """The rule about Applications outside Argo CD's namespace."""
    if any(dig(item.body, "data", "application.namespaces") for item in apps.public.of("ConfigMap")):
        return  # it may be any namespace; the projects' sourceNamespaces depend on the cluster
    reported: set[tuple[str, str]] = set()
    for application in apps.applications:
        home = application.application.partition("/")[0]
        place = (application.namespace, application.name)
        if (
            home in ("", application.namespace)
            or place in reported
            or not _is_unseen(apps, application, home)
        ):
            continue
        reported.add(place)
        message = f"{application} is in {application.namespace}, but Argo CD is in {home}"
        fix = f"move it to {home}"
        yield problem(UNSEEN, application, message, "metadata", "namespace", fix=fix)


def _is_unseen(apps: Apps, application: Resource, home: str) -> bool:
    """Whether its project forbids it there; without a project in Git, whether its namespace is a typo."""
    name = str(application.spec.get("project") or "default")
    named = [item for item in apps.public.of(PROJECT) if item.name == name]
    if any(item.namespace == application.namespace for item in named):
        return False  # another Argo CD's
    for project in (item for item in named if item.namespace == home):
        allowed = sequence(mapping(project.spec).get("sourceNamespaces"))
        return not any(fnmatchcase(application.namespace, str(pattern)) for pattern in allowed)
    return application.namespace.replace("-", "") == home.replace("-", "")
