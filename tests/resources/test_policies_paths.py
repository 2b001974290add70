"""NetworkPolicies as Kubernetes reads them: directions, ports by name and protocol, ranges of addresses."""

from __future__ import annotations

import pytest

from bootstrap.resources.index import Index
from bootstrap.resources.policies import Peer, cut, peer
from tests.validate.rules.world import resources

PODS = """\
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec: {containers: [{name: web, image: web}]}
---
apiVersion: v1
kind: Pod
metadata: {name: dns, labels: {app: dns}}
spec:
  containers:
    - name: dns
      image: dns
      ports:
        - {name: dns, containerPort: 5300, protocol: UDP}
        - {name: dns-tcp, containerPort: 5301}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: policy}
spec: SPEC
"""


def passes(spec: str, port: int = 5300, protocol: str = "UDP", source: Peer | None = None) -> bool:
    """Whether web (or another peer) reaches dns under a policy."""
    index = Index(resources(PODS.replace("SPEC", spec), "shop.yaml", "argocd/shop", "shop"))
    web, dns = (index.get("Pod", "shop", name) for name in ("web", "dns"))
    assert web is not None
    assert dns is not None
    return cut(index, source or peer(web), peer(dns), port, protocol) is None


FROM_WEB = "podSelector: {matchLabels: {app: web}}"
TO_DNS = "podSelector: {matchLabels: {app: dns}}"


@pytest.mark.parametrize(
    ("spec", "open_"),
    [
        (f"{{{FROM_WEB}, egress: []}}", True),  # without policyTypes it isolates no egress
        (f"{{{FROM_WEB}, egress: null}}", True),
        (f"{{{FROM_WEB}, policyTypes: [Egress]}}", False),
        (f"{{{FROM_WEB}, policyTypes: [Egress], egress: []}}", False),
        (f"{{{FROM_WEB}, egress: [{{ports: [{{port: 53}}]}}]}}", False),
        (f"{{{TO_DNS}, ingress: []}}", False),
        (f"{{{TO_DNS}}}", False),
    ],
)
def test_direction_counts_when_it_is_named_or_has_rules(spec: str, open_: bool) -> None:
    assert passes(spec) == open_


@pytest.mark.parametrize(
    ("ports", "open_"),
    [
        ("{port: dns, protocol: UDP}", True),
        ("{port: dns}", False),  # TCP, and the pods have no such port of TCP
        ("{port: dns-tcp, protocol: UDP}", False),
        ("{port: 5300, protocol: UDP}", True),
        ("{port: 5000, endPort: 5400, protocol: UDP}", True),
        ("{protocol: UDP}", True),
    ],
)
def test_name_of_a_port_is_one_of_its_protocol(ports: str, open_: bool) -> None:
    assert passes(f"{{{TO_DNS}, ingress: [{{ports: [{ports}]}}]}}") == open_


@pytest.mark.parametrize(
    ("block", "open_"),
    [
        ("{cidr: 0.0.0.0/0}", True),
        ("{cidr: 10.0.0.0/8}", True),  # pods may have such addresses: Git does not tell
        ("{cidr: 203.0.113.0/24}", False),
        ("{cidr: 169.254.0.0/16}", False),
        ("{cidr: 0.0.0.0/0, except: [10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16]}", False),
        ("{cidr: 0.0.0.0/0, except: [10.0.0.0/8]}", True),
        ("{cidr: 0.0.0.0/0, except: [169.254.169.254/32]}", True),
        ("{cidr: 10.0.0.0/8, except: [10.0.0.0/8]}", False),
    ],
)
def test_range_of_addresses_may_be_that_of_pods(block: str, open_: bool) -> None:
    spec = f"{{{TO_DNS}, ingress: [{{from: [{{ipBlock: {block}}}]}}]}}"
    assert passes(spec) == open_


def test_someone_outside_may_come_from_any_range() -> None:
    spec = f"{{{TO_DNS}, ingress: [{{from: [{{ipBlock: {{cidr: 203.0.113.0/24}}}}]}}]}}"
    assert passes(spec, source=Peer("", None))
