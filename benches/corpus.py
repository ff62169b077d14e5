#!/usr/bin/env python3
"""Which known bugs of scenarios/corpus/ a run shows: the table of docs/corpus.md.

    benches/corpus.py [--runs N] [--conc PATH] [FOLDER]

For each script and each failure that its `expect` lines name: in how many of N
single runs it was found, and in how many of N rounds of ten runs with --shake.
A finding that is not expected, a crash and a run without end are told, and the
exit code is then 1.
"""
import argparse
import glob
import json
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
args = argparse.ArgumentParser()
args.add_argument("--runs", type=int, default=20)
args.add_argument("--conc", default=os.path.join(HERE, "../target/release/conc"))
args.add_argument("folder", nargs="?", default=os.path.join(HERE, "../scenarios/corpus"))
args = args.parse_args()


def found(path, *options):
    """The codes of the failures of one command."""
    # A run may go round for ever once it has gone wrong (sc-SafeStack).
    command = [args.conc, "run", "--format", "json", "--time-limit", "5s", *options, path]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=90)
    if done.returncode not in (0, 1, 3):
        raise RuntimeError(f"exit code {done.returncode}: {done.stderr.strip()[:200]}")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {f["code"] for f in lines if f["type"] == "finding" and f["severity"] == "failure"}


def main():
    wrong = []
    print("| script | known | single runs that show it | ten runs with `--shake` that do |")
    print("|---|---|---|---|")
    for path in sorted(glob.glob(os.path.join(args.folder, "*.conc"))):
        name = os.path.basename(path)[:-5]
        with open(path) as f:
            expected = re.findall(r"^expect ([a-z-]+)", f.read(), re.M)
        known = sorted(set(expected) - {"ok", "some", "every"})
        once, ten = {}, {}
        for _ in range(args.runs):
            for counts, options in ((once, []), (ten, ["--shake", "--repeat", "10"])):
                try:
                    for code in found(path, *options):
                        counts[code] = counts.get(code, 0) + 1
                        if code not in known:
                            wrong.append(f"{name}: {code} is not expected")
                except (RuntimeError, subprocess.TimeoutExpired) as error:
                    wrong.append(f"{name}: {error}")
        for code in known or ["nothing"]:
            share = lambda counts: "" if code == "nothing" else f"{counts.get(code, 0)} of {args.runs}"
            print(f"| `{name}` | {code} | {share(once)} | {share(ten)} |", flush=True)
    for line in sorted(set(wrong)):
        print(line, file=sys.stderr)
    sys.exit(bool(wrong))


main()
