"""What no repository must contain: credentials in Secrets, ConfigMaps, Applications and containers."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from typing import Any

from bootstrap.manifests.reader import parse
from bootstrap.repository.secret_values import (
    NO_SECRET,
    SENSITIVE,
    entropy,
    holds_secret,
    is_file,
    leaves,
    mixed,
)
from bootstrap.repository.tokens import AWS_KEY, KEY, is_dummy, is_sealed, token
from bootstrap.resources.applications import sources
from bootstrap.resources.index import APPLICATION, Index, Resource, mapping, mappings, sequence
from bootstrap.resources.pods import WORKLOADS, Container, containers
from bootstrap.validate.rule import ClusterContext, Problem, Rule, problem

SECRET = Rule(
    "GB401",
    "secret-in-git",
    "error",
    "A Secret's value is in Git, readable forever by everyone who can read the repository.",
    "seal it (sealed-secrets), fetch it (external-secrets), or let `bootstrap init` create "
    "it; then change the value",
)
CREDENTIAL = Rule(
    "GB402",
    "credential-in-git",
    "error",
    "A token or password is in a manifest.",
    "take it from a Secret that is not in Git (secretKeyRef), and revoke this one",
)
PRIVATE_KEY = Rule(
    "GB403",
    "private-key-in-git",
    "error",
    "A private key is in a manifest.",
    "take it from a Secret that is not in Git, and replace the key",
)
_PUBLIC = re.compile(
    r"-----BEGIN (?:CERTIFICATE|(?:RSA )?PUBLIC KEY|SSH2 PUBLIC)|(?:ssh-|ecdsa-|sk-)\S+ AAAA"
)
"""Keys and certificates that everybody may see."""
_ARGUMENT = re.compile(r"--?(?P<name>[\w.-]+)[= ](?P<value>\S+)$")
_RANDOM = re.compile(r"[A-Za-z0-9+/_-]{32,}={0,2}")
_HARMLESS = re.compile(
    r"^(?:true|false|\d+|(?:op:/|file:|os\.environ)?/.*|\$.*|.*\$\(.*|.*_FILE|<.*>|\*+|changeme|none|null)?$",
    re.IGNORECASE,
)


def check(index: Index, context: ClusterContext) -> Iterator[Problem]:
    """Every rule of this module."""
    for resource in index.resources:
        if resource.kind == "Secret":
            yield from _secret(resource)
        elif resource.kind == "ConfigMap":
            yield from _config(resource)
        elif resource.kind == APPLICATION:
            yield from _application(resource)
    for workload in index.of(*WORKLOADS):
        for container in containers(workload):
            yield from _container(workload, container)


def _secret(secret: Resource) -> Iterator[Problem]:
    if "sops" in secret.body or _is_unused_example(secret):
        return  # encrypted completely; or an example, not applied
    unsure: Problem | None = None
    for field in ("stringData", "data"):
        for key, value in mapping(secret.body.get(field)).items():
            text = _decoded(value) if field == "data" else str(value or "")
            if (
                not text
                or _placeholder(str(value))
                or _placeholder(text)
                or _names_itself(str(key), text)
                or _PUBLIC.match(text.strip())
            ):
                continue
            if _is_location(secret, str(key), text):
                continue
            message = f"{secret}: the value of {key} is in Git"
            if holds_secret(str(key), text):
                if _is_form(secret):
                    message += "; most of its values are placeholders"
                    yield problem(SECRET, secret, message, field, key, level="warning")
                else:
                    yield problem(SECRET, secret, message, field, key)
                return
            if unsure is None and not is_file(text):
                message += "; nothing shows whether it is confidential"
                unsure = problem(SECRET, secret, message, field, key, fix=_OPEN_FIX, level="info")
    if unsure is not None:
        yield unsure


_OPEN_FIX = "put it into a ConfigMap if everybody may read it, else seal it (sealed-secrets)"


_EXAMPLES = re.compile(
    r"(?:^|/)(?:(?:examples?|samples?|docs?|tests?|testdata)/|(?:example|sample)[-_.])|[-_.](?:example|sample)\.ya?ml$",
    re.IGNORECASE,
)


_PLACEHOLDER = re.compile(r"(?:^|-)(?:placeholder|dummy|fake)(?:-|$)")


def _is_unused_example(secret: Resource) -> bool:
    """Whether its name says so, or no Application applies it and its folder is named as an example."""
    if _PLACEHOLDER.search(secret.name):
        return True
    return not secret.application and _EXAMPLES.search(secret.file) is not None


def _is_form(secret: Resource) -> bool:
    """Whether most of a Secret's values are placeholders: the others may be examples."""
    values = [_decoded(one) for one in mapping(secret.body.get("data")).values()]
    values += [str(one) for one in mapping(secret.body.get("stringData")).values()]
    filled = [one for one in values if one and not NO_SECRET.fullmatch(one.strip())]
    return sum(map(is_dummy, filled)) * 2 > max(len(filled), 4)


def _names_itself(key: str, text: str) -> bool:
    """Whether a value only says what belongs there: UPDATE_AWS_ACCESS_KEY_ID for AWS_ACCESS_KEY_ID."""
    return re.fullmatch(r"[A-Z0-9_]+", text.strip()) is not None and key.upper().replace("-", "_") in text


def _decoded(value: Any) -> str:
    try:
        return base64.b64decode(str(value or ""), validate=False).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return str(value)


def _placeholder(text: str) -> bool:
    """Values that a tool replaces (argocd-vault-plugin, envsubst), or that are not secret."""
    kept = (
        r"\s*(?:<[^>]*>|\$\{?\w+\}?|op://\S.*|(?:vault|ref\+\w+|secretref\+\w+):\S+|ENC\[.*\]"
        r"|(?:secrets?|env|bws?|pass|doppler|infisical|akeyless|keyring|(?:aws|gcp|azure?)[a-z-]*)://[\w./#:-]+)\s*"
    )
    return (
        bool(re.fullmatch(kept, text, re.DOTALL))
        or is_sealed(text)
        or is_dummy(text)
        or is_dummy(_decoded_again(text))
        or bool(NO_SECRET.fullmatch(text.strip()))
    )


def _decoded_again(text: str) -> str:
    """The decoded text if it is base64 in base64; the text itself otherwise."""
    try:
        return base64.b64decode(text.strip(), validate=True).decode()
    except ValueError:
        return text


_OPEN = {
    "cluster": {"name", "server", "project", "namespaces", "clusterResources", "shard"},
    "repository": {
        *("name", "url", "type", "project", "username", "noProxy", "insecure", "insecureIgnoreHostKey"),
        *("enableOCI", "enableLfs", "forceHttpBasicAuth", "useAzureWorkloadIdentity"),
        *("githubAppID", "githubAppInstallationID", "githubAppEnterpriseBaseUrl"),
    },
}
"""The keys of an Argo CD cluster or repository that say where it is."""


def _is_location(secret: Resource, key: str, text: str) -> bool:
    """Whether the value locates a cluster or repository for Argo CD, without a credential."""
    kind = str(secret.labels.get("argocd.argoproj.io/secret-type"))
    if kind == "cluster" and key == "config":
        parsed = parse(text.encode())
        config = mapping(parsed.documents[0].value) if len(parsed.documents) == 1 else {}
        client = config.get("tlsClientConfig", {})
        known = set(config) <= {"tlsClientConfig", "awsAuthConfig"}
        return known and isinstance(client, dict) and "keyData" not in client
    return key in _OPEN.get(kind.replace("repo-creds", "repository"), ()) and not token(text)


def _config(config: Resource) -> Iterator[Problem]:
    data = mapping(config.body.get("data"))
    for key, value in data.items():
        if not isinstance(value, str) or _is_unset(data, str(key), value):
            continue
        if KEY.search(value):
            yield problem(PRIVATE_KEY, config, f"{config}: {key} contains a private key", "data", key)
        elif kind := _credential(str(key), value):
            yield problem(CREDENTIAL, config, f"{config}: {key} looks like {kind}", "data", key)


_PASSWORD = re.compile(r"passw(?:or)?d$", re.IGNORECASE)


def _is_unset(data: Mapping[str, Any], key: str, value: str) -> bool:
    """Whether a password is only called that, as its user is: MAIL_USERNAME: username."""
    if value.lower() not in ("password", "passwd") or not _PASSWORD.search(key):
        return False
    start = _PASSWORD.sub("", key).lower()
    users = (
        str(one).lower()
        for name, one in data.items()
        if str(name).lower() in (f"{start}username", f"{start}user")
    )
    return any(one in ("username", "user") for one in users)


def _application(application: Resource) -> Iterator[Problem]:
    """Credentials among the values that an Application passes to a chart."""
    for source in sources(application.body):
        helm, place = mapping(source.body.get("helm")), (*source.position, "helm")
        for number, item in enumerate(mappings(helm.get("parameters"))):
            name, value = str(item.get("name")), str(item.get("value") or "")
            if kind := _value(name.rpartition(".")[2], value):
                message = f"{application}: the parameter {name} looks like {kind}"
                yield problem(CREDENTIAL, application, message, *place, "parameters", number)
        given: list[tuple[str, Any]] = [("valuesObject", helm.get("valuesObject"))]
        if isinstance(helm.get("values"), str):
            given += [("values", one.value) for one in parse(helm["values"].encode()).documents]
        for field, values in given:
            for name, value in leaves(values):
                if kind := _value(name, value):
                    message = f"{application}: {name} in helm.{field} looks like {kind}"
                    yield problem(CREDENTIAL, application, message, *place, field)


def _value(name: str, value: str) -> str:
    """As `_credential`; charts also have similar keys that only name Secrets and keys (existingSecret)."""
    if re.search(r"existing|secret$|secrets$|ref$|name$", name, re.IGNORECASE):
        return token(value)
    if re.fullmatch(r"[a-z]+[A-Z][a-z]+", value) and value.lower().endswith(name.lower()):
        return ""  # the key in a Secret: password: dbPassword
    return _credential(name, value)


_NAME_OF_SECRET = re.compile(
    r"[a-z][a-z0-9]*(?:[-.][a-z0-9]+)*[-.](?:tokens?|secrets?|passwords?|credentials?|creds|keys?|auth|certs?|tls)"
)


_WORDS = re.compile(r"[a-z]+(?:-[a-z]+)*")
_OF_WHAT = re.compile(
    r"(?:client|app|api|jwt|cookie|session|shared|auth|oauth|webhook|consumer|signing|encryption|hmac|token|totp"
    r"|user|admin|root)[-_.]?secret$",
    re.IGNORECASE,
)
"""Whose secret a variable contains; without such a word it mostly names a Secret."""


def _names_secret(name: str, value: str) -> bool:
    """Whether a variable contains the name of a Secret: OPERATOR_SECRET: operator, SYNC_SECRET: git-vars."""
    if not re.search(r"[-_.]secret$", name, re.IGNORECASE) or _OF_WHAT.search(name):
        return False
    return _WORDS.fullmatch(value) is not None and ("-" in value or value in name.lower())


_EVERYBODYS = re.compile(r"public[-_]?key$|^kubecost-?token$", re.IGNORECASE)
"""What everybody may see: kubecost's token is the same for all who do not pay."""

_IDENTIFIES = re.compile(r"(?<!secret)(?<!secret[-_.])[-_.]id$", re.IGNORECASE)
"""Names of what says which one is meant, such as a sheet, a folder or a client: long, but no key."""


def _is_text(value: str) -> bool:
    """Whether a value is a text of several lines in base64, with no credential in it that has a format."""
    text = _decoded_again(value)
    return text != value and "\n" in text.strip() and text.replace("\n", "").isprintable() and not token(text)


def _credential(name: str, value: str) -> str:
    """What kind of credential a value looks like; "" for none. The value itself is never shown."""
    if is_sealed(value) or _NAME_OF_SECRET.fullmatch(value) or _names_secret(name, value):
        return ""
    if kind := token(value):
        return "" if kind == AWS_KEY and re.search(r"id$", name, re.IGNORECASE) else kind
    if _EVERYBODYS.search(name) or _is_text(value):
        return ""
    if _RANDOM.fullmatch(value) and not _IDENTIFIES.search(name) and mixed(value) and entropy(value) > 4.5:
        return "a random key"
    if value.isupper() and SENSITIVE.search(value):
        return ""  # SECRET, DB_PASSWORD: what belongs there
    if is_dummy(value):
        return ""
    sensitive = "\n" not in value and SENSITIVE.search(name) and not _HARMLESS.match(value)
    return "a password" if sensitive and (entropy(value) > 2.5 or len(value) >= 6) else ""


def _container(workload: Resource, container: Container) -> Iterator[Problem]:
    """Credentials among the variables and arguments of a container."""
    body, name = container.body, container.name
    for number, variable in enumerate(sequence(body.get("env"))):
        value, key = mapping(variable).get("value"), str(mapping(variable).get("name"))
        if isinstance(value, str) and (kind := _credential(key, value)):
            message = f"{workload}: variable {key} of {name} looks like {kind}"
            yield problem(CREDENTIAL, workload, message, *container.path, "env", number)
    for field in ("command", "args"):
        for number, item in enumerate(sequence(body.get(field))):
            match = _ARGUMENT.match(item) if isinstance(item, str) else None
            kind = _credential(match["name"], match["value"]) if match else token(str(item))
            if kind:
                message = f"{workload}: {field} of {name} contains what looks like {kind}"
                yield problem(CREDENTIAL, workload, message, *container.path, field, number)
