"""Pure: what belongs to a hop and leads no further: certificates, configuration, volumes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from bootstrap.resources.index import Index, Resource, dig, mapping, mappings, sequence
from bootstrap.resources.pods import Reference, containers, pod_spec, references
from bootstrap.resources.references import named as named_by
from bootstrap.resources.routes import GATEWAY, meets
from bootstrap.trace.hops import Hop, Named
from bootstrap.validate.rules import made_secrets
from bootstrap.validate.rules.volumes import is_default, volume_of


def certificates(holder: Resource, host: str, route: Resource) -> list[tuple[str, str]]:
    """(namespace, name) of the Secrets with the certificates of an Ingress or a Gateway, for a host."""
    if holder.kind == GATEWAY:
        return list(dict.fromkeys(_of_listeners(holder, host, route)))
    found = []
    for item in mappings(holder.spec.get("tls")):
        hosts = [str(one) for one in sequence(item.get("hosts"))]
        if item.get("secretName") and (host == "*" or not hosts or any(meets(one, host) for one in hosts)):
            found.append((holder.namespace, str(item["secretName"])))
    found += [(use.namespace, use.name) for use in named_by(holder) if use.certificate]
    return list(dict.fromkeys(found))


def _of_listeners(gateway: Resource, host: str, route: Resource) -> Iterator[tuple[str, str]]:
    """Of the listeners that the route names, or of all, those that take the host."""
    mine = [
        one
        for one in mappings(route.spec.get("parentRefs"))
        if (one.get("namespace") or route.namespace, one.get("name")) == (gateway.namespace, gateway.name)
    ]
    sections = {one.get("sectionName") for one in mine}
    for listener in mappings(gateway.spec.get("listeners")):
        named = str(listener.get("hostname") or "*")
        if sections and None not in sections and listener.get("name") not in sections:
            continue
        if "*" in (named, host) or meets(named, host):
            for item in mappings(dig(listener, "tls", "certificateRefs")):
                yield str(item.get("namespace") or gateway.namespace), str(item.get("name"))


def certificate(index: Index, holder: Resource, namespace: str, secret: str) -> Hop:
    """The TLS Secret, and who issues it."""
    maker = f"kubectl -n {namespace} get certificate, and describe the one that is not ready"
    named = Named("Secret", namespace, secret, keys=("tls.crt", "tls.key"), maker=maker)
    hop = Hop("config", f"Secret {namespace}/{secret}", "TLS certificate", named=named)
    for request in index.of("Certificate.cert-manager.io", namespace=namespace):
        if request.spec.get("secretName") == secret:
            issuer = mapping(request.spec.get("issuerRef"))
            hop.resource = request
            hop.details.append(f"issued by {issuer.get('kind', 'Issuer')} {issuer.get('name')}")
            return hop
    for key in ("cert-manager.io/cluster-issuer", "cert-manager.io/issuer"):
        if key in holder.annotations:
            hop.details.append(f"issued by {holder.annotations[key]} ({key.partition('/')[2]})")
            return hop
    hop.resource = index.get("Secret", namespace, secret)
    return hop


def ready_when(container: Mapping[str, Any]) -> str:
    """The readiness probe in words; "" without one."""
    probe = mapping(container.get("readinessProbe"))
    if probe.get("httpGet"):
        return f"GET {dig(probe, 'httpGet', 'path') or '/'} succeeds"
    if probe.get("tcpSocket"):
        return f"port {dig(probe, 'tcpSocket', 'port')} is open"
    if probe.get("grpc"):
        return "the gRPC health check passes"
    return (
        f"`{' '.join(map(str, dig(probe, 'exec', 'command') or []))[:60]}` exits with 0"
        if probe.get("exec")
        else ""
    )


def configuration(index: Index, pod: Resource) -> list[Hop]:
    """A hop for each ConfigMap and Secret: which key sets which variable or file; never a value."""
    uses: dict[tuple[str, str], list[str]] = defaultdict(list)
    used: dict[tuple[str, str], list[Reference]] = defaultdict(list)
    for use in references(pod):
        if use.kind not in ("ConfigMap", "Secret"):
            continue
        used[(use.kind, use.name)].append(use)
        if use.key is not None:
            uses[(use.kind, use.name)].append(f"{use.how} ← key {use.key}")
        else:
            names = _keys(index, pod.namespace, use.kind, use.name)
            known = f" ← keys {', '.join(names)}" if names else ""
            uses[(use.kind, use.name)].append(f"{use.how}{known}")
    hops = []
    for (kind, name), details in uses.items():
        resource = index.get(kind, pod.namespace, name)
        promised = kind == "Secret" and (pod.namespace, name) in index.promised
        title, made = f"{kind} {pod.namespace}/{name}", ", created in the cluster" if promised else ""
        hop = Hop("config", title, f"configures it{made}", resource, details)
        hop.named = _named(pod.namespace, used[(kind, name)], promised)
        hops.append(hop)
    literal = [
        str(variable.get("name"))
        for container in containers(pod)
        for variable in mappings(container.body.get("env"))
        if "value" in variable
    ]
    if literal:
        hops.append(
            Hop("config", f"variables in the manifest: {', '.join(dict.fromkeys(literal))}", "configures it")
        )
    return hops


def _named(namespace: str, uses: list[Reference], promised: bool) -> Named:
    """What a ConfigMap or a Secret must have for the pods to start."""
    keys = dict.fromkeys(use.key for use in uses if use.key is not None and not use.optional)
    maker = "run bootstrap init … --cluster-only: it creates the missing Secrets" if promised else ""
    optional = all(use.optional for use in uses)
    return Named(uses[0].kind, namespace, uses[0].name, optional, tuple(keys), maker)


def _keys(index: Index, namespace: str, kind: str, name: str) -> list[str]:
    if kind == "Secret":
        return sorted(made_secrets.keys(index, namespace, name) or ())
    found = index.get(kind, namespace, name)
    if found is None:
        return []
    return sorted(map(str, {**mapping(found.body.get("data")), **mapping(found.body.get("binaryData"))}))


def volumes(index: Index, pod: Resource) -> list[Hop]:
    """A hop for each claim of the pods with what provisions it, or for what is lost with the pods."""
    hops = []
    for use in references(pod):
        if use.kind == "PersistentVolumeClaim":
            claim = index.get(use.kind, pod.namespace, use.name)
            hop = Hop("volume", f"PersistentVolumeClaim {pod.namespace}/{use.name}", use.how, claim)
            if claim is None:
                hop.named = Named(use.kind, pod.namespace, use.name)
            else:
                hop.details.append(_claim(claim.spec))
                volume = volume_of(index, claim)
                if volume is not None:
                    hop.hops.append(_volume(volume))
                elif not claim.spec.get("volumeName"):
                    hop.hops.append(_class(index, claim.spec.get("storageClassName")))
            hops.append(hop)
    for template in mappings(pod.spec.get("volumeClaimTemplates")):
        spec = mapping(template.get("spec"))
        hop = Hop(
            "volume", f"claim template {dig(template, 'metadata', 'name')}", "a volume for each pod", pod
        )
        hop.details.append(_claim(spec))
        hop.hops.append(_class(index, spec.get("storageClassName")))
        hops.append(hop)
    kept = [str(item.get("name")) for item in mappings(pod_spec(pod).get("volumes")) if "emptyDir" in item]
    if kept and not hops:
        hops.append(Hop("volume", f"emptyDir {', '.join(kept)}", "lost with the pod"))
    return hops


def _claim(spec: Mapping[str, Any]) -> str:
    modes = ", ".join(map(str, spec.get("accessModes") or ()))
    return f"{dig(spec, 'resources', 'requests', 'storage') or '?'}, {modes}"


def _volume(volume: Resource) -> Hop:
    """A volume that exists before its claim."""
    size = dig(volume.body, "spec", "capacity", "storage") or "?"
    kept = f"class {volume.spec.get('storageClassName') or 'none'}"
    modes = ", ".join(map(str, sequence(volume.spec.get("accessModes"))))
    return Hop("volume", str(volume), "bound to", volume, [f"{size}, {modes}, {kept}"])


def _class(index: Index, name: Any) -> Hop:
    if name is None:
        classes = index.of("StorageClass.storage.k8s.io")
        by_default = [one.name for one in classes if is_default(one)]
        name = by_default[0] if len(by_default) == 1 else None
    found = index.get("StorageClass.storage.k8s.io", "", name) if name else None
    title = f"StorageClass {name}" if name else "the cluster's default StorageClass"
    details = (
        [f"provisioner {found.body.get('provisioner')}"] if found else ["not in Git: the cluster provides it"]
    )
    return Hop("volume", title, "provisioned by", found, details)
