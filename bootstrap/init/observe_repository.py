"""The repository's side of `init`: what exists, what the credential may do, and the desired layout."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from bootstrap import argocd, providers
from bootstrap.core import next_run
from bootstrap.core.errors import GitError, InputError, RepositoryNotFound
from bootstrap.core.names import RECORD
from bootstrap.core.output import Output
from bootstrap.git import remote
from bootstrap.git.changes import RepositoryState
from bootstrap.git.remote import Credential, Remote
from bootstrap.git.urls import same_address
from bootstrap.init import argocd_objects, build_check, images, plan_layout, signatures, signing_keys
from bootstrap.init.images import Settled
from bootstrap.init.plan_layout import Desired, PreviousLayout, Source
from bootstrap.init.preflight import Finding
from bootstrap.init.request import Request
from bootstrap.init.signatures import Checked, Wanted
from bootstrap.layout import catalog, choice, components, files, permitted
from bootstrap.layout.choice import Resolved
from bootstrap.layout.edits import ARGOCD
from bootstrap.layout.settings import Record, Settings, parse_record, recorded_settings
from bootstrap.manifests.reader import documents
from bootstrap.plan.handlers import Session
from bootstrap.providers import address

if TYPE_CHECKING:
    from bootstrap.argocd import Manifest


@dataclass(frozen=True)
class RepositoryView:
    """The repository as it is and as desired, with this cluster's settings."""

    repo: RepositoryState
    settings: Settings
    desired: Desired
    findings: tuple[Finding, ...] = ()


def observe(
    request: Request, session: Session, url: str, credential: Credential, output: Output
) -> RepositoryView:
    """Read the branch and work out its layout; finds the provider, and the author if commits are needed."""
    path = request.path.strip("/")
    prefix = f"{path}/" if path else ""
    folders = tuple(f"{prefix}{folder}/" for folder in catalog.FOLDERS)
    repo = session.remote.observe(read=(*folders, prefix + RECORD), under=path or None)
    record = (
        parse_record(repo.files[prefix + RECORD], prefix + RECORD) if prefix + RECORD in repo.files else None
    )
    if record is None and not path:
        _refuse_second(repo)
    if request.pr and repo.tip is None:
        found = f"{repo.url} has no branch {repo.branch} to merge into"
        raise InputError(
            "reading --pr", found, "run once without --pr, or push a first commit to it", repo.url
        )
    asked = Settings(url, repo.branch, cluster=request.cluster, path=path)
    if request.cluster_only:
        settings = _recorded(request, asked, record, repo)
        return RepositoryView(repo, settings, Desired(repo.files))
    session.provider = providers.find(url, credential, output.invocation, _api_address(request, url))
    findings = (*_of_missing_repository(session, repo), *_of_deploy_key(request, session, url))
    manifest = _manifest(request, record, output)
    chosen = _chosen(request, asked, repo)
    request = replace(request, with_components=chosen.names)
    settings = _settings(request, asked, record, manifest)
    named = _images(request, settings, record, manifest, repo, output)
    keys = signing_keys.read(request.signed_by, output.invocation)
    signed_by = tuple(keys) or (record.signed_by if record else ())
    settings = replace(settings, argocd_images=named.images, signed_by=signed_by)
    findings = (*findings, *named.findings)
    desired = _desired(request, session, repo, record, settings, manifest, keys)
    commits, version = bool(desired.commits), settings.argocd_version
    findings += tuple(signing_keys.findings(signed_by, version, commits, request.sign, output.invocation))
    if commits and not signed_by:
        where = (repo.files, settings.prefix, url)
        findings += tuple(signing_keys.unsigned_for_projects(*where, request.sign, output.invocation))
    _refuse_unreadable(settings, desired)
    checked = _verified(request, settings, desired.tree, output)
    findings = (*findings, *checked.findings)
    desired = replace(desired, notes=(*chosen.notes, *named.notes, *checked.notes, *desired.notes))
    if repo.branches and repo.tip is None:
        note = f"branch {repo.branch} is new and starts without the history of the others"
        desired = replace(desired, notes=(note, *desired.notes))
    findings = (*findings, *_of_missing_folders(request, settings, desired))
    if desired.merges:
        built = build_check.findings(
            repo.files, desired.tree, settings.prefix, output.invocation, output.info
        )
        findings = (*findings, *built)
    if desired.commits:
        findings = (*findings, *_find_author(request, session, output))
        if request.pr:
            if session.provider is None:
                session.provider = providers.get(url, credential, output.invocation)
        elif repo.exists:
            repo = replace(repo, push_refusal=push_refusal(session, repo))
    return RepositoryView(repo, settings, desired, findings)


def _of_missing_folders(request: Request, settings: Settings, desired: Desired) -> list[Finding]:
    """Components that are on but not in the repository; fatal for those that were requested."""
    offers = files.offered(desired.tree, settings)
    return [
        Finding(
            f"{name} is on, but {place} is not in the repository",
            f"restore it from an earlier commit, or give --without {name}",
            fatal=name in request.with_components,
        )
        for name, place in files.missing(desired.tree, settings).items()
        if offers[name].on
    ]


def _refuse_unreadable(settings: Settings, desired: Desired) -> None:
    """InputError when a file that the cluster starts from is not valid YAML: it is kept as it is."""
    for name in ("kustomization.yaml", "settings.yaml", "root.yaml", "projects.yaml"):
        path = f"{settings.folder}/{name}"
        if path in desired.tree:
            documents(desired.tree[path], path)


def _find_author(request: Request, session: Session, output: Output) -> list[Finding]:
    """Set the author of the commits; in a dry run, an unknown one is a finding and not an error."""
    try:
        session.author = remote.identity(output.invocation, request.author)
    except InputError as error:
        if request.author is not None or not request.dry_run:
            raise
        return [Finding(f"{error.tried}: {error.found}; a real run stops here", error.hint, fatal=False)]
    return []


def _refuse_second(repo: RepositoryState) -> None:
    """InputError when there is a layout below: another one at the top would be a second root."""
    for file in sorted(repo.paths):
        folder, _, name = file.rpartition("/")
        if folder and name == RECORD and any(path.startswith(f"{folder}/clusters/") for path in repo.paths):
            hint = f"give --path {folder}, where it is laid out"
            raise InputError("reading the repository", f"there is a layout in {folder}", hint, file)


def _of_missing_repository(session: Session, repo: RepositoryState) -> list[Finding]:
    if repo.exists:
        return []
    if session.provider is None:
        raise RepositoryNotFound(
            "reading the repository",
            "it does not exist, or this credential may not read it",
            "create it, empty, or check the URL and the token",
            repo.url,
        )
    refusal = session.provider.repository_refusal(repo.url)
    return (
        [Finding(f"{repo.url} does not exist: {refusal}", "create it, or check the URL")] if refusal else []
    )


def _api_address(request: Request, url: str) -> str | None:
    """The URL of the Git host's API, if not at `url`: an SSH URL only has its host."""
    if request.api_url:
        return f"{request.api_url.rstrip('/')}/{address.project_path(url)}"
    return address.web_address(url) if request.deploy_key else None


def _of_deploy_key(request: Request, session: Session, url: str) -> list[Finding]:
    if not request.deploy_key or session.provider is not None:
        return []
    found = f"{url} is not recognised as {providers.HOSTS}, so no deploy key can be added"
    return [
        Finding(found, "give its web address with --api-url, or add a key by hand and use --argocd-ssh-key")
    ]


def push_refusal(session: Session, repo: RepositoryState) -> str | None:
    """Why a push to the branch would be refused, by the host or by its protection; None: it would not."""
    refusal = session.remote.may_push()
    if refusal is None and session.provider and repo.tip:
        refusal = session.provider.protection(repo.url, repo.branch)
    return refusal


def _manifest(request: Request, record: Record | None, output: Output) -> Manifest | None:
    """Argo CD's manifest, if one is requested or none was laid out yet; else the existing one stays."""
    asked = request.variant or request.argocd_version or request.argocd_manifest
    if record and not asked:
        return None
    recorded = record.argocd_version if record and not request.argocd_manifest else None
    version = request.argocd_version or recorded  # a given manifest states its own version
    variant = request.variant or (record.argocd_variant if record else "install")
    return argocd.manifest(output.invocation, version, variant, request.argocd_manifest, request.sha256)


def _images(
    request: Request,
    settings: Settings,
    record: Record | None,
    manifest: Manifest | None,
    repo: RepositoryState,
    output: Output,
) -> Settled:
    """Argo CD's images by digest, of the manifest that is laid out now or was last."""
    recorded = record.argocd_images if record else None
    content = manifest.content if manifest else repo.files.get(settings.prefix + files.MANIFEST, b"")
    if settings.adopted or hashlib.sha256(content).hexdigest() != settings.argocd_sha256:
        return Settled(recorded)
    return images.settle(request.argocd_images, recorded, content, output.invocation)


def _verified(request: Request, settings: Settings, tree: Mapping[str, bytes], output: Output) -> Checked:
    """The result of checking the signatures of the images that are applied; nothing without --verify."""
    if not request.verify:
        return Checked()
    if settings.adopted:
        return Checked(("not verified: the images of an adopted Argo CD",))
    objects = argocd_objects.render(tree, settings).objects
    wanted = Wanted(request.verify_key, request.verify_root)
    found = signatures.images_in(item.text for item in objects if item.kind in argocd_objects.WORKLOADS)
    return signatures.check(found, wanted, output.invocation, output.info)


def _settings(
    request: Request, asked: Settings, record: Record | None, manifest: Manifest | None
) -> Settings:
    """From options, else from the record of the last layout, else the defaults."""
    before = (recorded_settings(record, asked) if record else None) or asked
    on, off = request.with_components, request.without_components
    if manifest:
        argo = (manifest.version, manifest.variant, manifest.sha256)
    else:
        assert record is not None  # noqa: S101 - without a record there is a manifest
        argo = (record.argocd_version, record.argocd_variant, record.argocd_sha256)
    return replace(
        asked,
        # Another spelling of the same URL is not another repository: the layout keeps its spelling.
        repo_url=before.repo_url if same_address(before.repo_url, asked.repo_url) else asked.repo_url,
        domain=request.domain or before.domain,
        storage_class=request.storage_class or before.storage_class,
        with_components=_together(before.with_components, on, off),
        without_components=_together(before.without_components, off, on),
        adopted=request.adopt or before.adopted,
        argocd_namespace=request.argocd_namespace or before.argocd_namespace,
        argocd_version=argo[0],
        argocd_variant=argo[1],
        argocd_sha256=argo[2],
    )


def _chosen(request: Request, asked: Settings, repo: RepositoryState) -> Resolved:
    """What --with means for this cluster: with requirements, and one of several alternatives."""
    shipped, prefix = catalog.load(), asked.prefix
    offers = choice.offered(repo.files, shipped, prefix, asked.cluster)

    def read(path: str) -> bytes | None:
        return repo.files.get(prefix + path, shipped.get(path))

    off = (*request.without_components, *([ARGOCD] if request.adopt else []))
    return choice.resolve(offers, read, request.with_components, off)


def _together(before: tuple[str, ...], asked: tuple[str, ...], opposite: tuple[str, ...]) -> tuple[str, ...]:
    if components.ALL in opposite:
        before = ()
    return tuple(dict.fromkeys(name for name in (*before, *asked) if name not in opposite or name in asked))


def _desired(
    request: Request,
    session: Session,
    repo: RepositoryState,
    record: Record | None,
    settings: Settings,
    manifest: Manifest | None,
    keys: Mapping[str, str],
) -> Desired:
    content = manifest.content if manifest else None
    source = Source(catalog.load(), catalog.VERSION, content, request.message_suffix, keys=keys)
    if record is None:
        return plan_layout.first_layout(source, settings, repo.files, remote.merge_text, repo.tip is not None)
    if not request.downgrade:
        plan_layout.refuse_older(source.version, record)
    previous = PreviousLayout(record, shipped_before(session.remote, record, settings.prefix))
    asked = (request.with_components, request.without_components)
    moving = partial(permitted.with_old, request.moves_from, f"{settings.folder}/projects.yaml", repo.files)
    return plan_layout.next_layout(
        source, settings, previous, repo.files, remote.merge_text, asked, edit_tree=moving, paths=repo.paths
    )


def shipped_before(where: Remote, record: Record, prefix: str) -> dict[str, bytes] | None:
    """The last layout's catalog: by the recorded commit, else by its trailer; None if neither exists."""
    read = tuple(f"{prefix}{folder}/" for folder in (*catalog.FOLDERS, plan_layout.OPEN))
    try:
        return dict(where.read_commit(record.catalog_commit, read))
    except (InputError, GitError) as error:
        if not isinstance(error, InputError) and type(error) is not GitError:
            raise
    found = where.find_trailer(plan_layout.CATALOG_TRAILER, record.catalog_version)
    return dict(where.read_commit(found, read)) if found else None


def _recorded(request: Request, asked: Settings, record: Record | None, repo: RepositoryState) -> Settings:
    """The recorded settings of a layout, for --cluster-only; options that are given must match them."""
    tried = "reading the layout for --cluster-only"
    if not repo.exists or record is None:
        found = f"{asked.prefix}{RECORD} is not in branch {repo.branch}"
        hint = f"lay the repository out first: {next_run.command('init', repo.url)}"
        raise InputError(tried, found, hint, repo.url)
    settings = recorded_settings(record, asked)
    if settings is None or f"{asked.folder}/root.yaml" not in repo.files:
        raise InputError(
            tried,
            f"cluster {asked.cluster} is not laid out there",
            f"name one with --cluster: {', '.join(record.clusters) or 'there is none'}",
            repo.url,
        )
    for option, given, known in (
        ("--domain", request.domain, settings.domain),
        ("--storage-class", request.storage_class, settings.storage_class),
    ):
        if given and given != known:
            raise InputError(
                tried,
                f"{option} is {given}, but cluster {settings.cluster} is laid out with {known or 'none'}",
                f"omit it, or change it in Git first: run once with {option} and --repo-only",
                repo.url,
            )
    return settings
