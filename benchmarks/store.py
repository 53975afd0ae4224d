"""Measure the capacity of a tracking store, and its response times when it is full.

    python -m benchmarks.store [--runs 100000] [--clients 1 4 16]

Writes STORE.md. Three stores are measured: the SQLite file of a single machine, MLflow's server on SQLite, and the
server of docs/server.md on PostgreSQL with passwords. Clients are processes that write at the same time: first complete
runs as `sync` mirrors them (settings, tags, 31 numbers, two datasets, seven files, no model), then epochs of seven
numbers per batch as training logs them. Server, database and clients share the processors; a server on its own machine
is faster.

Then copies of a mirrored run fill the tables of PostgreSQL, and the queries of the commands and the UI are timed
through the server.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.protocol import ROOT, Child
from benchmarks.results import now
from benchmarks.servers import ADMIN, MissingError, Server, deployed, free_port, postgres, psql
from sentiment_lab.tracking.store import Store

FILE = ROOT / "benchmarks" / "STORE.md"
RUNS_EACH = {1: 40, 4: 15, 16: 6}
"""Runs mirrored per client, by the number of clients."""
EPOCHS_EACH = {1: 200, 4: 80, 16: 30}
"""Epochs logged per client, by the number of clients."""
NUMBERS = 7
"""Metrics per epoch, logged as one batch."""
SQLITE, SERVER_SQLITE, SERVER_POSTGRES = "SQLite file", "server on SQLite", "server on PostgreSQL"
LABELS = {"runs": "runs/s", "epochs": "numbers/s in batches of seven"}
REPEATS = 5


def main() -> int:
    """Measure and write; return 1 if PostgreSQL is not installed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--runs", type=int, default=100_000, help="runs in the full PostgreSQL database (default: %(default)s)"
    )
    parser.add_argument("--clients", type=int, nargs="+", choices=RUNS_EACH, default=list(RUNS_EACH))
    parser.add_argument("--output", type=Path, default=FILE)
    options = parser.parse_args()
    rates: dict[str, dict[tuple[str, int], float]] = {}
    try:
        for name in (SQLITE, SERVER_SQLITE, SERVER_POSTGRES):
            with _store(name) as (uri, artifacts, _):
                rates[name] = _rates(uri, artifacts, options.clients)
                print(
                    name,
                    {f"{what} {clients}": f"{rate:.1f}" for (what, clients), rate in rates[name].items()},
                    flush=True,
                )
        with _store(SERVER_POSTGRES) as (uri, artifacts, database):
            full = _full(uri, artifacts, database, options.runs)
    except MissingError as error:
        print(error, file=sys.stderr)
        return 1
    options.output.write_text(_page(rates, full, options), encoding="utf-8")
    return 0


@contextmanager
def _store(kind: str) -> Iterator[tuple[str, str | None, Mapping[str, str]]]:
    """Yield the tracking URI, the artifact folder if clients write to it directly, and the variables for PostgreSQL."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="store-")))
        if kind == SQLITE:
            yield f"sqlite:///{folder}/mlflow.db", str(folder / "artifacts"), {}
            return
        database = stack.enter_context(postgres()) if kind == SERVER_POSTGRES else {}
        environment = deployed(database, folder, free_port())
        options = ["--app-name", "basic-auth"] if database else []
        if not database:
            environment["MLFLOW_BACKEND_STORE_URI"] = f"sqlite:///{folder}/mlflow.db"
        server = stack.enter_context(Server(environment, folder / "log", *options))
        stack.enter_context(_as_admin())
        yield server.uri, None, database


@contextmanager
def _as_admin() -> Iterator[None]:
    from unittest.mock import patch

    names = {"MLFLOW_TRACKING_USERNAME": "admin", "MLFLOW_TRACKING_PASSWORD": ADMIN}
    with patch.dict("os.environ", names):
        yield


def _rates(uri: str, artifacts: str | None, clients: Sequence[int]) -> dict[tuple[str, int], float]:
    rates = {}
    for many in clients:
        with tempfile.TemporaryDirectory(prefix="clients-") as root, ExitStack() as stack:
            settings = {"uri": uri, "artifacts": artifacts, "root": root, "count": RUNS_EACH[many]}
            # The numbers differ from those of earlier rounds, so that each round creates new runs.
            numbers = [100 * many + number for number in range(many)]
            first = stack.enter_context(Child("benchmarks.ours.mirror", {**settings, "number": numbers[0]}))
            first.wait()  # creates the store if it does not exist
            others = [
                stack.enter_context(Child("benchmarks.ours.mirror", {**settings, "number": number}))
                for number in numbers[1:]
            ]
            children = [first, *others]
            for child in others:
                child.wait()
            rates["runs", many] = many * RUNS_EACH[many] / _run_together(children, what="runs")
            points = NUMBERS * many * EPOCHS_EACH[many]
            rates["epochs", many] = points / _run_together(children, what="epochs", times=EPOCHS_EACH[many])
    return rates


def _run_together(children: Sequence[Child], **request: Any) -> float:
    """Send a request to all clients at the same time; return the seconds from the first start to the last end."""
    with ThreadPoolExecutor(len(children)) as pool:
        responses = list(pool.map(lambda child: child.request(**request), children))
    return max(response["ended"] for response in responses) - min(response["started"] for response in responses)


def _full(uri: str, artifacts: str | None, database: Mapping[str, str], runs: int) -> dict[str, Any]:
    """Fill PostgreSQL with copies of one run; return the seconds of each query, the size and the rate of mirroring."""
    with tempfile.TemporaryDirectory(prefix="clients-") as root:
        settings = {"uri": uri, "artifacts": artifacts, "root": root, "count": 1, "number": 0}
        with Child("benchmarks.ours.mirror", settings) as child:
            child.request(what="runs")
    started = time.perf_counter()
    for statement in _copies(runs):
        psql("mlflow", statement, database)
    filled = time.perf_counter() - started
    print(f"{runs:,} runs copied in {filled:.0f} s", flush=True)
    size = psql("mlflow", "select pg_size_pretty(pg_database_size('mlflow'))", database)
    store = Store(uri, None)
    seconds = {name: _median_seconds(query) for name, query in _queries(store, runs).items()}
    with tempfile.TemporaryDirectory(prefix="clients-") as root:
        settings = {"uri": uri, "artifacts": artifacts, "root": root, "count": RUNS_EACH[1], "number": 9}
        with Child("benchmarks.ours.mirror", settings) as child:
            rate = RUNS_EACH[1] / _run_together([child], what="runs")
    return {"seconds": seconds, "size": size, "rate": rate}


def _copies(runs: int) -> list[str]:
    """Return the statements that copy the only run with its metrics, params and tags."""
    series = f"generate_series(1, {runs - 1}) as number"
    run_id = "md5('run' || number)"
    kept = (
        "lifecycle_stage, artifact_uri, experiment_id, name, source_type, source_name, entry_point_name, user_id, "
        "status, end_time, deleted_time, source_version"
    )
    numbers = "key, value, timestamp, step, is_nan"
    value = (
        "case when key in ('config_hash', 'training') then md5(key || number) || md5('more' || number) else value end"
    )
    return [
        _copy("runs", f"start_time, {kept}", f"start_time + number, {kept}", run_id, series),
        _copy("metrics", numbers, numbers, run_id, series),
        _copy("latest_metrics", numbers, numbers, run_id, series),
        _copy("params", "key, value", "key, value", run_id, series),
        _copy("tags", "key, value", f"key, {value}", run_id, series),
        "analyze",
    ]


def _copy(table: str, columns: str, values: str, run_id: str, series: str) -> str:
    return f"insert into {table} (run_uuid, {columns}) select {run_id}, {values} from {table}, {series}"  # noqa: S608  # ours


def _queries(store: Store, runs: int) -> dict[str, Callable[[], object]]:
    """Return the queries of the commands and the UI, by description."""
    import hashlib

    digest = hashlib.md5(f"config_hash{runs // 2}".encode()).hexdigest()  # noqa: S324  # as PostgreSQL computed it
    training = hashlib.md5(f"training{runs // 2}".encode()).hexdigest()  # noqa: S324
    experiment = store.experiment_id("default")

    def page(order: str, condition: str = "") -> Callable[[], object]:
        return lambda: store.client.search_runs([experiment], condition, max_results=100, order_by=[order])

    return {
        "one run before it starts: `train`": lambda: list(
            store.search(f"tags.`training` = '{training}'", [experiment])
        ),
        "one run by its hash: `reproduce`": lambda: list(store.search(f"tags.config_hash LIKE '{digest[:12]}%'")),
        "first page, newest first: opening the UI": page("attributes.start_time DESC"),
        "first page by test accuracy: sorting in the UI": page("metrics.test_accuracy DESC"),
        "runs above an accuracy: search in the UI": page("attributes.start_time DESC", "metrics.test_accuracy > 0.9"),
        "runs of one variant: search in the UI": page("attributes.start_time DESC", "tags.variant = 'bilstm'"),
    }


def _median_seconds(query: Callable[[], object]) -> float:
    seconds = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        query()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds[1:])


def _page(rates: Mapping[str, Mapping[tuple[str, int], float]], full: Mapping[str, Any], options: Any) -> str:
    metadata = machine.describe()
    lines = ["# Capacity of a tracking store", "", *(__doc__ or "").strip().splitlines(), ""]
    lines += [f"Measured {now()} on {metadata['cpu']}, {metadata['cores']} cores, {metadata['memory_gib']} GiB memory;"]
    lines += [f"{metadata['system']}, mlflow {metadata['packages']['mlflow']}."]
    for what, label in LABELS.items():
        heads = " | ".join(f"{many} client{'s' * (many > 1)}" for many in options.clients)
        lines += ["", f"| {label} | {heads} |", f"| --- |{' ---: |' * len(options.clients)}"]
        for name, values in rates.items():
            lines.append(f"| {name} | " + " | ".join(f"{values[what, many]:.1f}" for many in options.clients) + " |")
    many = max(options.clients)
    lines += ["", f"| PostgreSQL at {many} clients, relative to | runs | numbers |", "| --- | ---: | ---: |"]
    for name in (SQLITE, SERVER_SQLITE):
        each = [rates[SERVER_POSTGRES][what, many] / rates[name][what, many] for what in LABELS]
        lines.append(f"| {name} | {each[0]:.2f} | {each[1]:.2f} |")
    lines += ["", f"## PostgreSQL with {options.runs:,} runs of one study", ""]
    lines += [f"The database holds {full['size']}; one client mirrors {full['rate']:.1f} runs/s into it.", ""]
    lines += ["| query | seconds |", "| --- | ---: |"]
    lines += [f"| {name} | {seconds:.2f} |" for name, seconds in full["seconds"].items()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
