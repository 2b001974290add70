"""What to check before an image is set: digests at registries, and in the history what was set since.

A registry's answer is valid for the whole run; the history is read again at every new tip.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from bootstrap.core.errors import InputError, RegistryError
from bootstrap.core.output import Output
from bootstrap.edit.files import Files
from bootstrap.oci.reference import Reference, canonical

if TYPE_CHECKING:
    from bootstrap.image.plan import Change, Outcome


@dataclass(frozen=True)
class Conditions:
    """The options that forbid or complete an edit. `built_at` is in seconds since the epoch."""

    only_newer: bool = False
    built_at: float | None = None
    source: Path | None = None
    pin: bool = False
    check_exists: bool = False
    registry_ca_file: Path | None = None

    def trailers(self) -> str:
        """The trailer from which a later run can tell which build is newer."""
        if self.built_at is None:
            return ""
        from datetime import datetime, timezone

        from bootstrap.git.log import BUILT_AT

        when = datetime.fromtimestamp(self.built_at, timezone.utc).isoformat().replace("+00:00", "Z")
        return f"{BUILT_AT}: {when}"


class ConditionChecks:
    """One run's answers: `pins`, digests by full reference; `keep`, reasons by NAME."""

    def __init__(self, conditions: Conditions, output: Output) -> None:
        self.conditions = conditions
        self.pins: dict[str, str] = {}
        self.keep: dict[str, str] = {}
        self._output = output
        self._there: set[str] = set()
        self._judged: set[str] = set()
        self._registries: object | None = None

    def check_time(self) -> None:
        """InputError for a build that has not begun yet: what it sets would hold back all later builds."""
        built_at, now = self.conditions.built_at, self._output.invocation.clock()
        if built_at is None:
            return
        from bootstrap.git.versions import SLACK
        from bootstrap.image.newer import day

        if built_at > now + SLACK:
            found = f"{day(built_at)} is in the future: here it is {day(now)}"
            hint = "give the time at which the build began, and check the clocks of both machines"
            raise InputError("reading --built-at", found, hint)

    def begin(self) -> None:
        """Forget what was decided at another tip."""
        self.keep.clear()
        self._judged.clear()

    def run(self, outcome: Outcome, files: Files) -> None:
        """Check the changes of this outcome; afterwards `pins` and `keep` may have grown."""
        for change in outcome.changes:
            if change.state != "changed":
                continue
            self._judge(change, files)
            if change.name not in self.keep and (self.conditions.pin or self.conditions.check_exists):
                self._ask_registry(change.after)

    def _judge(self, change: Change, files: Files) -> None:
        conditions = self.conditions
        if change.name in self._judged or not (conditions.only_newer or conditions.built_at is not None):
            return
        self._judged.add(change.name)
        from bootstrap.image.newer import not_newer, set_after
        from bootstrap.image.read_history import is_ancestor_in, past

        assert change.place is not None  # noqa: S101 - every change of an image has one
        since = None if conditions.only_newer else conditions.built_at
        with closing(past(change.place, files, self._output.invocation, since)) as found:
            steps = list(found if conditions.only_newer else islice(found, 1))
        reason = None
        if conditions.built_at is not None:
            reason = set_after(change.name, conditions.built_at, steps, self._output.invocation.clock())
        if reason is None and conditions.only_newer:
            is_ancestor = is_ancestor_in(conditions.source or Path.cwd(), self._output.invocation)
            reason = not_newer(change.name, change.after, change.before, steps, is_ancestor)
        if reason is not None:
            self.keep[change.name] = reason

    def _ask_registry(self, image: Reference) -> None:
        if not image.repository:
            hint = "declare it in bootstrap.yaml: image: REPOSITORY"
            raise InputError(
                f"asking the registry for {image}", "the repository of this tag is not known", hint
            )
        full = f"{canonical(image.repository)}:{image.tag}"
        if str(image) in self._there or (image.digest is None and full in self.pins):
            return
        from bootstrap.oci.client import Registries

        if not isinstance(self._registries, Registries):
            self._registries = Registries(self._output.invocation, self.conditions.registry_ca_file)
        self._output.detail(f"asking the registry for {image}")
        digest = self._registries.digest(image)
        if digest is None:
            hint = "check the tag, and that the push to the registry has finished"
            raise RegistryError(f"looking for {image}", "the registry has no such image", hint)
        self._there.add(str(image))
        if self.conditions.pin and image.digest is None and image.tag is not None:
            self.pins[full] = digest
            self._there.add(f"{image}@{digest}")
