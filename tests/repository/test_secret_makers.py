"""Secrets that operators create exist; what may create one is named; placeholders are not secrets."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from bootstrap.repository.secret_makers import copied
from bootstrap.repository.secret_values import holds_secret
from bootstrap.repository.tokens import is_dummy, token
from bootstrap.resources.index import Index, Resource
from bootstrap.validate.rule import ClusterContext
from bootstrap.validate.rules import credentials, made_secrets


def resource(text: str, namespace: str = "web") -> Resource:
    """An object from YAML in flow style, and where it lives."""
    return Resource(yaml.safe_load(text), namespace)


def made(text: str, name: str, namespace: str = "web") -> bool:
    public = Index([resource(text, "")])
    own = Index([resource(text)], beyond=public)
    return made_secrets.is_made(own, namespace, name)


MAKERS = {
    "bitnami.com/v1alpha1 SealedSecret": ("{template: {metadata: {name: other}}}", "db"),
    "external-secrets.io/v1 ExternalSecret": ("{target: {name: x}}", "x"),
    "external-secrets.io/v1beta1 ExternalSecret": ("{}", "db"),
    "external-secrets.io/v1 ClusterExternalSecret": ("{externalSecretName: x, externalSecretSpec: {}}", "x"),
    "kubernetes-client.io/v1 ExternalSecret": ("{}", "db"),
    "cert-manager.io/v1 Certificate": ("{secretName: tls}", "tls"),
    "cert-manager.io/v1 Issuer": ("{acme: {privateKeySecretRef: {name: account}}}", "account"),
    "secrets.hashicorp.com/v1beta1 VaultStaticSecret": ("{destination: {name: x}}", "x"),
    "secrets.hashicorp.com/v1beta1 VaultDynamicSecret": ("{destination: {name: x}}", "x"),
    "secrets.hashicorp.com/v1beta1 VaultPKISecret": ("{destination: {name: x}}", "x"),
    "ricoberger.de/v1alpha1 VaultSecret": ("{}", "db"),
    "redhatcop.redhat.io/v1alpha1 VaultSecret": ("{output: {name: x}}", "x"),
    "onepassword.com/v1 OnePasswordItem": ("{itemPath: vaults/a/items/b}", "db"),
    "secrets-store.csi.x-k8s.io/v1 SecretProviderClass": ("{secretObjects: [{secretName: x}]}", "x"),
    "isindir.github.com/v1alpha3 SopsSecret": ("{secretTemplates: [{name: x}]}", "x"),
    "craftypath.github.io/v1alpha1 SopsSecret": ("{}", "db"),
    "secrets.infisical.com/v1alpha1 InfisicalSecret": ("{managedSecretReference: {secretName: x}}", "x"),
    "secrets.doppler.com/v1alpha1 DopplerSecret": ("{managedSecret: {name: x, namespace: web}}", "x"),
    "k8s.bitwarden.com/v1 BitwardenSecret": ("{secretName: x}", "x"),
    "postgresql.cnpg.io/v1 Cluster": ("{}", "db-app"),
    "acid.zalan.do/v1 postgresql": ("{}", "shop.db.credentials.postgresql.acid.zalan.do"),
    "postgres-operator.crunchydata.com/v1beta1 PostgresCluster": ("{}", "db-pguser-shop"),
    "k8s.mariadb.com/v1alpha1 MariaDB": ("{rootPasswordSecretKeyRef: {name: root, generate: true}}", "root"),
    "kafka.strimzi.io/v1beta2 KafkaUser": ("{}", "db"),
    "kafka.strimzi.io/v1beta2 Kafka": ("{}", "db-cluster-ca-cert"),
    "rabbitmq.com/v1beta1 RabbitmqCluster": ("{}", "db-default-user"),
    "elasticsearch.k8s.elastic.co/v1 Elasticsearch": ("{}", "db-es-elastic-user"),
    "objectbucket.io/v1alpha1 ObjectBucketClaim": ("{}", "db"),
    "clustersecret.io/v1 ClusterSecret": ("{}", "db"),
    "database.example.org/v1 Instance": ("{writeConnectionSecretToRef: {name: x, namespace: web}}", "x"),
}


@pytest.mark.parametrize("kind", MAKERS)
def test_secret_that_an_object_makes_is_there_and_no_other(kind: str) -> None:
    version, name = kind.split()
    spec, secret = MAKERS[kind]
    text = f"{{apiVersion: {version}, kind: {name}, metadata: {{name: db}}, spec: {spec}}}"
    assert made(text, secret)
    assert not made(text, "unrelated")


def test_sealed_secret_makes_the_secret_of_its_own_name_alone() -> None:
    text = (
        "{apiVersion: bitnami.com/v1alpha1, kind: SealedSecret, metadata: {name: dev-db},"
        " spec: {encryptedData: {password: AgB}, template: {metadata: {name: db}}}}"
    )
    index = Index([resource(text)])
    assert made_secrets.keys(index, "web", "dev-db") == {"password"}
    assert not made_secrets.is_made(index, "web", "db")


@pytest.mark.parametrize(
    ("annotations", "namespace", "right"),
    [
        ("reflector.v1.k8s.emberstack.com/reflection-auto-namespaces: 'web,shop-.*'", "web", True),
        ("reflector.v1.k8s.emberstack.com/reflection-auto-namespaces: 'web,shop-.*'", "shop-dev", True),
        ("reflector.v1.k8s.emberstack.com/reflection-auto-namespaces: 'web'", "other", False),
        ("reflector.v1.k8s.emberstack.com/reflection-auto-enabled: 'true'", "any", True),
        ("replicator.v1.mittwald.de/replicate-to: 'web'", "web", True),
        ("kubed.appscode.com/sync: app=kubed", "web", True),
    ],
)
def test_copied_secret_is_there_in_the_namespaces_it_goes_to(
    annotations: str, namespace: str, right: bool
) -> None:
    body = yaml.safe_load(
        f"{{apiVersion: v1, kind: Secret, data: {{a: eA==}},"
        f" metadata: {{name: db, annotations: {{{annotations}}}}}}}"
    )
    copy = copied(body)
    assert copy is not None
    assert "data" not in copy
    index = Index([], beyond=Index([Resource(copy, "source")]))
    assert made_secrets.is_made(index, namespace, "db") is right


def test_custom_object_that_may_make_a_secret_is_named() -> None:
    text = "{apiVersion: example.org/v1, kind: Database, metadata: {name: main}, spec: {}}"
    index = Index([resource(text)])
    assert made_secrets.maybe(index, "web", "db") == "Database web/main may create it"
    assert made_secrets.maybe(Index([]), "web", "db") == ""


DUMMIES = [
    "REPLACEME",
    "replace-me",
    "replace_with_your_token",
    "####",
    "changeme",
    "CHANGE_ME",
    "change-it",
    "<token>",
    "${TOKEN}",
    "{{token}}",
    "xxxx",
    "XXXXXXXX",
    "your-password-here",
    "my-secret-key",
    "TODO",
    "placeholder",
    "dummy",
    "example-token",
    "redacted",
    "****",
    "----",
    "ollama",
    "sk-no-key-required",
    "sk-noauth",
    "admin-key-goes-here",
    "not-needed",
    "none",
    "null",
    "n/a",
    "sk-xxxx",
    "000000",
    "insert-here",
    "fake-key",
    "unused",
    "supersecretpassword",
    "not-a-secure-key",
]
SECRETS: dict[str, str] = {
    "correct-horse-battery": "",
    "hunter22": "",
    "Pa55w0rd!x": "",
    "ghp_" + "a1B2" * 9: "a GitHub token",
    "glpat-" + "x9Yz" * 5: "a GitLab token",
    "AKIA" + "Q3F7" * 4: "an AWS access key",
    "xoxb-12345678-abcdefgh": "a Slack token",
    "AIza" + "Sy0-k" * 7: "a Google API key",
    "sk_live_" + "a1B2c" * 5: "a Stripe key",
    "npm_" + "aZ09" * 9: "an npm token",
    "postgres://shop:hunter22@db/shop": "a password in a URL",
}


@pytest.mark.parametrize("text", DUMMIES)
def test_placeholder_is_not_a_secret(text: str) -> None:
    assert is_dummy(text)


@pytest.mark.parametrize("text", SECRETS)
def test_real_secret_is_not_a_placeholder_and_its_form_is_known(text: str) -> None:
    assert not is_dummy(text)
    assert token(text) == SECRETS[text]


@pytest.mark.parametrize(
    "text", ["AKIAIOSFODNN7EXAMPLE", "ghp_" + "x" * 36, "postgres://user:changeme@db", "http://u:<pass>@h"]
)
def test_example_of_a_token_is_none(text: str) -> None:
    assert token(text) == ""


def test_what_is_given_for_a_secret_says_any() -> None:
    given: dict[str, Any] = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db"}}
    assert copied(given) is None


HELD: list[tuple[str, str, bool]] = [
    ("password", "hunter22", True),
    ("AWS_ACCESS_KEY_ID", "UPDATE_AWS_ACCESS_KEY_ID", False),
    ("keyStorePath", "/etc/keys/store.jks", False),
    ("enabled", "true", False),
    ("address", "https://db.example.org:5432/", False),
    ("broker.properties", "# queues\nqueue.shop.max=10\nqueue.shop.name=orders\n", False),
    ("broker.properties", "queue.shop.max=10\nuser.password=hunter22\n", True),
    ("broker.properties", "queue.shop.max=10\nuser.password=changeme\n", False),
    ("htpasswd", "one:$apr1$635ADJS0$Qu/z22gokvPj6QbY\ntwo:$apr1$xv\n", True),
]


@pytest.mark.parametrize(("key", "value", "right"), HELD)
def test_value_of_a_secret_is_reported_when_it_is_one(key: str, value: str, right: bool) -> None:
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"}, "stringData": {key: value}}
    index = Index([Resource(body, "web")])
    found = [one.rule.id for one in credentials.check(index, ClusterContext(index, True))]
    assert (found == ["GB401"]) is right


FORMS = {
    "a form that a comment explains": (
        "values.yaml",
        "a: b\n## -----BEGIN RSA PRIVATE KEY-----\n## ...\n",
        False,
    ),
    "a hash as an example": ("values.yaml", "a: b\n# hash: $apr1$XLefHzeG$Xl4.s00sMSCCcMyJljSZb0\n", False),
    "a provider of keys": ("CRYPTO_KEY_PROVIDER", "secret", False),
    "a whole key in a comment": (
        "values.yaml",
        f"a: b\n# -----BEGIN PRIVATE KEY-----\n# {'MIIEvQ' * 10}\n",
        True,
    ),
    "a hash": ("values.yaml", "a: b\nhash: $apr1$XLefHzeG$Xl4.s00sMSCCcMyJljSZb0\n", True),
    "a passphrase": ("CRYPTO_KEY_VALUE", "correct horse", True),
}


@pytest.mark.parametrize("name", FORMS)
def test_what_a_comment_explains_is_no_secret_and_what_it_contains_is_one(name: str) -> None:
    key, text, right = FORMS[name]
    assert holds_secret(key, text) is right


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("rules:\n  # as in http://example.com:80+&@example.org:22/\n  a: b\n", ""),
        ("rules:\n  a: https://shop:hunter22@example.com/x  # the shop\n", "a password in a URL"),
        ("# ghp_" + "a1B2" * 9, "a GitHub token"),
    ],
)
def test_url_in_a_comment_explains_a_format(text: str, kind: str) -> None:
    assert token(text) == kind


@pytest.mark.parametrize(
    ("line", "holds"),
    [
        ("export GITEA__SECURITY__INTERNAL_TOKEN=$(gitea generate secret INTERNAL_TOKEN)", False),
        ("export GITEA__SECURITY__INTERNAL_TOKEN=hunter22hunter", True),
    ],
)
def test_what_a_command_answers_is_not_in_a_script(line: str, holds: bool) -> None:
    assert holds_secret("config.sh", f"#!/bin/sh\n{line}\n") is holds


@pytest.mark.parametrize(("key", "holds"), [("notes", False), ("README.md", False), ("config.yaml", True)])
def test_notes_explain_what_belongs_into_a_secret(key: str, holds: bool) -> None:
    assert holds_secret(key, "# create the following:\nDB_PASSWORD: hunter22\nDB_USER: shop\n") is holds


@pytest.mark.parametrize(
    ("key", "holds"),
    [
        ("accesskey", False),
        ("AWS_ACCESS_KEY", False),
        ("secretaccesskey", True),
        ("AWS_SECRET_ACCESS_KEY", True),
        ("secret-key", True),
    ],
)
def test_access_key_is_a_name_and_a_secret_one_is_not(key: str, holds: bool) -> None:
    assert holds_secret(key, "minioadmin") is holds
