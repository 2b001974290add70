"""What `init` has put into a cluster, as it is now: Applications, Argo CD, its namespace; only reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bootstrap import argocd, kube
from bootstrap.argocd import removal
from bootstrap.argocd.removal import Removal
from bootstrap.argocd.root import Place, find_root, is_bootstraps, place_of
from bootstrap.argocd.status import TRACKING, Family, Key, key_of, wave_of
from bootstrap.argocd.wait import API_VERSION
from bootstrap.kube import contents as kube_contents
from bootstrap.kube.crds import API_VERSION as CRD_API
from bootstrap.kube.crds import CRD
from bootstrap.kube.find_argocd import SELECTOR, find_argocd
from bootstrap.kube.state import ArgoCDInstallation
from bootstrap.manifests.objects import ClusterObject
from bootstrap.resources.applications import has_finalizer
from bootstrap.uninstall import losses
from bootstrap.uninstall.losses import Costs
from bootstrap.uninstall.ours import as_object, is_kubernetes, is_ours

OWN_PROJECT = "default"
"""Argo CD's own AppProject, which it creates as soon as it starts."""
WORKLOADS = ("Deployment", "StatefulSet")
CONTROLLER = "application-controller"
_CLUSTER_WIDE = (
    ("rbac.authorization.k8s.io/v1", "ClusterRole"),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"),
)

Object = Mapping[str, Any]


@dataclass(frozen=True)
class Seen:
    """The cluster. `tree` is the root and all below it, with waves; `foreign`: what others have in Argo CD.

    `home` is Argo CD's namespace; `others`: what in it is somebody else's, or could not be read.
    """

    context: str
    server: str
    home: str
    place: Place
    argocd: ArgoCDInstallation | None
    pending: Removal | None
    applications: Mapping[Key, Object]
    tree: Mapping[Key, int]
    root: Key | None
    sets: tuple[ClusterObject, ...]
    projects: tuple[ClusterObject, ...]
    foreign: tuple[str, ...]
    objects: tuple[ClusterObject, ...]
    cluster_wide: tuple[ClusterObject, ...]
    crds: tuple[str, ...]
    namespace: Object | None
    others: tuple[str, ...]
    controller_runs: bool
    costs: Costs

    @property
    def ours(self) -> bool:
        """Whether Argo CD itself was installed by `init`."""
        if self.argocd is not None:
            return self.argocd.installed_by == "bootstrap"
        return bool(self.pending and self.pending.argocd) or bool(self.objects)

    @property
    def going(self) -> bool:
        """Whether the namespace is being deleted already."""
        return bool(self.namespace and self.namespace["metadata"].get("deletionTimestamp"))


def observe(cluster: kube.Cluster, prune: bool | None) -> Seen:
    """Read all of it; `prune` None: as in an unfinished removal, if there is one, else False."""
    pending = removal.pending(cluster)
    if pending and pending.namespace:  # when little is left of an Argo CD, it is not found any more
        cluster.argocd_namespace = pending.namespace
    applications = {key_of(item): item for item in argocd.applications(cluster, None)}
    root = find_root(applications, cluster.argocd_namespace)
    known = {_key(text) for text in pending.applications} if pending else set()
    tree = _tree(applications, root, known)
    names = {name for _, name in {*tree, *known}}
    sets = kube.list_objects(cluster, API_VERSION, "ApplicationSet")
    projects = kube.list_objects(cluster, API_VERSION, "AppProject")
    ours = [item for item in sets if _of_tree(item, names)]
    own_projects = [item for item in projects if _is_own_project(item, names)]
    home = cluster.argocd_namespace
    namespace = kube.get(cluster, "v1", "Namespace", None, home)
    found = kube_contents.contents(cluster, home) if namespace else kube_contents.Contents(())
    here = [item for item in found.objects if not str(item["apiVersion"]).startswith("argoproj.io/")]
    rest = [item for item in here if not is_kubernetes(item) and item["metadata"]["name"] != removal.NAME]
    mine = [item for item in rest if is_ours(item, names)]
    whose = [str(as_object(item)) for item in rest if not is_ours(item, names)]
    installation = find_argocd(cluster, home)
    cascading = (prune is None and pending is not None and pending.prune) or bool(prune)
    going = [applications[key] for key in tree if key in applications]
    return Seen(
        context=cluster.context,
        server=cluster.server,
        home=home,
        place=_place(applications.get(root) if root else None, pending),
        argocd=installation,
        pending=pending,
        applications=applications,
        tree=tree,
        root=root,
        sets=tuple(as_object(item) for item in ours),
        projects=tuple(as_object(item) for item in own_projects),
        foreign=tuple(_foreign(applications, tree, [*sets, *projects], [*ours, *own_projects])),
        objects=tuple(as_object(item) for item in mine),
        cluster_wide=tuple(_cluster_wide(cluster, names)),
        crds=tuple(_crds(cluster, names)),
        namespace=namespace,
        others=(*whose, *(f"{kind}: not read" for kind in found.unread)),
        controller_runs=_controller_runs(cluster, installation),
        costs=losses.costs(
            cluster,
            [one for one in going if cascading and has_finalizer(one)],
            pending.kept if pending else (),
        ),
    )


def _key(text: str) -> Key:
    namespace, _, name = text.partition("/")
    return namespace, name


def _tree(applications: Mapping[Key, Object], root: Key | None, known: set[Key]) -> dict[Key, int]:
    """The root and all below it, with waves; and what an unfinished removal knew of."""
    family = Family.from_applications(list(applications.values()))
    found: dict[Key, int] = {}
    for top in [*([root] if root else []), *sorted(known & set(applications))]:
        found.setdefault(top, wave_of(applications[top]))
        found |= {key: wave for key, wave in family.members(top).items() if key in applications}
    return found


def _of_tree(item: Object, names: set[str]) -> bool:
    tracking = str((item["metadata"].get("annotations") or {}).get(TRACKING, ""))
    return tracking.partition(":")[0] in names


def _is_own_project(item: Object, names: set[str]) -> bool:
    return item["metadata"]["name"] == OWN_PROJECT or is_bootstraps(item) or _of_tree(item, names)


def _foreign(
    applications: Mapping[Key, Object],
    tree: Mapping[Key, int],
    all_: Sequence[Object],
    ours: Sequence[Object],
) -> list[str]:
    """What others have in this Argo CD, and would lose with its CRDs."""
    kept = {id(item) for item in ours}
    names = [f"Application {namespace}/{name}" for namespace, name in applications.keys() - tree.keys()]
    names += [str(as_object(item)) for item in all_ if id(item) not in kept]
    return sorted(names)


def _place(root: Object | None, pending: Removal | None) -> Place:
    if root is None:
        return Place(pending.repo_url, pending.branch, pending.folder) if pending else Place()
    return place_of(root)


def _cluster_wide(cluster: kube.Cluster, names: set[str]) -> list[ClusterObject]:
    listed = [kube.list_objects(cluster, *kind, None, SELECTOR) for kind in _CLUSTER_WIDE]
    return [as_object(item) for found in listed for item in found if is_ours(item, names)]


def _crds(cluster: kube.Cluster, names: set[str]) -> list[str]:
    found = kube.list_objects(cluster, CRD_API, CRD, None, SELECTOR)
    return [str(item["metadata"]["name"]) for item in found if is_ours(item, names)]


def _controller_runs(cluster: kube.Cluster, installation: ArgoCDInstallation | None) -> bool:
    """Whether Argo CD's application controller has a ready replica."""
    if installation is None:
        return False
    for kind in WORKLOADS:
        for item in kube.list_objects(cluster, "apps/v1", kind, installation.namespace):
            if str(item["metadata"]["name"]).endswith(CONTROLLER):
                return bool((item.get("status") or {}).get("readyReplicas"))
    return False
