"""A million rows through `ranktune rank`, and hubs of up to 10,000 models: `python experiments/memory/scale.py GLOVE`.

GLOVE is a folder of a model that costs next to nothing, such as examples/hub/glove-50d-1k. Prints wall-clock seconds, processor seconds,
the peak of resident memory as the operating system reports it, and rows or models per processor second.
"""

import argparse
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time

WORDS = "rain sun cloud storm bread soup rice cheese game team goal score vote law court senate".split()


def run(name, count, command):
    begun = time.perf_counter()
    process = subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    peak = 0
    # The maximum that wait4 gives starts with the memory of this script.
    while (found := os.wait4(process.pid, os.WNOHANG))[0] == 0:
        try:
            status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
            peak = max([peak, *(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))])
        except OSError:
            pass
        time.sleep(0.02)
    wall, usage = time.perf_counter() - begun, found[2]
    process.returncode = os.waitstatus_to_exitcode(found[1])
    if process.returncode not in (0, 1):
        sys.exit(f"{command} failed")
    cpu = usage.ru_utime + usage.ru_stime
    print(f"| {name} | {count:,} | {wall:.1f} | {cpu:.1f} | {peak // 1024} | {count / cpu:,.0f} |", flush=True)


def rows(folder, count):
    random.seed(1)
    with open(folder / "rows.csv", "w", encoding="utf-8") as file:
        file.write("text,label\n")
        for row in range(count):
            kind = row % 4
            word = WORDS[4 * kind + random.randrange(4)]
            file.write(f"{random.choice(WORDS)} {random.choice(WORDS)} {word} {row},{'abcd'[kind]}\n")
    return folder / "rows.csv"


def hub(folder, model, count):
    """A manifest of `count` models, which share one file on the disk."""
    copy = folder / "model"
    if not copy.exists():
        copy.mkdir()
        for name in ["model.onnx", "tokenizer.json", "config.json"]:
            (copy / name).write_bytes((model / name).read_bytes())
    manifest = folder / f"hub-{count}.toml"
    with open(manifest, "w", encoding="utf-8") as file:
        for number in range(count):
            own = folder / f"hub-{count}" / f"m{number:05}"
            own.mkdir(parents=True)
            for each in copy.iterdir():
                os.link(each, own / each.name)
            license = "mit" if number == 7 else "apache-2.0"
            file.write(f'[[models]]\npath = "hub-{count}/m{number:05}"\nlicense = "{license}"\n\n')
    return manifest


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("--ranktune", default="target/release/ranktune")
    parser.add_argument("--rows", type=int, nargs="*", default=[100_000, 1_000_000])
    parser.add_argument("--models", type=int, nargs="*", default=[100, 1_000, 10_000])
    options = parser.parse_args()
    print("| what | count | seconds | processor seconds | peak MiB | per processor second |")
    print("|---|---:|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for count in options.rows:
            data = ["--data", rows(folder, count), "--no-cache", "--format", "json"]
            run("rows through rank --no-cache", count, [options.ranktune, "rank", "--hub", options.model, *data])
        few = ["--data", rows(folder, 200), "--no-cache", "--license", "mit"]
        for count in options.models:
            manifest = hub(folder, options.model, count)
            run("models through hub list", count, [options.ranktune, "hub", "list", manifest])
            run("models through a filter by license", count, [options.ranktune, "rank", "--hub", manifest, *few])


if __name__ == "__main__":
    main()
