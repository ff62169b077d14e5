#!/usr/bin/env python3
"""Times `conc check` side by side with SPIN and Harmony and prints a table.

    benches/check.py --peers DIR [--runs N] [--limit SECONDS] [--only WORK]
                     [--conc PATH] [--spin PATH] [--harmony PATH]

DIR has the peers' models, `spin/NAME.pml` and `harmony/NAME.hny`. For each
workload the programs take turns (A B C A B C ...), from start to verdict: of
SPIN that is `spin -a`, the C compiler and `pan` together, and `pan` alone is
told beside it. Medians of the wall time; memory is the operating system's own
figure of the finished process. What takes longer than the limit is cut and not
run again.
"""
import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
BFS = "-DSAFETY -DBFS -DMEMLIM=8000"
# name, what; conc's arguments; SPIN: model, defines, of the C compiler, of pan;
# Harmony: model, constants; the goal in seconds.
WORK = [
    ("phil 10", "10 philosophers, 2 meals, the deadlock", ["--first", "phil.conc"],
     ("phil", "-DN=10 -DK=2", BFS, ""), ("phil", "N=10 K=2"), 0.1),
    ("phil 10", "the same with two threads", ["--jobs", "2", "--first", "phil.conc"], None, None, 0.1),
    ("ordered 7", "7 ordered philosophers, 2 meals, proof", ["ordered.conc"],
     ("phil", "-DN=7 -DK=2 -DORDERED", "", ""), ("phil", "N=7 K=2 ORDERED=True"), 0.5),
    ("ordered 9", "9 ordered philosophers, 2 meals, proof", ["-D", "N=9", "ordered.conc"],
     ("phil", "-DN=9 -DK=2 -DORDERED", "", ""), ("phil", "N=9 K=2 ORDERED=True"), 10),
    ("lost", "lost update, 4 tasks x 3, all outcomes", ["lost.conc"],
     ("lost", "-DN=4 -DK=3", "", "-m1000000 -c0 -E"), ("lost", "N=4 K=3"), 0.1),
    ("buffer", "bounded buffer 2 x 2 x 3 with conditions, proof", ["buffer.conc"],
     ("bbuf", "", "", ""), ("bbuf", ""), 0.05),
    ("readers", "readers and writers 3 x 2 x 2, proof", ["readers.conc"],
     ("rw", "", "", ""), ("rw", ""), 0.05),
    ("big", "5 tasks x 6 steps, proof", ["big.conc"],
     ("big", "-DM=4001", "", ""), ("big", "M=4001"), 1),
    ("big", "the same with two threads", ["--jobs", "2", "big.conc"], None, None, 1),
    ("raw", "4 tasks x 3 rounds without any reduction", ["--no-reduction", "-D", "N=4", "raw.conc"],
     ("big", "-DN=4 -DM=4001", "-DSAFETY -DNOREDUCE -DMEMLIM=8000", ""), None, None),
    ("raw", "the same with two threads", ["--jobs", "2", "--no-reduction", "-D", "N=4", "raw.conc"],
     None, None, None),
    ("raw 5", "5 tasks x 3 rounds without any reduction", ["--no-reduction", "raw.conc"], None, None, None),
    ("raw 5", "the same with two threads", ["--jobs", "2", "--no-reduction", "raw.conc"], None, None, None),
]


class Ran:
    """One run of a program: its time in seconds, its memory in MB, its output."""

    def __init__(self, command, folder, limit):
        began = time.monotonic()
        child = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                 text=True, start_new_session=True)
        text = []
        reader = threading.Thread(target=lambda: text.append(child.stdout.read()))
        reader.start()
        self.cut = False
        timer = threading.Timer(limit, self.end, [child])
        timer.start()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        timer.cancel()
        self.seconds = time.monotonic() - began
        reader.join()
        self.out = text[0]
        self.megabytes = usage.ru_maxrss / 1024

    def end(self, child):
        self.cut = True
        os.killpg(child.pid, 9)


def number(pattern, text):
    found = re.search(pattern, text)
    return int(float(found[1])) if found else None


def conc(args, work):
    jobs = [] if "--jobs" in work[2] else ["--jobs", "1"]
    ran = Ran([args.conc, "check", "--color", "never", "-q"] + jobs + work[2], os.path.join(HERE, "check"), args.limit)
    found = re.findall(r"error\[([a-z-]+)\]", ran.out)
    return ran, ", ".join(sorted(set(found))) or "ok"


def spin(args, work, folder):
    model, defines, compiler, pan = work[3]
    source = os.path.join(args.peers, "spin", model + ".pml")
    first = Ran([args.spin, "-a"] + defines.split() + [source], folder, args.limit)
    flags = (compiler or "-DSAFETY -DMEMLIM=8000").split()
    second = Ran(["gcc", "-O2", "-w"] + flags + ["-o", "pan", "pan.c"], folder, args.limit)
    ran = Ran(["./pan"] + (pan or "-m1000000").split(), folder, args.limit)
    alone = ran.seconds
    ran.seconds += first.seconds + second.seconds
    errors = number(r"errors: (\d+)", ran.out)
    told = "out of memory" if re.search(r"max(imum)? memory|out of memory", ran.out) else \
        "ok" if errors == 0 else f"{errors} errors"
    return ran, alone, number(r"([\d.e+]+) states, stored", ran.out), told


def harmony(args, work, folder):
    model, constants = work[4]
    shutil.copy(os.path.join(args.peers, "harmony", model + ".hny"), folder)
    flags = sum((["-c", c] for c in constants.split()), [])
    ran = Ran([args.harmony, "--noweb"] + flags + [model + ".hny"], folder, args.limit)
    verdict = re.search(r"\*\*(.*?)\*\*", ran.out)
    return ran, number(r"\* (\d+) states", ran.out), verdict[1].lower() if verdict else "?"


def seconds(value):
    return f"{value * 1e3:.0f} ms" if value < 1 else f"{value:.1f} s"


def cell(runs, told, states):
    """The median of runs, or that it was cut."""
    if any(r.cut for r in runs):
        return f"cut at {seconds(max(r.seconds for r in runs))}, {max(r.megabytes for r in runs):.0f} MB"
    memory = statistics.median(r.megabytes for r in runs)
    count = f", {states:,} states" if states else ""
    return f"{seconds(statistics.median(r.seconds for r in runs))} ({told}{count}, {memory:.0f} MB)"


def row(args, work):
    ours, spins, alones, harmonies = [], [], [], []
    told = dict.fromkeys(["conc", "spin", "harmony"], "?")
    states = dict.fromkeys(["conc", "spin", "harmony"])
    for _ in range(args.runs):
        ran, told["conc"] = conc(args, work)
        ours.append(ran)
        with tempfile.TemporaryDirectory() as folder:
            if work[3] and not any(r.cut for r in spins):
                ran, alone, states["spin"], told["spin"] = spin(args, work, folder)
                spins.append(ran)
                alones.append(alone)
            if work[4] and args.harmony and not any(r.cut for r in harmonies):
                ran, states["harmony"], told["harmony"] = harmony(args, work, folder)
                harmonies.append(ran)
    jobs = [] if "--jobs" in work[2] else ["--jobs", "1"]
    full = Ran([args.conc, "check", "--format", "json"] + jobs + work[2], os.path.join(HERE, "check"), args.limit)
    states["conc"] = number(r'"states":(\d+)', full.out)
    rate = number(r'"transitions":(\d+)', full.out)
    own = statistics.median(r.seconds for r in ours)
    met = "" if work[5] is None else ("met" if own < work[5] and not ours[0].cut else "**not met**")
    ratio = lambda runs: f"{statistics.median(r.seconds for r in runs) / own:.1f}" if runs else ""
    goal = f"below {seconds(work[5])}" if work[5] else ""
    if rate and not full.cut and work[5] is None:
        took = re.search(r'"duration_ms":([\d.]+)', full.out)
        goal = f"{rate / float(took[1]) / 1e3:.2f} M transitions/s" if took else ""
    pan = f"; `pan` alone {seconds(statistics.median(alones))}" if alones and not spins[0].cut else ""
    harmony_cell = cell(harmonies, told["harmony"], states["harmony"]) if harmonies else ""
    spin_cell = cell(spins, told["spin"], states["spin"]) if spins else ""
    print(f"| {work[1]} | {goal} | {cell(ours, told['conc'], states['conc'])} | {met} | "
          f"{spin_cell}{pan} | {ratio(spins)} | {harmony_cell} | {ratio(harmonies)} |",
          flush=True)


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--peers", required=True)
    args.add_argument("--runs", type=int, default=3)
    args.add_argument("--limit", type=float, default=60)
    args.add_argument("--only")
    args.add_argument("--conc", default=os.path.join(HERE, "../target/release/conc"))
    args.add_argument("--spin", default=shutil.which("spin"))
    args.add_argument("--harmony", default=shutil.which("harmony"))
    args = args.parse_args()
    args.conc = os.path.abspath(args.conc)
    if not args.spin:
        sys.exit("spin is not installed")
    print("| work | goal | conc check | | SPIN | SPIN / conc | Harmony | Harmony / conc |")
    print("|---|---|---|---|---|---|---|---|")
    for work in WORK:
        if not args.only or args.only in work[0]:
            row(args, work)


if __name__ == "__main__":
    main()
