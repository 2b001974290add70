"""The Secrets that an Application requests: what `init` refuses is reported, and missing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bootstrap.core.errors import InputError
from bootstrap.layout import asked_secrets
from bootstrap.layout.settings import Settings
from bootstrap.resources.index import SECRETS
from tests.conftest import Run
from tests.repositories import OURS, application, write
from tests.validate.test_record import GOOD

pytestmark = pytest.mark.usefixtures("cache")

APP = "apps/shop/applications/dev/application.yaml"
MAIL = "apps/mail/applications/dev/application.yaml"
LINE = "  - ../../apps/shop/applications/dev\n"
SETTINGS = Settings("https://git.example.com/platform/gitops.git", "main", cluster="one")
ENTRY = {"namespace": "shop-dev", "name": "db", "generate": ["password"]}
USES = (
    "apiVersion: v1\nkind: Pod\nmetadata: {name: once}\nspec:\n  containers:\n    - {name: a, image: a:1,\n"
)
USES += "       resources: {requests: {cpu: 1m, memory: 1Mi}, limits: {memory: 1Mi}},\n"
USES += "       envFrom: [{secretRef: {name: db}}]}\n"


def asking(*entries: object, namespace: str = "shop-dev") -> str:
    text = application("shop-dev", "apps/shop/overlays/dev", namespace, 20)
    return text.replace("annotations:\n", f"annotations:\n    {SECRETS}: '{json.dumps(entries)}'\n")


def layout(text: str, *more: dict[str, str]) -> dict[str, str]:
    base = {
        "apps/shop/base/kustomization.yaml": "resources: [shop.yaml, once.yaml]\n"
        "configMapGenerator: [{name: web, literals: [MODE=fast]}]\n",
        "apps/shop/base/once.yaml": USES,
        "bootstrap.yaml": GOOD,
        APP: text,
    }
    return {key: value for one in (dict(OURS), base, *more) for key, value in one.items()}


def found(run: Run, root: Path) -> dict[str, list[str]]:
    """The messages of the two rules."""
    answer = json.loads(run("validate", str(root), "-o", "json").out)["findings"]
    of = {"GB237": "", "GB313": "Pod shop-dev/"}
    return {
        rule: [one["message"] for one in answer if one["rule"] == rule and start in one["message"]]
        for rule, start in of.items()
    }


def test_secret_that_init_creates_is_there(run: Run, tmp_path: Path) -> None:
    assert found(run, write(tmp_path, layout(asking(ENTRY)))) == {"GB237": [], "GB313": []}


MAIL_APP = application("mail-dev", "apps/mail", "shop-dev", 20)
REFUSED = {
    "of Argo CD": layout(asking({**ENTRY, "namespace": "argocd"}, ENTRY)),
    "of Kubernetes": layout(asking({**ENTRY, "namespace": "kube-system"}, namespace="kube-system")),
    "no list": layout(asking(ENTRY).replace("'[{", "'{").replace("}]'", "}'")),
    "no key": layout(asking({**ENTRY, "generate": ["a/b"]})),
    "another app's namespace": layout(
        asking(ENTRY),
        {
            MAIL: MAIL_APP,
            "clusters/one/kustomization.yaml": OURS["clusters/one/kustomization.yaml"].replace(
                LINE, f"{LINE}  # - ../../apps/mail/applications/dev\n"
            ),
        },
    ),
    "not of its project": layout(
        asking(ENTRY),
        {"clusters/one/project.yaml": OURS["clusters/one/project.yaml"].replace('"*"', '"mail-*"')},
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_init_refuses_is_reported_with_inits_own_words_and_is_missing(
    run: Run, tmp_path: Path, case: str
) -> None:
    tree = REFUSED[case]
    with pytest.raises(InputError) as caught:
        asked_secrets.asked({path: text.encode() for path, text in tree.items()}, SETTINGS)
    answer = found(run, write(tmp_path, tree))
    (message,) = answer["GB237"]
    assert caught.value.found in message
    assert answer["GB313"] or "kube-system" in message  # the pod is in its own namespace then


def test_request_of_an_app_that_is_off_is_judged_as_if_it_were_on(run: Run, tmp_path: Path) -> None:
    production = asking({**ENTRY, "namespace": "argocd"}).replace("shop-dev", "shop-production")
    path = APP.replace("/dev/", "/production/")
    tree = layout(asking(ENTRY), {path: production.replace("overlays/dev", "overlays/production")})
    files = {name: text.encode() for name, text in tree.items()}
    assert [one.namespace for one in asked_secrets.asked(files, SETTINGS)] == ["shop-dev"]
    (message,) = found(run, write(tmp_path, tree))["GB237"]
    assert "shop-production" in message


def test_annotation_that_init_does_not_read_creates_nothing(run: Run, tmp_path: Path) -> None:
    """`init` reads the Applications of the folders that the kustomization names, and of no folder in them."""
    deeper = {
        APP: None,
        "apps/shop/applications/dev/kustomization.yaml": "resources: [more]\n",
        "apps/shop/applications/dev/more/kustomization.yaml": "resources: [application.yaml]\n",
        "apps/shop/applications/dev/more/application.yaml": asking(ENTRY),
    }
    root = write(tmp_path, layout(asking(ENTRY)), deeper)
    answer = found(run, root)
    (message,) = answer["GB237"]
    assert "does not read" in message
    assert answer["GB313"]
