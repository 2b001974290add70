"""Which Secrets an Application gets from `init` by its annotation: its own namespace's, and no other."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from bootstrap.core.errors import InputError
from bootstrap.init.plan import secrets
from bootstrap.kube.secret import left_to_set
from bootstrap.layout.settings import Settings
from bootstrap.plan import show
from bootstrap.plan.steps import EnsureSecret
from bootstrap.repository.model import promised
from bootstrap.resources.index import SECRETS, Resource
from tests.layouts import CATALOG, settings

APP = "apps/voting-app/applications/dev/application.yaml"
TRAEFIK = "infrastructure/traefik/application.yaml"
SHIPPED_HERE = "https://kubernetes.default.svc"


def application(
    asked: list[dict[str, Any]], namespace: str, called: str = "shop", **destination: str
) -> dict[str, Any]:
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": called, "annotations": {SECRETS: json.dumps(asked)}},
        "spec": {"destination": {"namespace": namespace, **destination}},
    }


def asking(asked: list[dict[str, Any]], namespace: str, path: str = APP, **destination: str) -> list[Any]:
    """The Secrets that are planned for an Application in that folder."""
    content = yaml.safe_dump(application(asked, namespace, **destination), width=1000).encode()
    return [one for one in secrets({**CATALOG, path: content}, settings(), None) if one.asked_by]


def test_own_namespaces_secret_is_made_and_the_plan_says_who_asks() -> None:
    entry = {"namespace": "shop", "name": "db", "generate": ["password"], "literals": {"user": "shop"}}
    (step,) = asking([entry], "shop")
    assert step == EnsureSecret("shop", "db", ("password",), literals=(("user", "shop"),), asked_by="shop")
    assert show.title(step) == "make Secret shop/db (password, user), as Application shop requests"
    (data,) = show.plan_data(_plan(step))["steps"]
    assert data["askedBy"] == "shop"


def _plan(*steps: Any) -> Any:
    from bootstrap.plan.steps import Plan

    return Plan(tuple(steps))


@pytest.mark.parametrize(
    ("namespace", "destination"),
    [
        ("argocd", "shop"),  # argocd-secret has Argo CD's own password
        ("argocd", "argocd"),
        ("kube-system", "kube-system"),
        ("kube-public", "kube-public"),
        ("default", "default"),
        ("another-app", "shop"),
        ("shop", ""),
    ],
)
def test_secret_beyond_the_own_namespace_is_refused_with_who_asks(namespace: str, destination: str) -> None:
    entry = {"namespace": namespace, "name": "argocd-secret", "literals": {"admin.password": "$2a$10$x"}}
    with pytest.raises(InputError) as caught:
        asking([entry], destination)
    assert "Application shop" in caught.value.tried
    assert f"{namespace}/argocd-secret" in caught.value.found
    assert "$2a$10$x" not in str(caught.value)


def test_a_secret_that_another_application_requests_is_refused_with_both_names() -> None:
    asked = [{"namespace": "ingress", "name": "own", "literals": {"password": "known"}}]
    mine = yaml.safe_dump(application(asked, "ingress", "other"), width=1000).encode()
    theirs = yaml.safe_dump(application(asked, "ingress", "traefik"), width=1000).encode()
    whole = {**CATALOG, TRAEFIK: theirs, TRAEFIK.replace("application", "more"): mine}
    with pytest.raises(InputError) as caught:
        secrets(whole, settings(), None)
    told = f"{caught.value.tried} {caught.value.found}"
    assert "ingress/own" in told
    assert "Application traefik" in told
    assert "Application other" in told


OTHER = "apps/other/applications/dev"
LINE = b"  - ../../apps/voting-app/applications/dev\n"
ENTRY = {"namespace": "shop", "name": "db", "generate": ["password"]}


def shared(
    own: dict[str, Any], other: dict[str, str], line: str = f"  - ../../{OTHER}\n"
) -> dict[str, bytes]:
    """An app that requests a Secret, and other files: an app with a line in the kustomization."""
    kustomization = CATALOG["clusters/default/kustomization.yaml"].replace(LINE, LINE + line.encode())
    files = {path: text.encode() for path, text in other.items()}
    mine = yaml.safe_dump(own, width=1000).encode()
    return {**CATALOG, APP: mine, "clusters/default/kustomization.yaml": kustomization, **files}


def as_set(body: dict[str, Any]) -> str:
    made = {"apiVersion": "argoproj.io/v1alpha1", "kind": "ApplicationSet", "metadata": {"name": "set"}}
    return yaml.safe_dump({**made, "spec": {"generators": [], "template": {"spec": body["spec"]}}})


@pytest.mark.parametrize(
    "where",
    [
        "on",
        "off",
        "not its only one",
        "made by an ApplicationSet",
        "further below",
        "in the cluster's folder",
    ],
)
def test_app_gets_no_secret_in_a_namespace_that_another_app_deploys_to(where: str) -> None:
    """Its pods would use what this one has set, whether they ask for it or not, now or once it is on."""
    theirs = application([], "shop", "other")
    text = yaml.safe_dump(theirs)
    off = f"  # - ../../{OTHER}\n"
    path = f"{OTHER}/application.yaml"
    tree = {
        "on": shared(application([ENTRY], "shop"), {path: text}),
        "off": shared(application([ENTRY], "shop"), {path: text}, off),
        "not its only one": shared(
            application([ENTRY], "shop"), {path: yaml.safe_dump_all([application([], "else", "x"), theirs])}
        ),
        "made by an ApplicationSet": shared(application([ENTRY], "shop"), {path: as_set(theirs)}),
        "further below": shared(application([ENTRY], "shop"), {f"{OTHER}/more/a.yml": text}),
        "in the cluster's folder": shared(
            application([ENTRY], "shop"), {"clusters/default/own.yaml": text}, ""
        ),
    }[where]
    with pytest.raises(InputError) as caught:
        secrets(tree, settings(), None)
    assert "Application shop" in caught.value.tried
    assert "Secret shop/db" in caught.value.found
    owner = "clusters/default" if where == "in the cluster's folder" else "apps/other"
    assert f"{owner} deploys there, too" in caught.value.found


@pytest.mark.parametrize(
    ("there", "destination"),
    [
        ("apps/voting-app/applications/jobs/application.yaml", {}),  # the same app's
        (f"{OTHER}/application.yaml", {"server": "https://other.example.org"}),
        (f"{OTHER}/application.yaml", {"namespace": "else"}),
        ("apps/unused/applications/dev/application.yaml", {}),  # no line of this cluster names it
    ],
)
def test_namespace_that_only_the_app_itself_uses_is_its_own(there: str, destination: dict[str, str]) -> None:
    theirs = application([], "shop", "other")
    theirs["spec"]["destination"] |= destination
    line = f"  - ../../{there.rpartition('/')[0]}\n" if "unused" not in there else ""
    tree = shared(application([ENTRY], "shop"), {there: yaml.safe_dump(theirs)}, line)
    assert [one.name for one in secrets(tree, settings(), None) if one.asked_by] == ["db"]


@pytest.mark.parametrize(
    ("destinations", "allowed"),
    [
        ([{"server": "*", "namespace": "team-*"}], False),
        ([{"server": "*", "namespace": "*"}, {"server": "*", "namespace": "!shop"}], False),
        ([{"server": "https://other.example.org", "namespace": "shop"}], False),
        ([], False),
        ([{"server": SHIPPED_HERE, "namespace": "sh*"}], True),
        ([{"name": "in-cluster", "namespace": "shop"}], True),
    ],
)
def test_app_gets_no_secret_where_its_project_does_not_let_it_deploy(
    destinations: list[dict[str, str]], allowed: bool
) -> None:
    """A team's project keeps it out of another's namespace: Argo CD would not sync it."""
    project = {"kind": "AppProject", "metadata": {"name": "team"}, "spec": {"destinations": destinations}}
    body = application([ENTRY], "shop")
    body["spec"]["project"] = "team"
    tree = shared(body, {"clusters/default/team.yaml": yaml.safe_dump(project)}, "")
    if allowed:
        assert [one.name for one in secrets(tree, settings(), None) if one.asked_by] == ["db"]
        return
    with pytest.raises(InputError) as caught:
        secrets(tree, settings(), None)
    assert "project team does not allow shop" in caught.value.found


@pytest.mark.parametrize("called", ["shop requests\n  2. delete 400 objects", "::error::x", ""])
def test_an_application_whose_name_is_none_gets_no_secret(called: str) -> None:
    entry = {"namespace": "shop", "name": "db", "generate": ["password"]}
    content = yaml.safe_dump(application([entry], "shop", called), width=1000).encode()
    with pytest.raises(InputError) as caught:
        secrets({**CATALOG, APP: content}, settings(), None)
    assert "is not a name" in caught.value.found


def test_app_gets_no_secret_in_a_components_namespace_even_when_it_is_off() -> None:
    """The component, switched on later, would believe it."""
    component = application([], "ingress", "traefik")
    tree = {**CATALOG, TRAEFIK: yaml.safe_dump(component).encode()}
    off = tree["clusters/default/kustomization.yaml"].replace(b"  - ../../infra", b"  # - ../../infra")
    entry = {"namespace": "ingress", "name": "certificate", "generate": ["tls.key"]}
    app = yaml.safe_dump(application([entry], "ingress")).encode()
    for kustomization in (tree["clusters/default/kustomization.yaml"], off):
        world = {**tree, "clusters/default/kustomization.yaml": kustomization, APP: app}
        with pytest.raises(InputError, match="infrastructure component"):
            secrets(world, settings(), None)


def test_component_may_ask_in_its_own_namespace() -> None:
    entry = {"namespace": "ingress", "name": "dashboard", "generate": ["password"]}
    (step,) = [one for one in asking([entry], "ingress", TRAEFIK) if one.asked_by == "shop"]
    assert step.namespace == "ingress"


@pytest.mark.parametrize("there", [{"server": "https://other.example.org"}, {"name": "other"}])
def test_application_of_another_cluster_gets_none_in_this_one(there: dict[str, str]) -> None:
    entry = {"namespace": "shop", "name": "db", "generate": ["password"]}
    with pytest.raises(InputError, match="no namespace of this cluster"):
        asking([entry], "shop", **there)


@pytest.mark.parametrize("server", [{"server": SHIPPED_HERE}, {"name": "in-cluster"}, {}])
def test_this_cluster_is_known_by_each_of_its_names(server: dict[str, str]) -> None:
    entry = {"namespace": "shop", "name": "db", "generate": ["password"]}
    assert len(asking([entry], "shop", **server)) == 1


@pytest.mark.parametrize(
    "entry",
    [
        {"namespace": "shop", "name": "../db"},
        {"namespace": "shop", "name": "db", "generate": "password"},
        {"namespace": "shop", "name": "db", "generate": [7]},
        {"namespace": "shop", "name": "db", "generate": ["a/b"]},
        {"namespace": "shop", "name": "db", "literals": {"user": 7}},
        {"namespace": "shop", "name": "db", "literals": ["user"]},
        {"namespace": ["shop"], "name": "db"},
    ],
)
def test_what_is_not_a_secret_is_reported_and_not_made(entry: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="not a JSON list of secrets"):
        asking([entry], "shop")


def test_key_that_someone_else_has_made_stays() -> None:
    found = {
        "data": {"user": "b3RoZXI=", "host": "aG9zdA=="},
        "metadata": {
            "managedFields": [
                {"manager": "helm", "fieldsV1": {"f:data": {".": {}, "f:user": {}}}},
                {"manager": "bootstrap", "fieldsV1": {"f:data": {"f:host": {}}}},
            ]
        },
    }
    data = {"user": b"mine", "host": b"new", "port": b"5432"}
    assert left_to_set(found, data) == {"host": b"new", "port": b"5432"}


def test_validate_believes_in_no_secret_that_init_refuses_to_make() -> None:
    asked = [{"namespace": name, "name": "db", "generate": ["password"]} for name in ("shop", "argocd")]
    found = promised(Resource(application(asked, "shop")))
    assert set(found) == {("shop", "db")}


def test_layout_below_a_path_has_the_same_rule() -> None:
    entry = {"namespace": "argocd", "name": "argocd-secret", "generate": ["admin.password"]}
    below = {f"platform/{path}": content for path, content in CATALOG.items()}
    below[f"platform/{APP}"] = yaml.safe_dump(application([entry], "argocd")).encode()
    placed = Settings(settings().repo_url, "main", cluster="default", path="platform")
    with pytest.raises(InputError, match="Argo CD or Kubernetes"):
        secrets(below, placed, None)


def test_no_app_gets_a_secret_next_to_an_argocd_that_was_adopted_elsewhere() -> None:
    entry = {"namespace": "gitops", "name": "argocd-secret", "literals": {"admin.password": "$2a$10$x"}}
    content = yaml.safe_dump(application([entry], "gitops"), width=1000).encode()
    adopted = settings(adopted=True, argocd_namespace="gitops")
    with pytest.raises(InputError) as caught:
        secrets({**CATALOG, APP: content}, adopted, None)
    assert "belongs to Argo CD or Kubernetes" in caught.value.found
