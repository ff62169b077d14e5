#!/usr/bin/env python3
"""How many schedules each strategy of `conc check` needs to the first bug.

    benches/strategies.py [--conc PATH] [--trials 20] [--cap 10000] > docs/strategies-table.md

A trial is `conc check --strategy S --seed T --runs CAP --until CODE`: its
number of schedules is the number up to and with the first that shows the bug
(an assertion, a deadlock: what the published runs count; a race is none
there). The mean is over the trials that found it; (k) says in how many they
did where that is not all, - that none did. The published figures are those of
the SURW artifact (zhaohuanqdcn/SURW, 20 trials, 10,000 schedules at the most):
other programs for another machine model, so compare the order, not the digits.
"""
import argparse
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
STRATEGIES = ["random", "pct", "surw"]

# Subject: file, -D, the bug, published random walk, PCT-3, SURW.
SUBJECTS = [
    ("reorder_5", "benches/sctbench/reorder.conc", ["N=5"], "assertion", "-", "647", "10"),
    ("reorder_10", "benches/sctbench/reorder.conc", ["N=10"], "assertion", "-", "3225 (16)", "17"),
    ("reorder_50", "benches/sctbench/reorder.conc", ["N=50"], "assertion", "n/a", "3304 (6)", "13"),
    ("twostage_20", "benches/sctbench/twostage.conc", ["N=20"], "assertion", "-", "159", "6"),
    ("deadlock01", "benches/sctbench/deadlock01.conc", [], "deadlock", "3", "13", "2"),
    ("stringbuffer", "benches/sctbench/stringbuffer.conc", [], "assertion", "2243 (19)", "281", "8"),
    ("WorkStealQueue", "benches/sctbench/work_steal_queue.conc", [], "assertion", "n/a", "48", "6"),
    ("bluetooth_driver", "scenarios/corpus/sc-bluetooth_driver_bad.conc", [], "assertion", "215", "112", "70"),
    ("wronglock", "scenarios/corpus/sc-wronglock_bad.conc", [], "assertion", "36", "51", "7"),
    ("din_phil3", "scenarios/corpus/sc-din_phil3_sat.conc", [], None, "", "", ""),
    ("phase01", "scenarios/corpus/sc-phase01_bad.conc", [], None, "", "", ""),
    ("sync01", "scenarios/corpus/sc-sync01_bad.conc", [], None, "", "", ""),
]


def corpus():
    """The other programs of the corpus, with the first code each expects."""
    folder = os.path.join(ROOT, "scenarios/corpus")
    known = {os.path.basename(s[1]) for s in SUBJECTS}
    for name in sorted(os.listdir(folder)):
        if name.endswith(".conc") and name not in known and not name.startswith("sc-SafeStack"):
            yield (name[:-5], f"scenarios/corpus/{name}", [], None, "", "", "")


def bug_of(path):
    codes = [l.split()[1] for l in open(os.path.join(ROOT, path)) if l.startswith("expect ")]
    codes = [c for c in codes if c not in ("ok", "some", "every")]
    return next((c for c in codes if c not in ("race", "lock-order")), codes[0] if codes else None)


def trial(conc, path, defines, code, strategy, seed, cap):
    """The schedules up to the bug, or None."""
    line = [conc, "check", path, "--strategy", strategy, "--runs", str(cap), "--seed", str(seed),
            "--until", code, "--format", "json"]
    for define in defines:
        line += ["-D", define]
    out = subprocess.run(line, cwd=ROOT, capture_output=True, text=True).stdout
    lines = [json.loads(l) for l in out.splitlines()]
    found = any(l["type"] == "finding" and l["code"] == code for l in lines)
    return lines[-1]["schedules"] if found else None


def cell(counts, trials):
    found = [c for c in counts if c is not None]
    if not found:
        return "-"
    mean = sum(found) / len(found)
    text = f"{mean:.1f}" if mean < 10 else f"{mean:.0f}"
    return text if len(found) == trials else f"{text} ({len(found)})"


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("--conc", default=os.path.join(ROOT, "target/release/conc"))
    args.add_argument("--trials", type=int, default=20)
    args.add_argument("--cap", type=int, default=10_000)
    args = args.parse_args()
    print("| subject | bug | random | pct | surw | published: random | PCT-3 | SURW |")
    print("|---|---|---|---|---|---|---|---|")
    for name, path, defines, code, *published in [*SUBJECTS, *corpus()]:
        code = code or bug_of(path)
        if code is None:
            continue
        cells = []
        for strategy in STRATEGIES:
            counts = [trial(args.conc, path, defines, code, strategy, seed, args.cap)
                      for seed in range(1, args.trials + 1)]
            cells.append(cell(counts, args.trials))
        print(f"| {name} | {code} | {' | '.join([*cells, *published])} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
