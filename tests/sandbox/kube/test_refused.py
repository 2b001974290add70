"""What a real API server answers with 403, and that the hint names what is really in the way."""

from __future__ import annotations

import json
import secrets
import time
from pathlib import Path
from typing import Any

import pytest

from bootstrap import kube
from bootstrap.core.errors import Forbidden, RefusedError
from bootstrap.kube import Cluster
from bootstrap.kube.connection import request
from bootstrap.kube.objects import create
from bootstrap.sandbox.addresses import Sandbox
from tests.sandbox import kubernetes
from tests.sandbox.kubernetes import SOON, config_map, crd, made

MERGE = "application/merge-patch+json"
PERMISSION = "has this permission"


def hold(cluster: Cluster, path: str, *finalizers: str) -> None:
    body = json.dumps({"metadata": {"finalizers": list(finalizers)}}).encode()
    request(cluster, "PATCH", path, "holding it", body=body, content_type=MERGE)


def refused(cluster: Cluster, content: dict[str, Any], namespace: str) -> list[Forbidden]:
    """What applying and creating it end with."""
    found = []
    with pytest.raises(Forbidden) as caught:
        kube.apply(cluster, [made(content)], namespace=namespace)
    found.append(caught.value)
    with pytest.raises(Forbidden) as caught:
        create(cluster, {**content, "metadata": {**content["metadata"], "namespace": namespace}})
    found.append(caught.value)
    assert {one.code for one in found} == {403}
    return found


def wait_until_refused(cluster: Cluster, content: dict[str, Any], namespace: str, said: str) -> None:
    """Until the API server's own copy of what refuses is up to date: the object's status is ahead of it."""
    deadline, number = time.monotonic() + SOON, 0
    while True:
        number += 1
        try:
            create(cluster, {**content, "metadata": {"name": f"try-{number}", "namespace": namespace}})
        except Forbidden as error:
            if said in error.found:
                return
        assert time.monotonic() < deadline, f"it does not answer {said!r}"
        time.sleep(0.05)


def test_a_namespace_that_is_being_deleted_is_not_a_missing_permission(admin: Cluster, ns: str) -> None:
    kube.apply(admin, [config_map("held")], namespace=ns)
    path = f"/api/v1/namespaces/{ns}/configmaps/held"
    hold(admin, path, "example.com/held")
    try:
        request(admin, "DELETE", f"/api/v1/namespaces/{ns}", "deleting it")
        new = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "new"}}
        for error in refused(admin, new, ns):
            assert "it is being terminated" in error.found
            assert "wait until the deletion is finished (kubectl get namespaces)" in error.hint
        with pytest.raises(Forbidden) as caught:
            kube.ensure_secret(admin, ns, "new", data={"a": b"b"}, generate=(), labels={})
        assert "wait until the deletion is finished" in caught.value.hint
    finally:
        hold(admin, path)


def test_a_namespace_that_is_being_deleted_says_what_in_it_is_held(admin: Cluster, ns: str) -> None:
    kube.apply(admin, [config_map("held")], namespace=ns)
    path, place = f"/api/v1/namespaces/{ns}/configmaps/held", f"/api/v1/namespaces/{ns}"
    hold(admin, path, "example.com/held")
    try:
        request(admin, "DELETE", place, "deleting it")
        deadline = time.monotonic() + SOON
        while "example.com/held" not in json.dumps(request(admin, "GET", place, "reading it").data["status"]):
            assert time.monotonic() < deadline, "it does not say what is left"
            time.sleep(0.05)
        with pytest.raises(RefusedError) as caught:
            kube.preview(admin, [config_map("new")], namespace=ns, refuse_deleted=True)
        assert f"Namespace {ns} since " in caught.value.found
        assert "finalizers remaining: example.com/held in 1 resource instance" in caught.value.found
        assert "successfully" not in caught.value.found
    finally:
        hold(admin, path)


def test_a_crd_that_is_being_deleted_is_not_a_missing_permission(admin: Cluster, ns: str) -> None:
    """Its condition Terminating comes with its finalizer, of which it is not rid until its objects are."""
    group = f"t{secrets.token_hex(4)}.example.com"
    definition = crd(group, "Held")
    head = {"apiVersion": f"{group}/v1", "kind": "Held"}
    path = f"/apis/{group}/v1/namespaces/{ns}/helds/there"
    kube.apply(admin, [definition, made({**head, "metadata": {"name": "there"}})], namespace=ns)
    hold(admin, path, "example.com/held")
    try:
        place = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{definition.name}"
        request(admin, "DELETE", place, "deleting it")
        deadline = time.monotonic() + SOON
        while not is_terminating(request(admin, "GET", place, "reading it").data):
            assert time.monotonic() < deadline, "it is not Terminating"
            time.sleep(0.05)
        wait_until_refused(admin, head, ns, "is terminating")
        for error in refused(admin, {**head, "metadata": {"name": "new"}}, ns):
            assert "custom resource definition is terminating" in error.found
            assert "wait until the CRD is gone" in error.hint
    finally:
        hold(admin, path)


def is_terminating(definition: dict[str, Any]) -> bool:
    conditions = (definition.get("status") or {}).get("conditions") or ()
    return any((one["type"], one["status"]) == ("Terminating", "True") for one in conditions)


def test_a_quota_is_not_a_missing_permission(admin: Cluster, ns: str) -> None:
    head = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "small"}}
    kube.apply(admin, [made({**head, "spec": {"hard": {"count/secrets": "0"}}})], namespace=ns)
    path = f"/api/v1/namespaces/{ns}/resourcequotas/small"
    deadline = time.monotonic() + SOON
    while not (request(admin, "GET", path, "reading it").data.get("status") or {}).get("used"):
        assert time.monotonic() < deadline, "the quota is not computed"
        time.sleep(0.05)
    secret = {"apiVersion": "v1", "kind": "Secret"}
    wait_until_refused(admin, secret, ns, "exceeded quota")
    for error in refused(admin, {**secret, "metadata": {"name": "new"}}, ns):
        assert "exceeded quota: small" in error.found
        assert "ResourceQuota" in error.hint
        assert PERMISSION not in error.hint


def test_a_missing_permission_and_one_that_may_not_be_given_are_missing_permissions(
    admin: Cluster, api_server: Sandbox, ns: str, tmp_path: Path
) -> None:
    nobody = kubernetes.powerless(admin, api_server, ns, tmp_path)
    with pytest.raises(Forbidden) as caught:
        kube.apply(nobody, [config_map()], namespace=ns)
    assert PERMISSION in caught.value.hint
    rules = [
        {
            "apiGroups": ["rbac.authorization.k8s.io"],
            "resources": ["roles"],
            "verbs": ["get", "create", "patch"],
        }
    ]
    api = "rbac.authorization.k8s.io/v1"
    role = {"apiVersion": api, "kind": "Role", "metadata": {"name": "writer"}, "rules": rules}
    binding = {
        "apiVersion": api,
        "kind": "RoleBinding",
        "metadata": {"name": "writer"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "writer"},
        "subjects": [{"kind": "ServiceAccount", "name": "nobody", "namespace": ns}],
    }
    kube.apply(admin, [made(role), made(binding)], namespace=ns)
    more = [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}]
    given = {"apiVersion": api, "kind": "Role", "metadata": {"name": "more"}, "rules": more}
    deadline = time.monotonic() + SOON
    while True:  # until the authorizer has seen the binding
        with pytest.raises(Forbidden) as caught:
            kube.apply(nobody, [made(given)], namespace=ns)
        if "attempting to grant" in caught.value.found:
            break
        assert time.monotonic() < deadline, caught.value.found
        time.sleep(0.05)
    assert PERMISSION in caught.value.hint
