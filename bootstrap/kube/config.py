"""Which API server, and as whom: the kubeconfig and its authentication, or the pod's service account."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from bootstrap.core import scratch
from bootstrap.core.errors import ClusterError, InputError
from bootstrap.core.invocation import Invocation
from bootstrap.core.loopback import is_loopback
from bootstrap.core.text import near, suggest
from bootstrap.kube.errors import cut

IN_CLUSTER = "in-cluster"


@dataclass(frozen=True)
class Login:
    """A loaded kubeconfig context; `configuration` is the kubernetes client's."""

    context: str
    configuration: Any


def load(invocation: Invocation, context: str | None, kubeconfig: Path | None = None) -> Login:
    """The context's server and credential.

    InputError: no kubeconfig, an invalid one, an unknown context. ClusterError: the exec plugin that
    issues the credential is missing or fails.
    """
    paths = paths_of(invocation, kubeconfig)
    merged = _read(paths)
    if merged is None:
        if context is None and kubeconfig is None and invocation.environ.get("KUBERNETES_SERVICE_HOST"):
            return _in_cluster()
        raise InputError(
            "reading the kubeconfig",
            f"no kubeconfig at {paths}",
            "set KUBECONFIG to a file, or start a cluster: bootstrap sandbox up",
        )
    name = _choose(merged.config.value, context, paths)
    return Login(name, _configuration(merged, name, paths))


def contexts(invocation: Invocation, kubeconfig: Path | None = None) -> list[str]:
    """The names of the kubeconfig's contexts; none without a kubeconfig."""
    merged = _read(paths_of(invocation, kubeconfig))
    return [] if merged is None else _names(merged.config.value)


def paths_of(invocation: Invocation, kubeconfig: Path | None = None) -> str:
    """The kubeconfig files to merge, separated by colons."""
    if kubeconfig is not None:
        return str(kubeconfig)
    return invocation.environ.get("KUBECONFIG") or str(invocation.home / ".kube" / "config")


def _read(paths: str) -> Any:
    """The merged files as the kubernetes client reads them; None when there is no file."""
    import yaml
    from kubernetes.config import ConfigException, kube_config

    client: Any = kube_config  # without type hints
    try:
        merged = client.KubeConfigMerger(paths)
        if merged.config is not None:
            _names(merged.config.value)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"{paths}:{mark.line + 1}:{mark.column + 1}" if mark else paths
        raise _bad(paths, f"not valid YAML: {error.problem}", place) from error
    except (OSError, ConfigException) as error:
        raise _bad(paths, cut(str(error))) from error
    except (yaml.YAMLError, ValueError, AttributeError, TypeError, KeyError) as error:
        raise _bad(paths, f"not a kubeconfig: {cut(str(error))}") from error
    return merged if merged.config is not None else None


def _choose(config: Mapping[str, Any], context: str | None, paths: str) -> str:
    names = _names(config)
    if context is None:
        current = config.get("current-context")
        if not current:
            raise InputError(
                "choosing the cluster",
                "the kubeconfig has no current-context",
                f"give --context: {', '.join(names) or 'the kubeconfig has no contexts'}",
                paths,
            )
        context = str(current)
    if context not in names:
        close = near(context, names, most=3, cutoff=0.4) or names[:5]
        offer = suggest(close) or "the kubeconfig has no contexts"
        raise InputError("choosing the cluster", f"no context {context!r}", offer, paths)
    return context


def _names(config: Mapping[str, Any]) -> list[str]:
    return [str(item["name"]) for item in config["contexts"] or ()]


def _configuration(merged: Any, context: str, paths: str) -> Any:
    from kubernetes.client import Configuration
    from kubernetes.config import ConfigException, kube_config

    client: Any = kube_config
    configuration = Configuration()
    with _logged() as complaints:
        try:
            loader = client.KubeConfigLoader(
                merged.config,
                active_context=context,
                config_base_path=None,
                config_persister=merged.save_changes,
                # It writes keys and certificates to files, which a killed run would leave behind.
                temp_file_path=str(scratch.take("kube")),
            )
            loader.load_and_set(configuration)
        except (ConfigException, OSError, ValueError, AttributeError, TypeError, KeyError) as error:
            raise _bad(paths, f"context {context}: {cut(str(error))}") from error
    plugin = _exec_plugin(merged.config.value, context)
    if plugin is not None and not configuration.api_key and not configuration.cert_file:
        raise _plugin_failed(plugin, context, complaints)
    if not configuration.host.startswith(("http://", "https://")):
        raise _bad(paths, f"context {context}: {configuration.host!r} is not the URL of a server")
    host = urlsplit(configuration.host).hostname or ""
    if is_loopback(host) and not _named(merged.config.value, context, "cluster").get("proxy-url"):
        configuration.proxy = None  # of the environment: as kubectl, which asks no proxy for this machine
    return configuration


def _in_cluster() -> Login:
    from kubernetes import config
    from kubernetes.client import Configuration
    from kubernetes.config import ConfigException

    client: Any = config
    configuration = Configuration()
    try:
        client.load_incluster_config(client_configuration=configuration)
    except (ConfigException, OSError) as error:
        raise InputError(
            "reading the pod's service account", cut(str(error)), "mount its token, or set KUBECONFIG"
        ) from error
    return Login(IN_CLUSTER, configuration)


def _exec_plugin(config: Mapping[str, Any], context: str) -> Mapping[str, Any] | None:
    plugin = _named(config, context, "user").get("exec")
    return plugin if isinstance(plugin, dict) else None


def _named(config: Mapping[str, Any], context: str, kind: Literal["cluster", "user"]) -> Mapping[str, Any]:
    """The cluster or the user that a context names; empty if there is none."""

    def entries(name: str) -> list[Any]:
        return [getattr(item, "value", item) for item in config.get(name) or ()]

    chosen = next(item for item in entries("contexts") if item["name"] == context)
    wanted = chosen["context"].get(kind)
    return next((item[kind] or {} for item in entries(f"{kind}s") if item["name"] == wanted), {})


def _plugin_failed(plugin: Mapping[str, Any], context: str, complaints: list[str]) -> ClusterError:
    command = str(plugin.get("command", ""))
    said = cut("; ".join(complaints)) or "it returned no credential"
    if "No such file or directory" in said or "Permission denied" in said:
        said = f"the program {command!r} cannot be started: {said}"
    hint = " ".join(str(plugin.get("installHint") or "").split())
    return ClusterError(
        f"getting the credential of context {context} from its exec plugin",
        said,
        cut(hint) if hint else f"install {command!r} and log in with it, or choose another --context",
        command,
    )


@contextmanager
def _logged() -> Iterator[list[str]]:
    """What the kubernetes client logs as an error: the only way it reports a failing exec plugin."""
    found: list[str] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(record.getMessage())

    collector = Collector(logging.ERROR)
    logging.getLogger().addHandler(collector)
    try:
        yield found
    finally:
        logging.getLogger().removeHandler(collector)


def _bad(paths: str, found: str, where: str | None = None) -> InputError:
    # The kubernetes client quotes the whole entry, credentials included.
    found = re.sub(r"/?\{.*", "", found, flags=re.DOTALL).rstrip()
    return InputError(
        "reading the kubeconfig", found, "fix the file, or point KUBECONFIG at another", where or paths
    )
