#!/usr/bin/env python3
"""Times `conc run` side by side with peers and prints a table of ratios.

    benches/compare.py [--runs N] [--conc PATH] [--peers FILE.json]

For each workload the programs take turns (A B C A B C ...), whole process
each, so that a drift of the machine's speed meets all alike; medians of the
wall time are compared. Python peers are built in; FILE.json adds others, as
{"counter-lock": {"Go -race": ["./work-race", "counter-lock"], ...}, ...}.
A peer that prints a line `T <nanoseconds> <operations> ...` is taken at that
word for the work alone, which leaves its start-up out in its favour.
"""
import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
WORK = ["counter-race", "counter-lock", "queue", "procq", "mpmc", "pingpong", "pingproc",
        "proc-serial", "thread-serial", "pool-threads", "pool-procs", "hello", "deadlock"]

PYTHON = {
    "counter-race": """
import threading
x = 0
def add():
    global x
    for _ in range(1000000): x += 1
ts = [threading.Thread(target=add) for _ in range(2)]
[t.start() for t in ts]; [t.join() for t in ts]
""",
    "counter-lock": """
import threading
x = 0; m = threading.Lock()
def add():
    global x
    for _ in range(1000000):
        with m: x += 1
ts = [threading.Thread(target=add) for _ in range(2)]
[t.start() for t in ts]; [t.join() for t in ts]
""",
    "thread-serial": """
import threading
for _ in range(10000):
    t = threading.Thread(target=int); t.start(); t.join()
""",
    "proc-serial": """
import multiprocessing as mp
mp.set_start_method('fork')
for _ in range(500):
    p = mp.Process(target=int); p.start(); p.join()
""",
    "hello": "print('hello')",
}


def run(command):
    before = time.monotonic_ns()
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    wall = time.monotonic_ns() - before
    told = re.search(r"^T (\d+) ", done.stdout or "", re.M)
    return int(told[1]) if told else wall


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--runs", type=int, default=5)
    args.add_argument("--conc", default=os.path.join(HERE, "../target/release/conc"))
    args.add_argument("--peers")
    args.add_argument("--only")
    args = args.parse_args()
    more = json.load(open(args.peers)) if args.peers else {}
    print("| work | conc, ms | peer | peer, ms | conc / peer |")
    print("|---|---|---|---|---|")
    for work in WORK:
        if args.only and args.only not in work:
            continue
        peers = {"conc": [args.conc, "run", "-q", os.path.join(HERE, work + ".conc")]}
        if work in PYTHON:
            peers["CPython"] = [sys.executable, "-c", PYTHON[work]]
        peers.update(more.get(work, {}))
        times = {name: [] for name in peers}
        for _ in range(args.runs):
            for name, command in peers.items():
                times[name].append(run(command) / 1e6)
        conc = statistics.median(times["conc"])
        for name in [n for n in peers if n != "conc"] or [None]:
            if name is None:
                print(f"| {work} | {conc:.1f} | | | |")
                continue
            ratio = statistics.median(a / b for a, b in zip(times["conc"], times[name]))
            print(f"| {work} | {conc:.1f} | {name} | {statistics.median(times[name]):.1f} | {ratio:.2f} |", flush=True)


main()
