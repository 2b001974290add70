"""What `validate` says of folders that cannot be rendered, or are not there: for traces."""

from __future__ import annotations

from dataclasses import replace

from bootstrap.repository.model import Placement, Repository, Scope
from bootstrap.validate.applied import Applied
from bootstrap.validate.config import configured
from bootstrap.validate.config import settings as configured_settings
from bootstrap.validate.file_findings import of_unit
from bootstrap.validate.places import Places
from bootstrap.validate.rule import Finding


class FolderFindings:
    """The findings of one repository, each as severe as `validate` takes it."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._settings = configured_settings(None, None, configured(repository))
        self._places = Places(repository.files)
        self._applied = Applied(repository)

    def of(self, scope: Scope, placement: Placement) -> list[Finding]:
        """Those of the folder that is placed there, without what a comment or a setting leaves out."""
        is_applied = scope.complete or bool(placement.application)
        unit = self._repository.units[placement.unit.key]
        found = (self.judged(one) for one in of_unit(unit, self._places, is_applied))
        return [one for one in found if one.rule in self._settings.rules]

    def judged(self, finding: Finding) -> Finding:
        """A finding with the severity that the repository's own starts and settings give it."""
        judged = self._applied.judged(finding)
        return replace(judged, severity=self._settings.severities.get(judged.rule, judged.severity))
