"""Which context is chosen, and how a broken kubeconfig or credential plugin is reported."""

from __future__ import annotations

import logging
import stat
import sys
from pathlib import Path

import pytest

from bootstrap.core.errors import ClusterError, ExitStatus, InputError
from bootstrap.core.invocation import Invocation
from bootstrap.kube import config
from tests import kubeconfigs

PLUGIN = "client.authentication.k8s.io/v1"


def with_environment(**environ: str) -> Invocation:
    return Invocation(environ=environ)


def plugin(folder: Path, body: str) -> Path:
    path = folder / "get-token"
    path.write_text(f"#!{sys.executable}\n{body}")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def exec_user(command: object, **fields: object) -> dict[str, object]:
    return {"exec": {"apiVersion": PLUGIN, "command": str(command), "interactiveMode": "Never", **fields}}


def test_current_context_is_taken_unless_one_is_given(tmp_path: Path) -> None:
    one = kubeconfigs.write(tmp_path / "one", "https://one.example", context="one", current="one")
    two = kubeconfigs.write(tmp_path / "two", "https://two.example", context="two", current="two")
    both = with_environment(KUBECONFIG=f"{one}:{two}:{tmp_path / 'absent'}")
    assert config.load(both, "one").configuration.host == "https://one.example"
    assert config.load(both, "two").configuration.host == "https://two.example"
    assert config.contexts(both) == ["one", "two"]
    assert config.load(with_environment(KUBECONFIG=str(one)), None).context == "one"


def test_default_kubeconfig_is_in_the_home_folder(tmp_path: Path) -> None:
    (tmp_path / ".kube").mkdir()
    kubeconfigs.write(tmp_path / ".kube" / "config", "https://home.example")
    assert (
        config.load(with_environment(HOME=str(tmp_path)), None).configuration.host == "https://home.example"
    )


def test_given_kubeconfig_wins_over_the_environment(tmp_path: Path) -> None:
    other = kubeconfigs.write(tmp_path / "other", "https://other.example")
    given = kubeconfigs.write(tmp_path / "given", "https://given.example")
    found = config.load(with_environment(KUBECONFIG=str(other)), None, given)
    assert found.configuration.host == "https://given.example"


def test_unknown_context_offers_the_nearest_names(tmp_path: Path) -> None:
    path = kubeconfigs.write(tmp_path / "k", context="production-west", current="production-west")
    with pytest.raises(InputError) as raised:
        config.load(with_environment(), "prodution-west", path)
    assert raised.value.found == "no context 'prodution-west'"
    assert raised.value.hint == "did you mean production-west?"


def test_no_current_context_lists_what_there_is(tmp_path: Path) -> None:
    path = kubeconfigs.write(tmp_path / "k", current=None)
    with pytest.raises(InputError, match="no current-context") as raised:
        config.load(with_environment(), None, path)
    assert raised.value.hint == "give --context: test"


def test_no_kubeconfig_says_where_it_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(InputError) as raised:
        config.load(with_environment(HOME=str(tmp_path)), None)
    assert str(tmp_path / ".kube" / "config") in raised.value.found
    assert config.contexts(with_environment(HOME=str(tmp_path))) == []


@pytest.mark.parametrize(
    ("content", "found", "where"),
    [
        ("contexts: [\n", "not valid YAML", ":2:1"),
        ("just a text", "not a kubeconfig", ""),
        ("contexts: 3", "not a kubeconfig", ""),
        ("", "is empty", ""),
        ("clusters: []\ncontexts: [{context: {}}]", "Expected key name", ""),
    ],
)
def test_file_that_is_not_a_kubeconfig_is_reported_as_one(
    tmp_path: Path, content: str, found: str, where: str
) -> None:
    path = tmp_path / "k"
    path.write_text(content)
    with pytest.raises(InputError) as raised:
        config.load(with_environment(), None, path)
    assert found in raised.value.found
    assert raised.value.where == f"{path}{where}"


def test_error_about_an_entry_does_not_show_its_credential(tmp_path: Path) -> None:
    path = tmp_path / "k"
    path.write_text(
        '{"clusters": [{"name": "c", "cluster": {"server": "https://x.example"}}], "contexts": '
        '[{"name": "a", "context": {"cluster": "c", "user": "u"}}], '
        '"users": [{"name": "u", "token": "hunter2"}]}'
    )
    with pytest.raises(InputError, match="Expected key user") as raised:
        config.load(with_environment(), "a", path)
    assert "hunter2" not in raised.value.found


def test_kubeconfig_that_cannot_be_read_is_reported(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="directory"):
        config.load(with_environment(), None, tmp_path)


@pytest.mark.parametrize(
    ("user", "cluster", "found"),
    [
        ({"client-certificate": "absent.crt", "client-key": "absent.key"}, {}, "File does not exist"),
        ({}, {"certificate-authority": "absent.crt"}, "File does not exist"),
        ({"tokenFile": "absent"}, {}, "absent"),
    ],
)
def test_files_that_the_context_names_have_to_be_there(
    tmp_path: Path, user: dict[str, str], cluster: dict[str, str], found: str
) -> None:
    path = kubeconfigs.write(tmp_path / "k", "https://x.example", user, **cluster)
    with pytest.raises(InputError) as raised:
        config.load(with_environment(), None, path)
    assert found in raised.value.found


def test_server_that_is_not_a_url_is_refused(tmp_path: Path) -> None:
    path = kubeconfigs.write(tmp_path / "k", "example.com:6443")
    with pytest.raises(InputError, match="not the URL of a server"):
        config.load(with_environment(), None, path)


def test_context_of_a_cluster_that_does_not_exist_is_a_bad_kubeconfig(tmp_path: Path) -> None:
    path = tmp_path / "k"
    path.write_text(
        '{"contexts": [{"name": "a", "context": {"cluster": "gone", "user": "u"}}], "clusters": []}'
    )
    with pytest.raises(InputError, match="gone"):
        config.load(with_environment(), "a", path)


def test_exec_plugin_gives_the_token(tmp_path: Path) -> None:
    answer = (
        f'{{"apiVersion": "{PLUGIN}", "kind": "ExecCredential", "status": {{"token": "from-the-plugin"}}}}'
    )
    path = kubeconfigs.write(tmp_path / "k", user=exec_user(plugin(tmp_path, f"print('''{answer}''')")))
    login = config.load(with_environment(), None, path)
    settings = login.configuration.auth_settings()
    assert [item["value"] for item in settings.values()] == ["Bearer from-the-plugin"]


def test_missing_exec_plugin_is_reported_with_its_own_install_hint(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    hint = "Install it:\n  curl -fsSL https://cloud.example/plugin"
    path = kubeconfigs.write(tmp_path / "k", user=exec_user("no-such-plugin", installHint=hint))
    with pytest.raises(ClusterError) as raised:
        config.load(with_environment(), None, path)
    assert raised.value.exit_status == ExitStatus.CLUSTER
    assert "'no-such-plugin' cannot be started" in raised.value.found
    assert raised.value.hint == "Install it: curl -fsSL https://cloud.example/plugin"
    assert capfd.readouterr() == ("", "")


def test_failing_exec_plugin_is_reported_with_its_shortened_output(tmp_path: Path) -> None:
    body = "import sys\nsys.exit('session expired: ' + 'x' * 5000)"
    path = kubeconfigs.write(tmp_path / "k", user=exec_user(plugin(tmp_path, body)))
    with pytest.raises(ClusterError) as raised:
        config.load(with_environment(), None, path)
    assert "session expired" in raised.value.found
    assert len(raised.value.found) < 500
    assert "log in" in raised.value.hint


def test_exec_plugin_that_prints_no_credential_is_reported(tmp_path: Path) -> None:
    path = kubeconfigs.write(tmp_path / "k", user=exec_user(plugin(tmp_path, "print('hello')")))
    with pytest.raises(ClusterError, match="failed to decode process output"):
        config.load(with_environment(), None, path)


def test_logging_is_as_before_after_loading(tmp_path: Path) -> None:
    before = list(logging.getLogger().handlers)
    config.load(with_environment(), None, kubeconfigs.write(tmp_path / "k"))
    assert logging.getLogger().handlers == before


def test_pods_service_account_is_used_when_there_is_no_kubeconfig(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kubernetes.config import incluster_config

    for name in ("token", "ca.crt"):
        (tmp_path / name).write_text("not-really-secret")
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(tmp_path / "token"))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(tmp_path / "ca.crt"))
    environ = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"}
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    login = config.load(with_environment(HOME=str(tmp_path), **environ), None)
    assert (login.context, login.configuration.host) == ("in-cluster", "https://10.0.0.1:443")


def test_pod_without_a_token_is_reported(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="service account"):
        config.load(with_environment(HOME=str(tmp_path), KUBERNETES_SERVICE_HOST="10.0.0.1"), None)
