"""What a reviewer must not miss comes first, and is true."""

from __future__ import annotations

from typing import Any

import pytest

from bootstrap.diff.compare import Key, compare
from bootstrap.diff.deletion import Applications, Fleet
from bootstrap.diff.matters import Matter, markdown, matters, new_images, text
from bootstrap.resources.index import Resource

WEB = "argocd/web"
PRUNING = {"syncPolicy": {"automated": {"prune": True}}}


def one(kind: str, name: str = "x", *, version: str = "v1", owner: str = WEB, **body: Any) -> Resource:
    metadata = {"name": name, **body.pop("metadata", {})}
    return Resource(
        {"apiVersion": version, "kind": kind, "metadata": metadata, **body}, "shop", owner, "web.yaml", 0, 3
    )


def found(
    before: list[Resource],
    after: list[Resource],
    spec: dict[str, Any] | None = None,
    notes: dict[str, str] | None = None,
) -> list[Matter]:
    def side(resources: list[Resource]) -> dict[Key, Resource]:
        return {("default", one.kind, one.namespace, one.name): one for one in resources}

    metadata = {"name": "web", "annotations": notes or {}}
    body = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": metadata}
    web = {WEB: Resource({**body, "spec": PRUNING if spec is None else spec}, "argocd", "argocd/root")}
    old, new, fleet = side(before), side(after), Fleet({"": Applications(web, web)})
    changes = compare(old, new, lambda key, one: fleet.at(key).syncing(one))
    return matters(old, new, changes, fleet)


def told(
    before: list[Resource],
    after: list[Resource],
    spec: dict[str, Any] | None = None,
    notes: dict[str, str] | None = None,
) -> list[str]:
    return [f"{one.topic}: {one.object}: {one.text}" for one in found(before, after, spec, notes)]


def pods(kind: str = "Deployment", *, image: str = "web:1", **spec: Any) -> Resource:
    container = {"name": "web", "image": image, **spec.pop("container", {})}
    return one(kind, version="apps/v1", spec={"template": {"spec": {"containers": [container], **spec}}})


TRACKED = one("CustomResourceDefinition", version="apiextensions.k8s.io/v1")
TRACKED.body["metadata"]["annotations"] = {"argocd.argoproj.io/tracking-id": "web:g/k:n/x"}


@pytest.mark.parametrize(
    ("removed", "word"),
    [
        (one("PersistentVolumeClaim"), "unless the reclaim policy is Retain"),
        (one("Namespace"), "what Git does not have"),
        (TRACKED, "every object of the kind"),
        (
            one(
                "StatefulSet",
                version="apps/v1",
                spec={"persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete"}},
            ),
            "its claims are deleted, too",
        ),
    ],
)
def test_data_that_is_deleted_or_may_be_is_at_risk(removed: Resource, word: str) -> None:
    for spec in (PRUNING, {}):
        (line,) = told([removed], [], spec)
        assert line.startswith(f"data: {removed}: it ")
        assert word in line
    kept = one(removed.body["kind"], version=removed.body["apiVersion"], spec=removed.body.get("spec", {}))
    kept.body["metadata"]["annotations"] = {"argocd.argoproj.io/sync-options": "Prune=false"}
    (line,) = told([kept], [])
    assert line.startswith("deletes: ")


def test_what_is_deleted_as_everybody_expects_is_no_matter() -> None:
    assert told([one("ConfigMap")], []) == []
    assert told([one("ConfigMap", "settings-5b6f")], [one("ConfigMap", "settings-7d2c")], {}) == []


def test_changes_after_which_a_deletion_loses_more() -> None:
    def volume(policy: str) -> Resource:
        return one("PersistentVolume", spec={"persistentVolumeReclaimPolicy": policy})

    assert told([volume("Retain")], [volume("Delete")]) == [
        "data: PersistentVolume shop/x: reclaim policy: Retain → Delete"
    ]
    assert told([volume("Delete")], [volume("Retain")]) == []

    def application(prune: bool) -> Resource:
        spec = {"syncPolicy": {"automated": {"prune": prune}}}
        return one("Application", version="argoproj.io/v1alpha1", spec=spec)

    (line,) = told([application(False)], [application(True)])
    assert "it prunes from now on" in line

    def emptied(allow: bool) -> Resource:
        spec = {"syncPolicy": {"automated": {"prune": True, "allowEmpty": allow}}}
        return one("Application", version="argoproj.io/v1alpha1", spec=spec)

    (line,) = told([emptied(False)], [emptied(True)])
    assert "allowEmpty: true from now on" in line


RBAC = "rbac.authorization.k8s.io/v1"


APPLICATION = {"version": "argoproj.io/v1alpha1"}


def options(*given: str) -> dict[str, Any]:
    return {"annotations": {"argocd.argoproj.io/sync-options": ",".join(given)}}


KEPT = {"finalizers": ["resources-finalizer.argocd.argoproj.io"]}


def policy(**spec: Any) -> Resource:
    return one("Application", **APPLICATION, spec={"syncPolicy": spec})


def replicas(count: int) -> Resource:
    claims = {"persistentVolumeClaimRetentionPolicy": {"whenScaled": "Delete"}}
    return one("StatefulSet", version="apps/v1", spec={"replicas": count, **claims})


def mounting(**source: Any) -> Resource:
    return pods(volumes=[{"name": "files", **source}])


@pytest.mark.parametrize(
    ("before", "after", "word"),
    [
        (
            one("PersistentVolumeClaim", metadata=options("Prune=false", "Delete=false")),
            one("PersistentVolumeClaim"),
            "Prune=false and Delete=false are no longer set",
        ),
        (policy(syncOptions=["Prune=false"]), policy(syncOptions=[]), "Prune=false is no longer set"),
        (
            policy(automated={"prune": True, "enabled": False}),
            policy(automated={"prune": True, "enabled": True}),
            "it prunes from now on",
        ),
        (replicas(3), replicas(1), "from 3 to 1: the claims of the pods that go are deleted"),
        (
            mounting(persistentVolumeClaim={"claimName": "data"}),
            mounting(emptyDir={}),
            "claim data → emptyDir; what is in data is no longer mounted",
        ),
    ],
)
def test_data_that_a_change_puts_at_risk_is_named(before: Resource, after: Resource, word: str) -> None:
    (line,) = [one for one in told([before], [after]) if one.startswith("data: ")]
    assert word in line
    assert not [one for one in told([after], [before]) if one.startswith("data: ")]


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        (
            one("Application", **APPLICATION, metadata=KEPT),
            one("Application", **APPLICATION),
            "stays when it is",
        ),
        (
            one("Application", **APPLICATION),
            one("Application", **APPLICATION, metadata=KEPT),
            "is deleted when",
        ),
        (policy(automated={}), policy(), "it no longer syncs by itself"),
        (policy(automated={}), policy(automated={"enabled": False}), "it no longer syncs by itself"),
    ],
)
def test_what_an_application_does_from_now_on_is_named(before: Resource, after: Resource, line: str) -> None:
    (found,) = told([before], [after])
    assert line in found


def enforced(level: str) -> Resource:
    labels = {"pod-security.kubernetes.io/enforce": level} if level else {}
    return one("Namespace", metadata={"labels": labels})


@pytest.mark.parametrize(
    ("before", "after", "word"),
    [
        (pods(), pods(serviceAccountName="admin"), "ServiceAccount admin instead of default"),
        (pods(securityContext={"runAsNonRoot": True}), pods(), "pods may run as root"),
        (enforced("restricted"), enforced("baseline"), "enforces baseline instead of restricted"),
        (enforced("baseline"), enforced(""), "enforces privileged instead of baseline"),
    ],
)
def test_rights_that_grow_by_what_is_no_right_itself_are_named(
    before: Resource, after: Resource, word: str
) -> None:
    (line,) = told([before], [after])
    assert line.startswith("rights: ")
    assert word in line


def test_a_role_whose_rights_go_to_everybody_with_another_is_named() -> None:
    def cluster_role(**labels: str) -> Resource:
        return one("ClusterRole", version="rbac.authorization.k8s.io/v1", metadata={"labels": labels})

    view = {"rbac.authorization.k8s.io/aggregate-to-view": "true"}
    (line,) = told([cluster_role()], [cluster_role(**view)])
    assert line == "rights: ClusterRole shop/x: its rights go to everybody who has view"
    assert told([cluster_role(**view)], [cluster_role()]) == []


def test_containers_that_say_it_themselves_run_as_nobody_else() -> None:
    own = {"securityContext": {"runAsNonRoot": True}}
    assert told([pods(securityContext={"runAsNonRoot": True})], [pods(container=own)]) == []


def role(*verbs: str, resources: tuple[str, ...] = ("secrets",), group: str = "") -> Resource:
    rule = {"apiGroups": [group], "resources": list(resources), "verbs": list(verbs)}
    return one("ClusterRole", version=RBAC, rules=[rule])


@pytest.mark.parametrize(
    ("before", "after", "word"),
    [
        ([role("get")], [role("get", "list")], "list secrets *"),
        ([], [role("*", resources=("*",), group="*")], "* * *"),
        ([role("get")], [role("get", resources=("secrets", "pods"))], "get pods *"),
        ([pods()], [pods(hostNetwork=True)], "pods with hostNetwork"),
        ([pods()], [pods(container={"securityContext": {"privileged": True}})], "privileged container web"),
        ([pods()], [pods(volumes=[{"name": "v", "hostPath": {"path": "/"}}])], "node's folder /"),
        (
            [],
            [
                one(
                    "ClusterRoleBinding",
                    version=RBAC,
                    roleRef={"kind": "ClusterRole", "name": "cluster-admin"},
                    subjects=[{"kind": "ServiceAccount", "namespace": "shop", "name": "web"}],
                )
            ],
            "ServiceAccount shop/web gets ClusterRole cluster-admin",
        ),
        (
            [],
            [one("AppProject", version="argoproj.io/v1alpha1", spec={"sourceRepos": ["*"]})],
            "reads *",
        ),
    ],
)
def test_rights_that_grow_are_named(before: list[Resource], after: list[Resource], word: str) -> None:
    lines = [line for line in told(before, after) if line.startswith("rights: ")]
    assert len(lines) == 1
    assert word in lines[0]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (role("get", "list"), role("get")),
        (role("*"), role("get", "delete")),
        (role("get", resources=("*",)), role("get", resources=("pods",))),
        (pods(hostNetwork=True), pods()),
    ],
)
def test_rights_that_shrink_or_were_there_are_no_matter(before: Resource, after: Resource) -> None:
    assert not [line for line in told([before], [after]) if line.startswith("rights: ")]


def test_images_are_told_once_each() -> None:
    one_, other = pods(), pods("StatefulSet")
    assert told([one_], [pods(image="web:2")]) == ["images: Deployment shop/x: web:1 → web:2"]
    both = [pods(image="web:2"), pods("StatefulSet", image="web:2")]
    assert told([one_, other], both) == ["images: : web:1 → web:2, in 2 workloads"]
    assert told([], [pods()]) == ["images: Deployment shop/x: web:1 (new)"]
    old, new = ({("", "Deployment.apps", "shop", "x"): pods(image=image)} for image in ("web:1", "web:2"))
    assert (new_images(old, new), new_images(new, new)) == (["web:2"], [])


def test_a_workload_counts_once_though_two_of_its_containers_run_an_image() -> None:
    def both(kind: str, image: str) -> Resource:
        return pods(kind, image=image, initContainers=[{"name": "prepare", "image": image}])

    assert told([both("Deployment", "web:1")], [both("Deployment", "web:2")]) == [
        "images: Deployment shop/x: web:1 → web:2"
    ]
    before, after = ([both(kind, image) for kind in ("Deployment", "DaemonSet")] for image in ("a:1", "a:2"))
    assert told(before, after) == ["images: : a:1 → a:2, in 2 workloads"]


def test_the_most_urgent_comes_first_and_nothing_becomes_markup() -> None:
    def deployment(app: str) -> Resource:
        return one("Deployment", version="apps/v1", spec={"selector": {"matchLabels": {"app": app}}})

    evil = one("Namespace", "</code>@everyone")
    matters_ = found([deployment("a"), evil], [deployment("b"), pods("DaemonSet", hostPID=True)])
    assert [matter.topic for matter in matters_] == ["fails", "data", "rights", "images"]
    assert [line for line in text(matters_) if line.endswith(":") and not line.startswith(" ")] == [
        "The sync will fail:",
        "Data at risk:",
        "More rights:",
        "Other images:",
    ]
    shown = markdown(matters_)
    assert shown.startswith(
        "**The sync will fail**\n\n- <code>Deployment shop/x</code>: spec.selector is immutable"
    )
    assert "@everyone" not in shown
    assert markdown([]) == ""


def test_an_application_that_goes_to_a_wider_project_is_named() -> None:
    def in_project(name: str) -> Resource:
        return one("Application", **APPLICATION, spec={"project": name})

    projects = [
        one("AppProject", name, **APPLICATION, spec={"sourceRepos": [repository]})
        for name, repository in (("narrow", "https://git.example.com/a"), ("wide", "*"))
    ]
    (line,) = told([in_project("narrow"), *projects], [in_project("wide"), *projects])
    assert line == "rights: Application shop/x: project narrow → wide: reads *"
    assert told([in_project("wide"), *projects], [in_project("narrow"), *projects]) == []
