"""A cluster's token as `argocd cluster add` keeps it, made by a real API server: its end is read."""

from __future__ import annotations

import base64
import json
from pathlib import Path

from bootstrap import kube
from bootstrap.argocd import expiry
from bootstrap.doctor.expiry import of_cluster
from bootstrap.kube.connection import request
from bootstrap.sandbox.addresses import Sandbox
from tests.sandbox.kubernetes import admin, made, powerless, temporary_namespace


def test_a_token_of_the_api_server_is_told_before_it_ends(api_server: Sandbox) -> None:
    cluster = admin(api_server)
    with temporary_namespace(cluster) as name:
        assert expiry.read(cluster, name) == []
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "manager"}}
        kube.apply(cluster, [made(account)], namespace=name)
        path = f"/api/v1/namespaces/{name}/serviceaccounts/manager/token"
        wish = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        body = json.dumps({**wish, "spec": {"expirationSeconds": 3600}}).encode()
        token = request(cluster, "POST", path, "making a token", body=body).data["status"]["token"]
        config = base64.b64encode(json.dumps({"bearerToken": token}).encode()).decode()
        labels = {"argocd.argoproj.io/secret-type": "cluster"}
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "edge", "labels": labels},
            "data": {"config": config, "name": base64.b64encode(b"edge").decode()},
        }
        kube.apply(cluster, [made(secret)], namespace=name)
        found = expiry.read(cluster, name)
        ((area, state, said, fix),) = of_cluster(found)
    assert (area, state) == ("expiry", "warning")
    assert said.startswith("token of cluster edge (Secret edge) expires in 0 days")
    assert fix
    assert token not in repr(found)


def test_secrets_that_may_not_be_read_are_unknown(api_server: Sandbox, tmp_path: Path) -> None:
    cluster = admin(api_server)
    with temporary_namespace(cluster) as name:
        nobody = powerless(cluster, api_server, name, tmp_path)
        assert expiry.read(nobody, name) is None
    assert of_cluster(None)[0][1] == "unknown"
