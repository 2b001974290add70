"""For each alert of the voting app: made-up series that must make it fire, and some that must not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

DEV, PRODUCTION = 'namespace="voting-app-dev"', 'namespace="voting-app-production"'
VOTES = 'relname="votes"'
SERVICE = "voting-app-dev-vote-http@kubernetes"
HOUR = 3600


@dataclass(frozen=True)
class Case:
    """Series as promtool writes them, a sample every `step` minutes.

    `labels` are the alert's own, besides its name and severity; `minute` is when it must be firing.
    """

    alert: str
    fires: Mapping[str, str]
    quiet: Mapping[str, str]
    labels: Mapping[str, str] = field(default_factory=dict)
    severity: str = "warning"
    minute: int = 30
    step: int = 1


def _pod(namespace: str = DEV) -> str:
    return f'{namespace}, pod="vote-1", container="vote"'


def _scaler(metric: str) -> str:
    return f'kube_horizontalpodautoscaler_{metric}{{{DEV}, horizontalpodautoscaler="vote"}}'


def _traefik(code: str) -> str:
    return f'traefik_service_requests_total{{service="{SERVICE}", code="{code}", method="GET"}}'


def _traefik_scraped(code: str) -> str:
    """As a ServiceMonitor, which has a `service` and a `namespace` of its own, leaves it."""
    return (
        f'traefik_service_requests_total{{exported_service="{SERVICE}", code="{code}", service="traefik",'
        ' namespace="traefik"}'
    )


def _traefik_bucket(le: str) -> str:
    return f'traefik_service_request_duration_seconds_bucket{{service="{SERVICE}", le="{le}"}}'


def _nginx(namespace: str, status: str) -> str:
    return f'nginx_ingress_controller_requests{{{namespace}, ingress="result", status="{status}"}}'


def _istio(metric: str, reporter: str, service: str, label: str) -> str:
    return (
        f'{metric}{{reporter="{reporter}", destination_service_namespace="voting-app-production",'
        f' destination_service_name="{service}", {label}}}'
    )


def _certificate(namespace: str) -> str:
    return (
        f'certmanager_certificate_expiration_timestamp_seconds{{exported_namespace="{namespace}",'
        ' name="vote-tls", namespace="cert-manager"}'
    )


def _backup(metric: str, namespace: str) -> str:
    return f'kube_cronjob_{metric}{{{namespace}, cronjob="db-backup"}}'


def _waiting(reason: str) -> str:
    return f'kube_pod_container_status_waiting_reason{{{_pod(PRODUCTION)}, reason="{reason}"}}'


CASES = (
    Case(
        "VotingAppDown",
        {
            f'kube_deployment_status_replicas_available{{{DEV}, deployment="vote"}}': "0x60",
            f'kube_deployment_spec_replicas{{{DEV}, deployment="vote"}}': "1x60",
        },
        {
            f'kube_deployment_status_replicas_available{{{DEV}, deployment="vote"}}': "1x60",
            f'kube_deployment_spec_replicas{{{DEV}, deployment="vote"}}': "1x60",
            f'kube_deployment_status_replicas_available{{{DEV}, deployment="scaled-to-none"}}': "0x60",
            f'kube_deployment_spec_replicas{{{DEV}, deployment="scaled-to-none"}}': "0x60",
            'kube_deployment_status_replicas_available{namespace="elsewhere", deployment="x"}': "0x60",
            'kube_deployment_spec_replicas{namespace="elsewhere", deployment="x"}': "1x60",
        },
        {"namespace": "voting-app-dev", "deployment": "vote"},
    ),
    Case(
        "VotingAppDown",
        {
            f'kube_statefulset_status_replicas_ready{{{PRODUCTION}, statefulset="db"}}': "0x60",
            f'kube_statefulset_replicas{{{PRODUCTION}, statefulset="db"}}': "1x60",
        },
        {
            f'kube_statefulset_status_replicas_ready{{{PRODUCTION}, statefulset="db"}}': "1x10 0x1 1x50",
            f'kube_statefulset_replicas{{{PRODUCTION}, statefulset="db"}}': "1x60",
        },
        {"namespace": "voting-app-production", "statefulset": "db"},
        severity="critical",
        minute=13,
    ),
    Case(
        "VotingAppPodNotReady",
        {
            f'kube_pod_status_ready{{{DEV}, pod="vote-1", condition="false"}}': "1x60",
            f'kube_pod_status_phase{{{DEV}, pod="vote-1", phase="Running"}}': "1x60",
        },
        {  # a job's pod that has ended is not ready either
            f'kube_pod_status_ready{{{DEV}, pod="db-backup-1", condition="false"}}': "1x60",
            f'kube_pod_status_phase{{{DEV}, pod="db-backup-1", phase="Running"}}': "0x60",
            f'kube_pod_status_phase{{{DEV}, pod="db-backup-1", phase="Succeeded"}}': "1x60",
        },
        {"namespace": "voting-app-dev", "pod": "vote-1"},
    ),
    Case(
        "VotingAppCrashLooping",
        {f"kube_pod_container_status_restarts_total{{{_pod()}}}": "0+1x60"},
        {f"kube_pod_container_status_restarts_total{{{_pod()}}}": "0x20 1x40"},
        {"namespace": "voting-app-dev", "pod": "vote-1", "container": "vote"},
    ),
    Case(
        "VotingAppCrashLooping",
        {_waiting("CrashLoopBackOff"): "1x60"},
        {_waiting("ContainerCreating"): "1x60"},
        {
            "namespace": "voting-app-production",
            "pod": "vote-1",
            "container": "vote",
        },
        severity="critical",
    ),
    Case(
        "VotingAppMemoryNearLimit",
        {
            f"container_memory_working_set_bytes{{{_pod()}}}": "95x60",
            f'kube_pod_container_resource_limits{{{_pod()}, resource="memory"}}': "100x60",
        },
        {
            f"container_memory_working_set_bytes{{{_pod()}}}": "89x60",
            f'kube_pod_container_resource_limits{{{_pod()}, resource="memory"}}': "100x60",
            f'kube_pod_container_resource_limits{{{_pod()}, resource="cpu"}}': "0.5x60",
        },
        {"namespace": "voting-app-dev", "pod": "vote-1", "container": "vote"},
    ),
    Case(
        "VotingAppAutoscalerAtMax",
        {
            _scaler("status_current_replicas"): "10x60",
            _scaler("spec_max_replicas"): "10x60",
        },
        {
            _scaler("status_current_replicas"): "9x60",
            _scaler("spec_max_replicas"): "10x60",
        },
        {"namespace": "voting-app-dev", "horizontalpodautoscaler": "vote"},
    ),
    Case(
        "VotingAppErrorSurge",
        {_traefik("200"): "0+54x60", _traefik("502"): "0+6x60"},
        {_traefik("200"): "0+58x60", _traefik("502"): "0+2x60", _traefik("404"): "0+30x60"},
        {"namespace": "voting-app-dev", "page": "vote", "source": "traefik"},
    ),
    Case(
        "VotingAppErrorSurge",
        {_traefik_scraped("500"): "0+60x60"},
        {_traefik_scraped("500"): "0+1x60"},  # one failing request in a while is no surge
        {"namespace": "voting-app-dev", "page": "vote", "source": "traefik"},
    ),
    Case(
        "VotingAppErrorSurge",
        {_nginx('exported_namespace="voting-app-production", namespace="ingress-nginx"', "503"): "0+60x60"},
        {_nginx(PRODUCTION, "200"): "0+60x60"},
        {"namespace": "voting-app-production", "page": "result", "source": "nginx"},
        severity="critical",
    ),
    Case(
        "VotingAppErrorSurge",
        {_istio("istio_requests_total", "destination", "vote-canary", 'response_code="500"'): "0+60x60"},
        # The same requests as their callers count them: counted once.
        {_istio("istio_requests_total", "source", "vote", 'response_code="500"'): "0+60x60"},
        {"namespace": "voting-app-production", "page": "vote", "source": "istio"},
        severity="critical",
    ),
    Case(
        "VotingAppSlow",
        {
            _traefik_bucket("1.2"): "0+10x60",
            _traefik_bucket("5"): "0+60x60",
            _traefik_bucket("+Inf"): "0+60x60",
        },
        {
            _traefik_bucket("0.3"): "0+59x60",
            _traefik_bucket("5"): "0+60x60",
            _traefik_bucket("+Inf"): "0+60x60",
        },
        {"namespace": "voting-app-dev", "page": "vote", "source": "traefik"},
    ),
    Case(
        "VotingAppSlow",
        {
            _istio("istio_request_duration_milliseconds_bucket", "waypoint", "result", f'le="{le}"'): values
            for le, values in (("1000", "0+10x60"), ("5000", "0+60x60"), ("+Inf", "0+60x60"))
        },
        {
            _istio("istio_request_duration_milliseconds_bucket", "waypoint", "result", f'le="{le}"'): values
            for le, values in (("500", "0+60x60"), ("5000", "0+60x60"), ("+Inf", "0+60x60"))
        },
        {"namespace": "voting-app-production", "page": "result", "source": "istio"},
    ),
    Case(
        "VotingAppCertificateExpiring",
        {_certificate("voting-app-dev"): f"{10 * 24 * HOUR}x120"},
        {_certificate("voting-app-dev"): f"{30 * 24 * HOUR}x120", _certificate("elsewhere"): "1x120"},
        {"namespace": "voting-app-dev", "name": "vote-tls", "exported_namespace": "voting-app-dev"},
        minute=90,
    ),
    Case(
        "VotingAppQueueGrowing",
        {f'redis_key_size{{{DEV}, pod="redis-0", key="votes"}}': "0+20x60"},
        {f'redis_key_size{{{DEV}, pod="redis-0", key="votes"}}': "5000-20x60"},
        {"namespace": "voting-app-dev", "pod": "redis-0", "key": "votes"},
    ),
    Case(
        "VotingAppWorkerBehind",
        {
            f'redis_key_size{{{DEV}, pod="redis-0", key="votes"}}': "900x60",
            f"pg_stat_user_tables_n_tup_ins{{{DEV}, {VOTES}}}": "0+300x60",
            f"pg_stat_user_tables_n_tup_upd{{{DEV}, {VOTES}}}": "0+300x60",
        },
        {
            f'redis_key_size{{{DEV}, pod="redis-0", key="votes"}}': "500x60",
            f"pg_stat_user_tables_n_tup_ins{{{DEV}, {VOTES}}}": "0+300x60",
            f"pg_stat_user_tables_n_tup_upd{{{DEV}, {VOTES}}}": "0+300x60",
        },
        {"namespace": "voting-app-dev"},
    ),
    Case(
        "VotingAppWorkerStalled",
        {
            f'redis_key_size{{{PRODUCTION}, pod="redis-0", key="votes"}}': "3x60",
            f"pg_stat_user_tables_n_tup_ins{{{PRODUCTION}, {VOTES}}}": "70x60",
            f"pg_stat_user_tables_n_tup_upd{{{PRODUCTION}, {VOTES}}}": "5x60",
        },
        {  # nobody votes, so nothing is written, and no list is there
            f"pg_stat_user_tables_n_tup_ins{{{PRODUCTION}, {VOTES}}}": "70x60",
            f"pg_stat_user_tables_n_tup_upd{{{PRODUCTION}, {VOTES}}}": "5x60",
        },
        {"namespace": "voting-app-production"},
        severity="critical",
    ),
    Case(
        "VotingAppStoreUnreachable",
        {f'redis_up{{{DEV}, pod="redis-0"}}': "0x60"},
        {f'redis_up{{{DEV}, pod="redis-0"}}': "1x60", f'pg_up{{{DEV}, pod="db-0"}}': "1x60"},
        {"namespace": "voting-app-dev", "pod": "redis-0"},
    ),
    Case(
        "VotingAppVolumeNearlyFull",
        {
            f'kubelet_volume_stats_available_bytes{{{DEV}, persistentvolumeclaim="data-db-0"}}': "9x60",
            f'kubelet_volume_stats_capacity_bytes{{{DEV}, persistentvolumeclaim="data-db-0"}}': "100x60",
        },
        {
            f'kubelet_volume_stats_available_bytes{{{DEV}, persistentvolumeclaim="data-db-0"}}': "11x60",
            f'kubelet_volume_stats_capacity_bytes{{{DEV}, persistentvolumeclaim="data-db-0"}}': "100x60",
        },
        {"namespace": "voting-app-dev", "persistentvolumeclaim": "data-db-0"},
    ),
    Case(
        "VotingAppBackupOverdue",
        {
            _backup("created", PRODUCTION): "0x80",
            _backup("status_last_successful_time", PRODUCTION): "60x80",
        },
        {
            _backup("created", PRODUCTION): "0x80",
            _backup("status_last_successful_time", PRODUCTION): f"{24 * HOUR}x80",
        },
        {"namespace": "voting-app-production", "cronjob": "db-backup"},
        severity="critical",
        minute=32 * 60,
        step=30,
    ),
    Case(
        "VotingAppBackupOverdue",  # never a good one
        {_backup("created", DEV): "0x80"},
        {_backup("created", DEV): f"{24 * HOUR}x80"},
        {"namespace": "voting-app-dev", "cronjob": "db-backup"},
        minute=32 * 60,
        step=30,
    ),
)
