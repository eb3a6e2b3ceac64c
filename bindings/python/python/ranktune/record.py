"""See and change what is remembered of models: results of earlier tunings, from which rank predicts the best."""

# Written by `UPDATE_DOCS=1 cargo test --release -p ranktune-cli reference` from the definitions of the command line: do not edit.

from __future__ import annotations

from ._results import Rows
from ._run import Many, Progress, Text, rows, run

__all__ = ["add", "forget", "import_", "list"]


def list(
    *,
    model: Text | float | None = None,
    data: Text | float | None = None,
    metric: Text | float | None = None,
    protocol: Text | float | None = None,
    record: Text | None = None,
    shipped: bool = False,
    progress: Progress = None,
) -> Rows:
    """List remembered results.

    Parameters
    ----------
    model : str or number, optional
        Name, repository (hf:ORG/NAME) or digest of a model.
    data : str or number, optional
        Name or digest of a data set.
    metric : str or number, optional
        Metric.
    protocol : str or number, optional
        Protocol.
    record : str or path, optional
        The record, a file of JSON lines [default: RANKTUNE_RECORD, or record.jsonl in the
        user's data folder].
    shipped : bool, optional
        List the published results that ranktune ships with instead.
    progress : callable, optional
        Called with a `ranktune.Step` as long work goes on. `ranktune.bars` shows bars of tqdm.

    Returns
    -------
    list of dict

    Raises
    ------
    ranktune.InputError
        The arguments or the input are unusable (a ValueError).
    ranktune.FileError
        A file cannot be found, read or written (an OSError).
    """
    return rows(run(
        ("record", "list",),
        {
            "--model": model,
            "--data": data,
            "--metric": metric,
            "--protocol": protocol,
            "--record": record,
            "--shipped": shipped,
            "--format": "jsonl",
        },
        (),
        progress,
    ))


def add(
    files: Many | None = None,
    *,
    model: Text | float | None = None,
    data: Text | float | None = None,
    value: Text | float | None = None,
    metric: Text | float | None = None,
    protocol: Text | float | None = None,
    digest: Text | float | None = None,
    hub_id: Text | float | None = None,
    family: Text | float | None = None,
    source: Text | float | None = None,
    date: Text | float | None = None,
    dry_run: bool = False,
    record: Text | None = None,
    progress: Progress = None,
) -> None:
    """Add one result, or those of files that tune and study wrote.

    Parameters
    ----------
    files : str or path, or a sequence of them, optional
        Folders of tuned models, their training.json, or records (.jsonl).
    model : str or number, optional
        Name of the model.
    data : str or number, optional
        Name of the data set.
    value : str or number, optional
        The value: a share such as 0.912, or 91.2%.
    metric : str or number, optional
        Metric [default: accuracy].
    protocol : str or number, optional
        How it was measured [default: by ranktune tune with its default method].
    digest : str or number, optional
        Digest of the model's files, as in ranking.json.
    hub_id : str or number, optional
        Repository of the model.
    family : str or number, optional
        Family of the model, such as resnet: results of a family count for its other members,
        too.
    source : str or number, optional
        Where the value is from [default: ].
    date : str or number, optional
        The day, such as 2026-03-01 [default: ].
    dry_run : bool, optional
        Print what would be added, and add nothing.
    record : str or path, optional
        The record, a file of JSON lines [default: RANKTUNE_RECORD, or record.jsonl in the
        user's data folder].
    progress : callable, optional
        Called with a `ranktune.Step` as long work goes on. `ranktune.bars` shows bars of tqdm.

    Raises
    ------
    ranktune.InputError
        The arguments or the input are unusable (a ValueError).
    ranktune.FileError
        A file cannot be found, read or written (an OSError).
    """
    run(
        ("record", "add",),
        {
            "--model": model,
            "--data": data,
            "--value": value,
            "--metric": metric,
            "--protocol": protocol,
            "--digest": digest,
            "--hub-id": hub_id,
            "--family": family,
            "--source": source,
            "--date": date,
            "--dry-run": dry_run,
            "--record": record,
        },
        (files,),
        progress,
    )


def import_(
    table: Text,
    *,
    data: Text | float | None = None,
    metric: Text | float | None = None,
    protocol: Text | float | None = None,
    source: Text | float | None = None,
    scores: Many | None = None,
    dry_run: bool = False,
    record: Text | None = None,
    progress: Progress = None,
) -> None:
    """Add the results of a CSV table made elsewhere.

    Parameters
    ----------
    table : str or path
        A CSV table with the columns model, dataset and accuracy; also metric, digest, hub id,
        family, protocol, rung, source and date.
    data : str or number, optional
        Data set of a table without that column.
    metric : str or number, optional
        Metric of rows that name none, and name of the column with its values [default:
        accuracy].
    protocol : str or number, optional
        How the values were measured, for rows that do not say: results of different protocols
        are not compared directly [default: unknown].
    source : str or number, optional
        Where the values are from [default: the name of the table].
    scores : str or path, or a sequence of them, optional
        Columns that are scores.
    dry_run : bool, optional
        Read the table and print its notes, and add nothing.
    record : str or path, optional
        The record, a file of JSON lines [default: RANKTUNE_RECORD, or record.jsonl in the
        user's data folder].
    progress : callable, optional
        Called with a `ranktune.Step` as long work goes on. `ranktune.bars` shows bars of tqdm.

    Raises
    ------
    ranktune.InputError
        The arguments or the input are unusable (a ValueError).
    ranktune.FileError
        A file cannot be found, read or written (an OSError).
    """
    run(
        ("record", "import",),
        {
            "--data": data,
            "--metric": metric,
            "--protocol": protocol,
            "--source": source,
            "--scores": scores,
            "--dry-run": dry_run,
            "--record": record,
        },
        (table,),
        progress,
    )


def forget(
    *,
    model: Text | float | None = None,
    data: Text | float | None = None,
    metric: Text | float | None = None,
    protocol: Text | float | None = None,
    record: Text | None = None,
    dry_run: bool = False,
    progress: Progress = None,
) -> Rows:
    """Delete results of a model, a data set, a metric or a protocol.

    Parameters
    ----------
    model : str or number, optional
        Name, repository (hf:ORG/NAME) or digest of a model.
    data : str or number, optional
        Name or digest of a data set.
    metric : str or number, optional
        Metric.
    protocol : str or number, optional
        Protocol.
    record : str or path, optional
        The record, a file of JSON lines [default: RANKTUNE_RECORD, or record.jsonl in the
        user's data folder].
    dry_run : bool, optional
        Print what would be deleted, and delete nothing.
    progress : callable, optional
        Called with a `ranktune.Step` as long work goes on. `ranktune.bars` shows bars of tqdm.

    Returns
    -------
    list of dict

    Raises
    ------
    ranktune.InputError
        The arguments or the input are unusable (a ValueError).
    ranktune.FileError
        A file cannot be found, read or written (an OSError).
    """
    return rows(run(
        ("record", "forget",),
        {
            "--model": model,
            "--data": data,
            "--metric": metric,
            "--protocol": protocol,
            "--record": record,
            "--dry-run": dry_run,
        },
        (),
        progress,
    ))
