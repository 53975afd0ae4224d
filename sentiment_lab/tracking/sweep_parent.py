"""The parent run of a sweep in a store: its files, its child runs and its status."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sentiment_lab.tracking.address import experiment_name
from sentiment_lab.tracking.store import Store, origin_tags
from sentiment_lab.tracking.views import OPENED


@dataclass(frozen=True)
class SweepParent:
    """The parent run of one sweep, however often its command is run."""

    store: Store
    run_id: str
    experiment_id: str

    @classmethod
    def open(cls, store: Store, study: str, name: str, tags: Mapping[str, str]) -> SweepParent:
        """Return the parent run with the tag `sweep` of `tags`, created if missing.

        Raises DeletedError when it or its experiment was deleted, MlflowException when the store fails.
        """
        store.prepare()
        run = store.find("sweep", tags["sweep"])
        if run:
            store.check_active(run)
            store.client.update_run(run.info.run_id, status="RUNNING")
        else:
            experiment = store.experiment_id(experiment_name(study))
            run = store.client.create_run(experiment, tags={**tags, **origin_tags()}, run_name=name)
        return cls(store, str(run.info.run_id), str(run.info.experiment_id))

    def log_text(self, name: str, text: str) -> None:
        """Log a text file."""
        self.store.client.log_text(self.run_id, text, name)

    def adopt(self, config_hash: str) -> None:
        """Make the runs of a config in the same experiment children of this run, unless they have another parent."""
        for run in self.store.search(f"tags.config_hash = '{config_hash}'", [self.experiment_id]):
            if "mlflow.parentRunId" not in run.data.tags and "reproduces" not in run.data.tags:
                for key, value in {"mlflow.parentRunId": self.run_id, **OPENED}.items():
                    self.store.client.set_tag(run.info.run_id, key, value)

    def finish(self, status: str, description: str, tables: Mapping[str, str]) -> None:
        """Set the description (Markdown), log the text files by name, and set the final status."""
        self.store.client.set_tag(self.run_id, "mlflow.note.content", description)
        for name, text in tables.items():
            self.log_text(name, text)
        self.store.client.set_terminated(self.run_id, status)
