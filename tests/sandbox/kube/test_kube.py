"""Applying, previewing and reading on a real API server."""

from __future__ import annotations

import json
import secrets
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bootstrap import kube
from bootstrap.core.errors import (
    ApiError,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    NotReadyError,
    RefusedError,
)
from bootstrap.kube import Cluster, dry_run
from bootstrap.kube import objects as kube_objects
from bootstrap.kube import send as kube_send
from bootstrap.kube.connection import request
from bootstrap.kube.state import FieldConflict
from bootstrap.manifests import parse, split
from bootstrap.manifests.objects import ClusterObject
from bootstrap.sandbox.addresses import Sandbox
from tests.sandbox import kubernetes
from tests.sandbox.kubernetes import config_map, crd, delete, made

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


@pytest.fixture
def group(admin: Cluster) -> Iterator[str]:
    """A group of custom resources; its CRDs are deleted afterwards."""
    name = f"t{secrets.token_hex(4)}.example.com"
    yield name
    for item in kube.list_objects(admin, "apiextensions.k8s.io/v1", "CustomResourceDefinition"):
        if item["spec"]["group"] == name:
            path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{item['metadata']['name']}"
            delete(admin, path)


def custom(group: str, kind: str, name: str = "a", **fields: Any) -> ClusterObject:
    return made({"apiVersion": f"{group}/v1", "kind": kind, "metadata": {"name": name}, **fields})


def service(name: str = "a", **spec: Any) -> ClusterObject:
    spec = {"ports": [{"port": 80}], "selector": {"app": name}, **spec}
    return made({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec})


def changes(cluster: Cluster, objects: list[ClusterObject], namespace: str, force: bool = False) -> list[str]:
    return [item.change for item in kube.preview(cluster, objects, force, namespace)]


def test_what_is_being_deleted_is_refused_before_anything_is_applied(
    admin: Cluster, ns: str, group: str
) -> None:
    definition = crd(group, "Held")
    kube.apply(admin, [definition, config_map("a")], namespace=ns)
    kinds = {
        "CustomResourceDefinition": f"{CRDS}/{definition.name}",
        "ConfigMap": f"/api/v1/namespaces/{ns}/configmaps/a",
    }
    held = {"metadata": {"finalizers": ["example.com/held"]}}
    free = {"metadata": {"finalizers": None}}
    merge = "application/merge-patch+json"

    def patch(path: str, body: dict[str, Any]) -> None:
        request(admin, "PATCH", path, "holding it", body=json.dumps(body).encode(), content_type=merge)

    try:
        for path in kinds.values():
            patch(path, held)
            request(admin, "DELETE", path, "deleting it")
        with pytest.raises(RefusedError) as caught:
            kube.preview(admin, [definition, config_map("a", x="2")], namespace=ns, refuse_deleted=True)
        assert all(kind in caught.value.found for kind in kinds)
        assert "held by example.com/held" in caught.value.found
    finally:
        for path in kinds.values():
            patch(path, free)


# -- applying ---------------------------------------------------------------------------


def test_applied_objects_are_there_and_applying_again_changes_nothing(admin: Cluster, ns: str) -> None:
    objects = [config_map(x="1"), service()]
    first = kube.apply(admin, objects, namespace=ns)
    assert {(str(item.object), item.changed) for item in first} == {
        (f"ConfigMap {ns}/a", True),
        (f"Service {ns}/a", True),
    }
    assert [item.changed for item in kube.apply(admin, objects, namespace=ns)] == [False, False]
    found = kube.get(admin, "v1", "ConfigMap", ns, "a")
    assert found is not None
    assert found["data"] == {"x": "1"}
    assert {entry["manager"] for entry in found["metadata"]["managedFields"]} == {"bootstrap"}


def test_only_what_changed_is_reported_as_changed(admin: Cluster, ns: str) -> None:
    kube.apply(admin, [config_map("a", x="1"), config_map("b", x="1")], namespace=ns)
    again = kube.apply(admin, [config_map("a", x="2"), config_map("b", x="1")], namespace=ns)
    assert {item.object.name: item.changed for item in again} == {"a": True, "b": False}


def test_every_object_is_reported(admin: Cluster, ns: str) -> None:
    told: list[str] = []
    kube.apply(admin, [config_map("a"), config_map("b")], report=told.append, namespace=ns)
    assert [text.split()[0] for text in told] == ["1/2", "2/2"]


def test_namespaces_then_crds_then_what_is_made_of_them_in_one_batch(admin: Cluster, group: str) -> None:
    name = f"test-{secrets.token_hex(4)}"
    objects = [
        custom(group, "Whole"),
        custom(group, "Part"),
        config_map(),
        crd(group, "Whole", "Cluster"),
        crd(group, "Part"),
        made({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}),
    ]
    try:
        places = [str(item.object) for item in kube.apply(admin, objects, namespace=name)]
    finally:
        delete(admin, f"/api/v1/namespaces/{name}")
    assert places[0] == f"Namespace {name}"
    assert set(places[-2:]) == {"Whole a", f"Part {name}/a"}
    assert kube.get(admin, f"{group}/v1", "Whole", None, "a") is not None


def test_object_keeps_the_namespace_that_it_names(admin: Cluster, ns: str) -> None:
    metadata = {"name": "a", "namespace": ns}
    item = made({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
    (done,) = kube.apply(admin, [item], namespace="default")
    assert done.object.namespace == ns


@pytest.mark.parametrize(
    "text",
    [
        "apiVersion: v1\r\nkind: ConfigMap\r\nmetadata:\r\n  name: a\r\ndata:\r\n  x: |\r\n    1\r\n",
        '\ufeff# c\n{\n\t"apiVersion": "v1", "kind": "ConfigMap",\n\t"metadata": {"name": "a"}, '
        '"data": {"x": "1\\n"}}\n',
        "%YAML 1.1\n--- # c\napiVersion: v1\nkind: ConfigMap\nmetadata: &m {name: a}\n"
        "data:\n  x: >\n    1\n...\n",
        'kind: List\nitems:\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {x: "1\\n"}}\n',
    ],
)
def test_documents_are_understood_as_they_lie(admin: Cluster, ns: str, text: str) -> None:
    kube.apply(admin, split.split(text.encode(), "test"), namespace=ns)
    found = kube.get(admin, "v1", "ConfigMap", ns, "a")
    assert found is not None
    assert found["data"] == {"x": "1\n"}


def test_refused_objects_are_reported_together_and_do_not_stop_the_others(admin: Cluster, ns: str) -> None:
    wrong = [service(name, ports=[{"port": 0}]) for name in ("b", "c")]
    with pytest.raises(Invalid) as raised:
        kube.apply(admin, [*wrong, config_map()], namespace=ns)
    assert "2 objects were refused" in raised.value.found
    assert f"Service {ns}/b: Service" in raised.value.found
    assert "spec.ports[0].port: Invalid value: 0" in raised.value.found
    assert kube.get(admin, "v1", "ConfigMap", ns, "a") is not None


def test_unknown_field_is_refused_with_the_servers_words(admin: Cluster, ns: str) -> None:
    with pytest.raises(ApiError, match=r"spec\.prots") as raised:
        kube.apply(admin, [service(prots=[])], namespace=ns)
    assert raised.value.where == f"Service {ns}/a"


def test_value_of_the_wrong_type_is_refused_at_once(admin: Cluster, ns: str) -> None:
    with pytest.raises(Invalid, match=r"\.spec\.ports.*port"):
        kube.apply(admin, [service(ports=[{"port": "eighty"}])], namespace=ns)


def test_unknown_kind_is_reported(admin: Cluster, ns: str) -> None:
    with pytest.raises(NotFound, match="does not serve Thing in v1") as raised:
        kube.apply(
            admin, [made({"apiVersion": "v1", "kind": "Thing", "metadata": {"name": "a"}})], namespace=ns
        )
    assert "CustomResourceDefinition" in raised.value.hint


def test_missing_namespace_is_reported_at_once(admin: Cluster) -> None:
    with pytest.raises(NotFound, match='namespaces "not-there" not found'):
        kube.apply(admin, [config_map()], namespace="not-there")


def test_immutable_field_has_a_hint(admin: Cluster, ns: str) -> None:
    item = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "immutable": True}
    kube.apply(admin, [made({**item, "data": {"x": "1"}})], namespace=ns)
    with pytest.raises(Invalid, match="immutable") as raised:
        kube.apply(admin, [made({**item, "data": {"x": "2"}})], namespace=ns)
    assert "delete the object" in raised.value.hint


def test_crd_whose_name_is_taken_is_not_waited_for_in_vain(
    admin: Cluster, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bootstrap.kube.crds.ESTABLISHED_TIMEOUT", 3.0)
    kube.apply(admin, [crd(group, "Part")])
    _until_names(admin, crd(group, "Part"), "True")
    other = crd(group, "Other")
    taken = ClusterObject(
        other.api_version,
        other.kind,
        "",
        other.name,
        other.text.replace(b'"kind": "Other"', b'"kind": "Part"'),
    )
    kube.apply(admin, [taken])
    _until_names(admin, taken, "False")
    with pytest.raises(NotReadyError, match='NamesAccepted: "Part" is already in use'):
        kube.apply(admin, [taken, custom(group, "Part")])


def _until_names(cluster: Cluster, item: ClusterObject, accepted: str) -> None:
    """The API server judges a CRD's names a moment after it has taken it."""
    selector = f"metadata.name={item.name}"
    for _, found in kube.watch(
        cluster, item.api_version, item.kind, None, kubernetes.SOON, field_selector=selector
    ):
        conditions = (found.get("status") or {}).get("conditions") or ()
        if ("NamesAccepted", accepted) in [(one["type"], one["status"]) for one in conditions]:
            return
    raise AssertionError(f"the names of {item.name} are not judged")


def test_objects_of_a_crd_that_was_applied_before_wait_until_it_is_served(
    admin: Cluster, ns: str, group: str
) -> None:
    assert kube.get(admin, f"{group}/v1", "Part", ns, "a") is None
    kube.apply(admin, [crd(group, "Part")])
    kube.apply(admin, [custom(group, "Part")], namespace=ns)
    assert kube.get(admin, f"{group}/v1", "Part", ns, "a") is not None


def test_webhook_that_does_not_answer_is_reported_clearly(
    admin: Cluster, api_server: Sandbox, ns: str
) -> None:
    silent = socket.socket()  # it has the port, so that nobody else gets it, and does not listen
    silent.bind(("127.0.0.1", 0))
    port = silent.getsockname()[1]
    webhook = {
        "name": "gone.example.com",
        "clientConfig": {"url": f"https://127.0.0.1:{port}"},
        "rules": [
            {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["*"], "resources": ["configmaps"]}
        ],
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": ns}},
        "failurePolicy": "Fail",
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
    }
    kind, name = "ValidatingWebhookConfiguration", f"gone-{ns}"
    configuration = made(
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": kind,
            "metadata": {"name": name},
            "webhooks": [webhook],
        }
    )
    impatient = kubernetes.admin(api_server)
    impatient.patience = 1.0
    kube.apply(admin, [configuration])
    try:
        with closing(silent):
            raised = _until_refused(impatient, ns)
    finally:
        kube.delete(admin, [configuration])
    assert "gone.example.com" in raised.found
    assert "connection refused" in raised.found
    assert "webhook of the cluster does not answer" in raised.hint


def _until_refused(cluster: Cluster, namespace: str) -> ApiError:
    """The API server takes notice of a new webhook after a moment."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            kube.apply(cluster, [config_map(secrets.token_hex(4))], namespace=namespace)
        except ApiError as error:
            return error
    raise AssertionError("the webhook was never called")


# -- other managers ---------------------------------------------------------------------


def test_fields_of_other_managers_are_a_conflict_until_they_are_taken(admin: Cluster, ns: str) -> None:
    kubernetes.apply_as(admin, config_map(x="theirs", y="theirs"), ns, "somebody")
    ours = config_map(x="ours", y="theirs")
    (preview,) = kube.preview(admin, [ours], namespace=ns)
    assert preview.change == "conflict"
    assert preview.conflicts == (FieldConflict(".data.x", "somebody"),)
    with pytest.raises(Conflict, match=r"\.data\.x \(owned by somebody\)") as raised:
        kube.apply(admin, [ours], namespace=ns)
    assert raised.value.fields == ((".data.x", "somebody"),)
    assert changes(admin, [ours], ns, force=True) == ["change"]
    assert kube.apply(admin, [ours], force=True, namespace=ns)[0].changed
    assert changes(admin, [ours], ns) == ["same"]


def test_the_same_values_by_another_manager_are_not_a_conflict(admin: Cluster, ns: str) -> None:
    """An atomic field into which the server fills defaults: it reports a conflict over no difference."""
    policy = made(
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {"name": "a"},
            "spec": {"podSelector": {}, "ingress": [{"ports": [{"port": 80}]}]},
        }
    )
    kubernetes.apply_as(admin, policy, ns, "argocd-controller")
    assert changes(admin, [policy], ns) == ["same"]
    kube.apply(admin, [policy], namespace=ns)
    kubernetes.apply_as(admin, policy, ns, "argocd-controller")
    assert changes(admin, [policy], ns) == ["same"]


def test_a_real_conflict_next_to_an_unreal_one_names_only_itself(admin: Cluster, ns: str) -> None:
    def policy(selector: dict[str, Any]) -> ClusterObject:
        spec = {"podSelector": selector, "ingress": [{"ports": [{"port": 80}]}]}
        meta = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "a"}}
        return made({**meta, "spec": spec})

    kubernetes.apply_as(admin, policy({"matchLabels": {"a": "1"}}), ns, "somebody")
    (preview,) = kube.preview(admin, [policy({"matchLabels": {"a": "2"}})], namespace=ns)
    assert preview.change == "conflict"
    assert preview.conflicts
    assert all("podSelector" in conflict.field for conflict in preview.conflicts)


# -- previews ---------------------------------------------------------------------------


def test_preview_writes_nothing_and_says_what_would_happen(admin: Cluster, ns: str) -> None:
    kube.apply(admin, [config_map("same", x="1"), config_map("change", x="1")], namespace=ns)
    objects = [config_map("same", x="1"), config_map("change", x="2"), config_map("create", x="1")]
    previews = kube.preview(admin, objects, namespace=ns)
    assert [item.change for item in previews] == ["same", "change", "create"]
    assert [item.object.namespace for item in previews] == [ns] * 3
    assert previews[1].before is not None
    assert previews[1].after is not None
    assert (previews[1].before["data"], previews[1].after["data"]) == ({"x": "1"}, {"x": "2"})
    assert previews[2].after is not None
    assert kube.get(admin, "v1", "ConfigMap", ns, "create") is None
    found = kube.get(admin, "v1", "ConfigMap", ns, "change")
    assert found is not None
    assert found["data"] == {"x": "1"}


def test_field_that_is_no_longer_there_is_a_change(admin: Cluster, ns: str) -> None:
    kube.apply(admin, [config_map(x="1", y="1")], namespace=ns)
    assert changes(admin, [config_map(x="1")], ns) == ["change"]


def test_what_the_server_fills_in_and_writes_itself_is_no_change(admin: Cluster, ns: str) -> None:
    labels = {"app": "a"}
    container = {"name": "c", "image": "i", "resources": {"limits": {"cpu": "1000m", "memory": "1024Mi"}}}
    deployment = made(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "a"},
            "spec": {
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
            },
        }
    )
    objects = [
        deployment,
        service(),
        made({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}, "stringData": {"x": "1"}}),
    ]
    kube.apply(admin, objects, namespace=ns)
    for event, found in kube.watch(admin, "apps/v1", "Deployment", ns, 60):
        if event != "DELETED" and (found.get("status") or {}).get("observedGeneration"):
            break  # its controller has written into it
    assert changes(admin, objects, ns) == ["same"] * 3


def test_kinds_and_namespaces_that_do_not_exist_yet_would_be_created(admin: Cluster, group: str) -> None:
    objects = [crd(group, "Part"), custom(group, "Part"), config_map()]
    assert changes(admin, objects, "not-there-yet") == ["create"] * 3


def test_quick_preview_tries_no_long_document_that_does_not_exist(admin: Cluster, ns: str) -> None:
    long = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "long"},
        "data": {"x": "y" * 100_000},
    }
    absent, wrong = made(long), made({**long, "metadata": {"name": "wrong"}, "data": {"?": "y" * 100_000}})
    (preview, _) = kube.preview(admin, [absent, wrong], namespace=ns, quick=True)
    assert (preview.change, preview.after, preview.object.namespace) == ("create", None, ns)
    with pytest.raises(Invalid):
        kube.preview(admin, [absent, wrong], namespace=ns)
    kube.apply(admin, [absent], namespace=ns)
    assert [item.change for item in kube.preview(admin, [absent], namespace=ns, quick=True)] == ["same"]


def long_crd(group: str, **spec: Any) -> ClusterObject:
    """With a description of a hundred thousand characters."""
    content = json.loads(crd(group, "Part").text)
    content["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["description"] = "x" * 100_000
    content["spec"] |= spec
    return made(content)


def test_long_document_that_is_as_it_was_applied_is_not_tried(
    admin: Cluster, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kube.apply(admin, [long_crd(group)])
    tried: list[str] = []

    def send(*arguments: Any, **options: Any) -> Any:
        tried.append(str(arguments[1].object))
        return kube_send.send(*arguments, **options)

    monkeypatch.setattr(dry_run, "send", send)
    assert changes(admin, [long_crd(group)], "default") == ["same"]
    assert tried == []
    assert changes(admin, [long_crd(group, preserveUnknownFields=False)], "default") == ["same"]
    assert tried


def test_long_document_that_differs_in_one_value_or_lacks_one_is_a_change(admin: Cluster, group: str) -> None:
    names = json.loads(crd(group, "Part").text)["spec"]["names"]
    kube.apply(admin, [long_crd(group, names={**names, "shortNames": ["pt"]})])
    assert changes(admin, [long_crd(group, names={**names, "shortNames": ["pt"]})], "default") == ["same"]
    assert changes(admin, [long_crd(group, names={**names, "shortNames": ["px"]})], "default") == ["change"]
    assert changes(admin, [long_crd(group)], "default") == ["change"]


def test_preview_finds_every_object_that_would_be_refused(admin: Cluster, ns: str) -> None:
    with pytest.raises(Invalid, match="2 objects were refused"):
        kube.preview(admin, [service(name, ports=[{"port": 0}]) for name in "ab"], namespace=ns)


# -- reading ----------------------------------------------------------------------------


def test_what_does_not_exist_is_none(admin: Cluster, ns: str) -> None:
    assert kube.get(admin, "v1", "ConfigMap", ns, "absent") is None
    assert kube.get(admin, "absent.example.com/v1", "Absent", ns, "absent") is None
    assert kube.list_objects(admin, "absent.example.com/v1", "Absent") == []


def test_lists_are_read_in_pages(admin: Cluster, ns: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kube.apply(admin, [config_map(f"m{number}") for number in range(5)], namespace=ns)
    monkeypatch.setattr(kube_objects, "PAGE", 2)
    found = kube.list_objects(admin, "v1", "ConfigMap", ns)
    assert {item["metadata"]["name"] for item in found} >= {f"m{number}" for number in range(5)}
    assert {(item["apiVersion"], item["kind"]) for item in found} == {("v1", "ConfigMap")}


def test_watch_reports_what_is_there_and_every_change_over_several_rounds(admin: Cluster, ns: str) -> None:
    kube.apply(admin, [config_map("a", x="0")], namespace=ns)
    seen: list[tuple[str, str, str]] = []
    ticks = 0
    for event, found in kube.watch(admin, "v1", "ConfigMap", ns, 120, tick=1):
        if event == "TICK":
            ticks += 1
            if ticks in (1, 3):
                kube.apply(admin, [config_map("a", x=str(ticks))], namespace=ns)
            elif ticks == 4:
                kube.delete(admin, [replace(config_map("a"), namespace=ns)])
        elif found["metadata"]["name"] == "a":
            if found["metadata"].get("deletionTimestamp") is None or event == "DELETED":
                seen.append((event, "a", found["data"]["x"]))
            if event == "DELETED":
                break
    assert seen == [
        ("ADDED", "a", "0"),
        ("MODIFIED", "a", "1"),
        ("MODIFIED", "a", "3"),
        ("DELETED", "a", "3"),
    ]


def test_watch_ends_when_its_time_is_over(admin: Cluster, ns: str) -> None:
    kube.ensure_secret(admin, ns, "there", data={"key": b"value"}, generate=(), labels={})
    for seconds in (1.5, 6.0, 24.0, 96.0):  # longer, where even the list takes that long
        watched = kube.watch(admin, "v1", "Secret", ns, seconds)
        if events := [(event, item["metadata"]["name"]) for event, item in watched]:
            break
    assert events == [("ADDED", "there")]


def test_watch_without_the_right_ends_with_the_servers_words(
    admin: Cluster, api_server: Sandbox, ns: str, tmp_path: Path
) -> None:
    nobody = kubernetes.powerless(admin, api_server, ns, tmp_path)
    with pytest.raises(Forbidden, match="cannot list resource"):
        list(kube.watch(nobody, "v1", "Secret", ns, 5))


def test_deleting_waits_until_it_is_gone_and_again_is_not_an_error(admin: Cluster, ns: str) -> None:
    (done,) = kube.apply(admin, [config_map()], namespace=ns)
    kube.delete(admin, [done.object])
    assert kube.get(admin, "v1", "ConfigMap", ns, "a") is None
    kube.delete(admin, [done.object])


def test_what_a_finalizer_holds_is_reported_with_its_name(admin: Cluster, ns: str) -> None:
    metadata = {"name": "a", "namespace": ns, "finalizers": ["example.com/never"]}
    held = made({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
    kube.apply(admin, [held])
    with pytest.raises(NotReadyError, match=r"example\.com/never"):
        kube.delete(admin, [held], timeout=2)
    patch = b'{"metadata": {"finalizers": null}}'
    path = f"/api/v1/namespaces/{ns}/configmaps/a"
    request(admin, "PATCH", path, "cleaning up", body=patch, content_type="application/merge-patch+json")


# -- rights and credentials -------------------------------------------------------------


def test_missing_right_is_the_servers_own_sentence(
    admin: Cluster, api_server: Sandbox, ns: str, tmp_path: Path
) -> None:
    nobody = kubernetes.powerless(admin, api_server, ns, tmp_path)
    with pytest.raises(Forbidden) as raised:
        kube.apply(nobody, [config_map()], namespace=ns)
    assert f'User "system:serviceaccount:{ns}:nobody" cannot get resource "configmaps"' in raised.value.found
    assert raised.value.code == 403


def test_invalid_token_is_not_accepted(api_server: Sandbox, tmp_path: Path) -> None:
    with pytest.raises(Forbidden, match="does not accept the credential") as raised:
        kubernetes.with_token(api_server, "no-such-token", tmp_path)
    assert raised.value.code == 401


# -- secrets ----------------------------------------------------------------------------


def data_of(cluster: Cluster, namespace: str, name: str) -> dict[str, str]:
    found = kube.get(cluster, "v1", "Secret", namespace, name)
    assert found is not None
    data: dict[str, str] = found["data"]
    return data


def test_secret_is_made_with_its_namespace_and_kept(admin: Cluster) -> None:
    name = f"test-{secrets.token_hex(4)}"
    wanted: dict[str, Any] = {"data": {"user": b"u"}, "generate": ("one", "two"), "labels": {"l": "1"}}
    try:
        assert kube.ensure_secret(admin, name, "s", **wanted)
        first = data_of(admin, name, "s")
        assert len({*first.values()}) == 3
        assert not kube.ensure_secret(admin, name, "s", **wanted)
        assert data_of(admin, name, "s") == first
    finally:
        delete(admin, f"/api/v1/namespaces/{name}")


def test_only_what_is_missing_is_added_to_a_secret(admin: Cluster, ns: str) -> None:
    theirs = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "labels": {"theirs": "1"}}}
    kubernetes.apply_as(
        admin, made({**theirs, "stringData": {"kept": "by-hand", "empty": ""}}), ns, "somebody"
    )
    wanted: dict[str, Any] = {
        "data": {"set": b"now"},
        "generate": ("kept", "empty", "new"),
        "labels": {"l": "1"},
    }
    assert kube.ensure_secret(admin, ns, "s", **wanted)
    data = data_of(admin, ns, "s")
    assert data["kept"] == "YnktaGFuZA=="
    assert data["set"] == "bm93"
    assert data["empty"]
    assert data["new"]
    found = kube.get(admin, "v1", "Secret", ns, "s")
    assert found is not None
    assert found["metadata"]["labels"] == {"theirs": "1", "l": "1"}
    assert not kube.ensure_secret(admin, ns, "s", **wanted)


def test_many_at_once_agree_on_one_value(admin: Cluster, ns: str) -> None:
    def ensure(_: int) -> str:
        kube.ensure_secret(admin, ns, "s", data={}, generate=("x",), labels={})
        return data_of(admin, ns, "s")["x"]

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(ensure, range(16)))) == 1


# -- what a document says ---------------------------------------------------------------

SCALARS = (
    "n y Yes no on OFF true ~ 12:30 2020-01-01 0644 0o17 0x1f 1_000 1e3 .5 +1 0b11 1. -0o7 08 1__0 _1 12e03"
)


@pytest.mark.parametrize(
    "scalar", [*SCALARS.split(), "'yes'", '"08"', "!!str 12", "null", "NULL", "Null", "a b"]
)
def test_scalars_are_read_as_the_api_server_reads_them(admin: Cluster, scalar: str) -> None:
    """The items of a List are sent as JSON: what we take for a number has to be one for the server."""
    text = f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\ndata:\n  x: {scalar}\n"
    ours = parse.parse(text.encode(), ("test", 1))["data"]["x"]
    theirs = _as_the_server_reads(admin, text)
    if isinstance(ours, str) or ours is None:
        assert theirs == ("string", ours or "")
    else:
        assert theirs == ("other", str(ours).lower() if isinstance(ours, bool) else f"{ours:g}")


def _as_the_server_reads(cluster: Cluster, text: str) -> tuple[str, str]:
    """The value of `x`: a string's own, or another's as the server's refusal of it shows it."""
    item = ClusterObject("v1", "ConfigMap", "default", "a", text.encode())
    try:
        (preview,) = kube.preview(cluster, [item])
    except ApiError as error:
        return "other", error.found.rpartition("Value:")[2].rstrip("}")
    return "string", (preview.after or {})["data"]["x"]
