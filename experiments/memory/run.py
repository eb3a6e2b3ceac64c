"""Memory and speed of `ranktune score` on a file that is larger than memory may be: `python experiments/memory/run.py`.

Makes n × 2,048 f32 features (8 GB for n = 1,000,000) as .npy, then as four safetensors shards, then (with pyarrow) as Parquet, one after
the other, scores each, and prints the peak of resident memory by the operating system's account (`VmHWM` of
`/proc`, as the maximum that `wait4` gives counts this script's own memory, which the child starts with), the seconds, the seconds of reading the file alone, and the score. Files are deleted after use.
"""

import argparse
import json
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
import time

try:
    import numpy as np
except ImportError:
    sys.exit("this experiment needs NumPy: pip install numpy")

CLASSES = 100
BLOCK = 20_000


def labels_of(n):
    return np.random.default_rng(1).integers(0, CLASSES, n)


def blocks(n, d):
    """Rows of one random block, shifted by class and turned by block: cheap to make, no two blocks the same."""
    rng = np.random.default_rng(0)
    base = rng.standard_normal((BLOCK, d), dtype=np.float32)
    centres = rng.standard_normal((CLASSES, d), dtype=np.float32) * np.float32(0.2)
    labels = labels_of(n)
    for number, start in enumerate(range(0, n, BLOCK)):
        rows = min(BLOCK, n - start)
        yield start, np.roll(base, 37 * number, axis=1)[:rows] + centres[labels[start : start + rows]]


def write_npy(folder, n, d):
    path = folder / "features.npy"
    with open(path, "wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": (n, d)})
        for _, rows in blocks(n, d):
            rows.tofile(file)
    return [path]


def write_safetensors(folder, n, d, shards=4):
    paths, size = [], n // shards
    source = blocks(n, d)
    rest = np.empty((0, d), dtype=np.float32)
    for shard in range(shards):
        rows = size if shard < shards - 1 else n - size * (shards - 1)
        path = folder / f"features-{shard}.safetensors"
        header = json.dumps({"features": {"dtype": "F32", "shape": [rows, d], "data_offsets": [0, rows * d * 4]}}).encode()
        with open(path, "wb") as file:
            file.write(struct.pack("<Q", len(header)) + header)
            left = rows
            while left:
                if not len(rest):
                    rest = next(source)[1]
                rest[:left].tofile(file)
                rest, left = rest[left:], left - min(left, len(rest))
        paths.append(path)
    return paths


def write_parquet(folder, n, d):
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = folder / "features.parquet"
    schema = pa.schema([("features", pa.list_(pa.float32(), d))])
    with pq.ParquetWriter(path, schema, compression="none", use_dictionary=False) as writer:
        for _, rows in blocks(n, d):
            array = pa.FixedSizeListArray.from_arrays(pa.array(rows.ravel()), d)
            writer.write_table(pa.table([array], schema=schema), row_group_size=5_000)
    return [path]


def watch(pid, peak):
    """The child's peak of resident memory in KiB, as long as it runs."""
    while True:
        try:
            status = pathlib.Path(f"/proc/{pid}/status").read_text()
        except OSError:
            return
        if "VmHWM" in status and "ranktune" in status.split("\n")[0]:
            peak[0] = max(peak[0], int(status.split("VmHWM:")[1].split()[0]))
        time.sleep(0.02)


def run(args, name, folder, write):
    start = time.perf_counter()
    paths = write(folder, args.n, args.d)
    targets, done = [], 0
    labels = labels_of(args.n)
    for i, path in enumerate(paths):
        rows = args.n // len(paths) if i < len(paths) - 1 else args.n - done
        np.save(folder / f"labels-{i}.npy", labels[done : done + rows])
        targets.append(folder / f"labels-{i}.npy")
        done += rows
    print(f"{name}: made {sum(p.stat().st_size for p in paths) / 1e9:.1f} GB in {time.perf_counter() - start:.0f} s", flush=True)
    start = time.perf_counter()
    for path in paths:
        with open(path, "rb", buffering=0) as file:
            while file.read(1 << 23):
                pass
    reading = time.perf_counter() - start
    command = [args.ranktune, "score", "--features", ",".join(map(str, paths)), "--targets", ",".join(map(str, targets)), "--format", "json"]
    for more in ([], ["--standard-errors"]) if args.standard_errors and name == "npy" else ([],):
        start = time.perf_counter()
        child = subprocess.Popen([*command, *more], stdout=subprocess.PIPE)
        peak = [0]
        watcher = threading.Thread(target=watch, args=(child.pid, peak), daemon=True)
        watcher.start()
        out = child.stdout.read()
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - start
        if status:
            sys.exit(f"{name}: failed")
        logme = json.loads(out)["scores"]["logme"]
        error = f" ± {logme['standard_error']:.6f}" if "standard_error" in logme else ""
        print(
            f"{name} {' '.join(more)}: peak {peak[0] / 1024:.0f} MiB resident, {seconds:.1f} s "
            f"({usage.ru_utime + usage.ru_stime:.1f} s of CPU; reading alone {reading:.1f} s), logme {logme['value']:.9f}{error}",
            flush=True,
        )
    for path in paths:
        path.unlink()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ranktune", default="target/release/ranktune")
    parser.add_argument("-n", type=int, default=1_000_000)
    parser.add_argument("-d", type=int, default=2_048)
    parser.add_argument("--folder", help="where the files are made; default: the system's temporary folder")
    parser.add_argument("--formats", nargs="*", default=["npy", "safetensors", "parquet"])
    parser.add_argument("--standard-errors", action="store_true", help="also with --standard-errors (ten groups), for .npy")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        need = args.n * args.d * 4 * 1.05
        if shutil.disk_usage(folder).free < need:
            sys.exit(f"needs {need / 1e9:.1f} GB free in {folder}")
        for name in args.formats:
            try:
                run(args, name, pathlib.Path(folder), {"npy": write_npy, "safetensors": write_safetensors, "parquet": write_parquet}[name])
            except ImportError as error:
                print(f"{name}: left out, {error}")


if __name__ == "__main__":
    main()
