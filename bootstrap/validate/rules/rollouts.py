"""Argo Rollouts: strategies that the controller calls invalid."""

from __future__ import annotations

from collections.abc import Iterator

from bootstrap.resources.index import Index, Resource, dig, mapping, sequence
from bootstrap.validate.rule import ClusterContext, Problem, Rule, problem

INVALID = Rule(
    "GB380",
    "rollout-invalid",
    "error",
    "A Rollout's strategy is inconsistent: the controller marks it InvalidSpec and changes nothing.",
    "write the strategy as Argo Rollouts documents it",
)

KIND = "Rollout.argoproj.io"
_BY_ROUTER = {"setCanaryScale": "scales independently of the weight", "setHeaderRoute": "routes by a header"}
_BY_ROUTER["setMirrorRoute"] = "mirrors requests"


def check(index: Index, context: ClusterContext) -> Iterator[Problem]:
    """Every rule of this module."""
    for rollout in index.of(KIND):
        strategy = mapping(rollout.spec.get("strategy"))
        if "canary" in strategy and "blueGreen" in strategy:
            yield problem(
                INVALID, rollout, f"{rollout} has two strategies", "spec", "strategy", fix="keep one of them"
            )
        elif "canary" in strategy:
            yield from _canary(rollout)
        elif "blueGreen" in strategy:
            yield from _blue_green(rollout)


def _canary(rollout: Resource) -> Iterator[Problem]:
    place = ("spec", "strategy", "canary")
    canary = mapping(dig(rollout.body, *place))
    router = mapping(canary.get("trafficRouting"))
    for number, step in enumerate(sequence(canary.get("steps"))):
        for name, does in _BY_ROUTER.items():
            if name in mapping(step) and not router:
                message = f"{rollout}: step {number + 1} {does} ({name}), but nothing routes its traffic"
                fix = f"add trafficRouting, or remove {name}"
                yield problem(INVALID, rollout, message, *place, "steps", number, fix=fix)
        weight = mapping(step).get("setWeight")
        most = router.get("maxTrafficWeight") or 100
        if isinstance(weight, int) and isinstance(most, int) and not 0 <= weight <= most:
            message = f"{rollout}: step {number + 1} sets the weight {weight}, which is not 0 to {most}"
            yield problem(INVALID, rollout, message, *place, "steps", number, fix=f"write 0 to {most}")
        routes = {str(mapping(one).get("name")) for one in sequence(router.get("managedRoutes"))}
        for name in ("setHeaderRoute", "setMirrorRoute"):
            route = mapping(mapping(step).get(name)).get("name")
            if router and route and str(route) not in routes:
                message = f"{rollout}: step {number + 1} uses the route {route}, which is not a managed one"
                yield problem(
                    INVALID, rollout, message, *place, "steps", number, fix="add it to managedRoutes"
                )
    both = [canary.get("canaryService"), canary.get("stableService")]
    if both[0] is not None and both[0] == both[1]:
        message = f"{rollout} has one Service, {both[0]}, for canary and stable"
        yield problem(
            INVALID, rollout, message, *place, "canaryService", fix="give each a Service of its own"
        )
    needs = set(router) & {"istio", "nginx", "alb", "smi", "traefik"}
    if needs - {"istio"} and not all(both) and not canary.get("pingPong"):
        message = f"{rollout} routes by {', '.join(sorted(needs))} without canaryService and stableService"
        yield problem(INVALID, rollout, message, *place, "trafficRouting", fix="name both")


def _blue_green(rollout: Resource) -> Iterator[Problem]:
    place = ("spec", "strategy", "blueGreen")
    given = mapping(dig(rollout.body, *place))
    if not given.get("activeService"):
        message = f"{rollout} has no activeService"
        yield problem(INVALID, rollout, message, *place, fix="name the Service that users reach")
    elif given["activeService"] == given.get("previewService"):
        message = f"{rollout} has one Service, {given['activeService']}, for active and preview"
        yield problem(
            INVALID, rollout, message, *place, "previewService", fix="give each a Service of its own"
        )
