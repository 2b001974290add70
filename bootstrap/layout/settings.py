"""The settings of a layout: options of `init`, and `bootstrap.yaml`, which records them.

`bootstrap.yaml` is at the root of the layout (`--path`); it names the catalog and Argo CD that
were laid out, and the settings of each cluster, so that the next run needs no options.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from io import StringIO
from typing import Any, cast, get_args

from bootstrap.argocd.install_manifest import Variant
from bootstrap.core.errors import InputError
from bootstrap.core.names import RECORD

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_DOMAIN = re.compile(r"([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\.)*[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_OURS = frozenset({"catalog", "argocd", "clusters"})
_FOREIGN = "rename it, or lay out below a folder with --path"
ARGOCD_NAMESPACE = "argocd"
_HEADER = """\
# What `bootstrap init` laid out here, and with which options. It reads this file, so that the next
# run needs none of them. Edit a cluster's own settings in clusters/<name>/settings.yaml.
"""


@dataclass(frozen=True)
class Settings:
    """One cluster's layout. `path` is "" or a relative folder without a final slash."""

    repo_url: str
    branch: str
    cluster: str = "default"
    path: str = ""
    domain: str = "example.com"
    storage_class: str = "standard"
    with_components: tuple[str, ...] = ()
    without_components: tuple[str, ...] = ()
    argocd_version: str = ""
    argocd_variant: Variant = "install"
    argocd_sha256: str = ""
    adopted: bool = False
    argocd_namespace: str = ARGOCD_NAMESPACE
    argocd_images: tuple[tuple[str, str], ...] | None = None
    """Images as Argo CD's manifest names them, each with its digest; () is by tag, None is not known yet."""
    signed_by: tuple[str, ...] = ()
    """IDs of the OpenPGP keys, one of which must have signed what Argo CD syncs; () means no condition."""

    def __post_init__(self) -> None:
        _check(
            _NAME, "--cluster", self.cluster, "a DNS label: lower-case letters, digits and '-', at most 63"
        )
        _check(_DOMAIN, "--domain", self.domain, "a DNS name such as example.com")
        _check(_NAME, "--argocd-namespace", self.argocd_namespace, "the name of a namespace")
        if both := sorted(set(self.with_components) & set(self.without_components)):
            raise InputError(
                "reading --with and --without", f"{', '.join(both)} is in both", "name it in one of them"
            )
        parts = self.path.split("/") if self.path else []
        if any(part in ("", ".", "..", ".git") for part in parts):
            raise InputError(
                "reading --path",
                f"{self.path!r} is not a plain relative folder",
                "give a folder inside the repository, such as platform/gitops",
            )

    @property
    def prefix(self) -> str:
        """The prefix of every path of the layout: "" or `<path>/`."""
        return f"{self.path}/" if self.path else ""

    @property
    def folder(self) -> str:
        """The cluster's folder, from the repository's root."""
        return f"{self.prefix}clusters/{self.cluster}"


@dataclass(frozen=True)
class Record:
    """`bootstrap.yaml`: `catalog_commit` has the catalog as shipped; `clusters` is name → settings.

    `conflicts` is path → reason of open conflicts; `retired` has the folders that the catalog no
    longer has but whose components are on.
    """

    catalog_version: str
    catalog_commit: str
    argocd_version: str
    argocd_variant: Variant
    argocd_sha256: str
    clusters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    conflicts: Mapping[str, str] = field(default_factory=dict)
    retired: tuple[str, ...] = ()
    argocd_images: tuple[tuple[str, str], ...] | None = None
    signed_by: tuple[str, ...] = ()


def parse_record(text: bytes, where: str = RECORD) -> Record:
    """Read `bootstrap.yaml`; InputError with file, line and column when it is not valid."""
    data = _load(text, where)
    if len(_OURS - set(data)) > 1:  # a broken record of ours has lost one of them
        found = f"it has no {', '.join(sorted(_OURS - set(data)))}: it belongs to another program"
        raise InputError(f"reading {where}", found, _FOREIGN, where)
    catalog, argocd = _mapping(data, "catalog", where), _mapping(data, "argocd", where)
    variant = str(argocd.get("variant", "install"))
    if variant not in get_args(Variant):
        raise InputError(
            f"reading {where}",
            f"argocd.variant is {variant!r}",
            "use install, ha or core",
            _line(argocd, where),
        )
    return Record(
        catalog_version=str(catalog.get("version", "")),
        catalog_commit=str(catalog.get("commit", "")),
        argocd_version=str(argocd.get("version", "")),
        argocd_variant=cast(Variant, variant),
        argocd_sha256=str(argocd.get("sha256", "")),
        clusters={str(name): dict(value or {}) for name, value in _mapping(data, "clusters", where).items()},
        conflicts={str(path): str(why) for path, why in _optional(data, "conflicts", dict, where).items()},
        retired=tuple(str(folder) for folder in _optional(data, "retired", list, where)),
        argocd_images=_images(argocd, where),
        signed_by=tuple(str(key) for key in _optional(argocd, "signedBy", list, where)),
    )


def _images(argocd: Any, where: str) -> tuple[tuple[str, str], ...] | None:
    if argocd.get("images") is None:
        return None
    found = {str(name): str(digest) for name, digest in _optional(argocd, "images", dict, where).items()}
    for name, digest in found.items():
        if not _DIGEST.fullmatch(digest):
            hint = "restore it from an earlier commit"
            raise InputError(f"reading {where}", f"{digest!r} is not a digest of {name}", hint, where)
    return tuple(found.items())


def recorded_settings(record: Record, settings: Settings) -> Settings | None:
    """The settings of the cluster's last layout, or None without one."""
    cluster = record.clusters.get(settings.cluster)
    if cluster is None:
        return None
    return replace(
        settings,
        domain=str(cluster.get("domain", settings.domain)),
        storage_class=str(cluster.get("storageClass", settings.storage_class)),
        repo_url=str(cluster.get("repoURL", settings.repo_url)),
        branch=str(cluster.get("revision", settings.branch)),
        with_components=tuple(str(name) for name in cluster.get("with") or ()),
        without_components=tuple(str(name) for name in cluster.get("without") or ()),
        adopted=bool(cluster.get("adopted", False)),
        argocd_namespace=str(cluster.get("argocdNamespace", ARGOCD_NAMESPACE)),
        argocd_version=record.argocd_version,
        argocd_variant=record.argocd_variant,
        argocd_sha256=record.argocd_sha256,
        argocd_images=record.argocd_images,
        signed_by=record.signed_by,
    )


def render_record(
    before: bytes | None,
    settings: Settings,
    version: str,
    commit: str,
    conflicts: Mapping[str, str] | None = None,
    retired: Sequence[str] = (),
) -> bytes:
    """`bootstrap.yaml` with this cluster's settings; other clusters and comments stay."""
    opened: dict[str, Any] = {"conflicts": dict(conflicts or {}), "retired": list(retired)}
    data: Any = _load(before, RECORD) if before else {}
    argocd: dict[str, Any] = {
        "version": settings.argocd_version,
        "variant": settings.argocd_variant,
        "sha256": settings.argocd_sha256,
    }
    if settings.argocd_images is not None:
        argocd["images"] = dict(settings.argocd_images)
    if settings.signed_by:
        argocd["signedBy"] = list(settings.signed_by)
    wanted = {"catalog": {"version": version, "commit": commit}, "argocd": argocd}
    cluster: dict[str, Any] = {
        "repoURL": settings.repo_url,
        "revision": settings.branch,
        "domain": settings.domain,
        "storageClass": settings.storage_class,
    }
    if settings.with_components:
        cluster["with"] = list(settings.with_components)
    if settings.without_components:
        cluster["without"] = list(settings.without_components)
    if settings.adopted:
        cluster["adopted"] = True
    if settings.argocd_namespace != ARGOCD_NAMESPACE:
        cluster["argocdNamespace"] = settings.argocd_namespace
    clusters = data.setdefault("clusters", {}) if before else {}
    same = all((data.get(key) or type(value)()) == value for key, value in opened.items())
    if before and same and dict(clusters.get(settings.cluster) or {}) == cluster and _holds(data, wanted):
        return before
    if not before:
        data = {**wanted, "clusters": {settings.cluster: cluster}}
    else:
        for key, value in wanted.items():
            _take(data, key, value)
        _take(clusters, settings.cluster, cluster)
    for key, value in opened.items():
        if value and data.get(key) != value:
            data[key] = value
        elif not value:
            data.pop(key, None)
    return (_HEADER.encode() if not before else b"") + _written(data)


def without_cluster(text: bytes, name: str, where: str = RECORD) -> bytes:
    """`bootstrap.yaml` without one cluster's settings; the same bytes when it has none of that name."""
    data = _load(text, where)
    clusters = data.get("clusters")
    if not isinstance(clusters, dict) or name not in clusters:
        return text
    del clusters[name]
    return _written(data)


def renamed_cluster(text: bytes, prefix: str, old: str, new: str) -> bytes:
    """`bootstrap.yaml` with a cluster under another name, in its place, with its open conflicts."""
    data = _load(text, RECORD)
    for key, before, after in (("clusters", old, new), *_moved(data, prefix, old, new)):
        there = data[key]
        place, value = list(there).index(before), there.pop(before)
        there.insert(place, after, value)
    return _written(data)


def _moved(data: Any, prefix: str, old: str, new: str) -> list[tuple[str, str, str]]:
    here = f"{prefix}clusters/{old}/"
    opened = [path for path in data.get("conflicts") or {} if str(path).startswith(here)]
    return [("conflicts", path, f"{prefix}clusters/{new}/{path.removeprefix(here)}") for path in opened]


def without_conflicts(text: bytes, paths: Iterable[str]) -> bytes:
    """`bootstrap.yaml` without these open conflicts; everything else stays as it is written."""
    data = _load(text, RECORD)
    opened = data.get("conflicts") or {}
    for path in paths:
        opened.pop(path, None)
    if not opened:
        data.pop("conflicts", None)
    return _written(data)


def _take(data: Any, key: str, wanted: Mapping[str, Any]) -> None:
    """Set what differs; the rest stays as written, with its quotes and comments."""
    there = data.get(key)
    if not isinstance(there, dict):
        data[key] = wanted
        return
    for gone in [name for name in there if name not in wanted]:
        del there[gone]
    for name, value in wanted.items():
        if there.get(name) != value:
            there[name] = value


def _holds(data: Mapping[str, Any], wanted: Mapping[str, Mapping[str, Any]]) -> bool:
    return all(dict(data.get(key) or {}) == value for key, value in wanted.items())


def _check(pattern: re.Pattern[str], option: str, value: str, form: str) -> None:
    if not pattern.fullmatch(value):
        raise InputError(f"reading {option}", f"{value!r} is not valid", f"give {form}")


def _yaml() -> Any:
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.width = 4096
    yaml.preserve_quotes = True
    return yaml


def _written(data: Any) -> bytes:
    stream = StringIO()
    _yaml().dump(data, stream)
    return stream.getvalue().encode()


def _load(text: bytes, where: str) -> Any:
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    tried, otherwise = f"reading {where}", f"; where it belongs to another program: {_FOREIGN}"
    try:
        data = _yaml().load(text.decode())
    except UnicodeDecodeError as error:
        raise InputError(tried, "the file is not UTF-8", f"save it as UTF-8{otherwise}", where) from error
    except MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"{where}:{mark.line + 1}:{mark.column + 1}" if mark else where
        raise InputError(tried, str(error.problem), f"fix the YAML{otherwise}", place) from error
    except YAMLError as error:
        raise InputError(tried, str(error).splitlines()[0], f"fix the YAML{otherwise}", where) from error
    if data is None:
        raise InputError(tried, "it is empty", f"restore it from an earlier commit{otherwise}", where)
    if not isinstance(data, dict):
        raise InputError(tried, "it is not a mapping: it belongs to another program", _FOREIGN, where)
    return data


def _mapping(data: Any, key: str, where: str) -> Any:
    value = data.get(key)
    if not isinstance(value, dict):
        raise InputError(
            f"reading {where}",
            f"{key} is {'missing' if value is None else 'not a mapping'}",
            "restore it from an earlier commit",
            _line(data, where),
        )
    return value


def _optional(data: Any, key: str, kind: type, where: str) -> Any:
    value = data.get(key)
    if value is None:
        return kind()
    if not isinstance(value, kind):
        hint = f"delete {key}, and run again"
        raise InputError(f"reading {where}", f"{key} is not a {kind.__name__}", hint, _line(data, where))
    return value


def _line(data: Any, where: str) -> str:
    line = getattr(getattr(data, "lc", None), "line", None)
    return where if line is None else f"{where}:{line + 1}"
