#!/usr/bin/env python3
"""Times `conc run` side by side with its peers and prints the table of docs/speed.md.

    benches/compare.py --peers FOLDER [--runs N] [--conc PATH] [--only WORD] [--build FOLDER]

FOLDER holds the peers' programs: `native/` (Rust with std, crossbeam-channel
and libc), `go/`, `c/`, `python/work.py`. They are built first where their
compiler is there, in `--build` if they are to be kept, else in a folder of this
run's own that goes with it; without `--peers` conc is timed alone. For each row the
programs take turns (A B C A B C ...), so that a drift of the machine's speed
meets all alike. A peer's time is the one that it measured itself, of the work
alone, and so is conc's (`duration_ms` of its JSON report: from before the first
process of the script is made until all tasks have ended and all processes are
buried). The ratio is the median of the ratios of the pairs. Beside it stands
conc's whole process, from its start to its end, with reading the script, and
with giving all memory back. Where that is what counts, and where a peer says
nothing, whole processes are compared.
"""
import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
args = argparse.ArgumentParser()
args.add_argument("--runs", type=int, default=7)
args.add_argument("--conc", default=os.path.join(HERE, "../target/release/conc"))
args.add_argument("--peers")
args.add_argument("--build")
args.add_argument("--only", default="")
args = args.parse_args()

if args.build is None:
    temporary = tempfile.TemporaryDirectory(prefix="conc-peers-")
    args.build = temporary.name

LOCK_ALONE = """
#include <pthread.h>
static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
static void *idle(void *a) { return a; }
int main(void) {
    pthread_t t;  /* a process that has had a thread does not leave its locks out */
    pthread_create(&t, 0, idle, 0);
    pthread_join(t, 0);
    for (volatile int i = 0; i < 1000000; i++) { pthread_mutex_lock(&m); pthread_mutex_unlock(&m); }
}
"""


def built(*parts):
    return os.path.join(args.build, *parts)


def build():
    """The peers' programs; what cannot be built is left out of the table."""
    os.makedirs(args.build, exist_ok=True)
    with open(built("lock.c"), "w") as f:
        f.write(LOCK_ALONE)
    source = os.path.join(args.peers, "c/work.c")
    env = {**os.environ, "CARGO_TARGET_DIR": built("target")}
    go = os.path.join(args.peers, "go")
    for command, folder in [
        (["cc", "-O2", "-o", built("lock"), built("lock.c"), "-lpthread"], None),
        (["cc", "-O1", "-g", "-fsanitize=thread", "-o", built("c-tsan"), source, "-lpthread"], None),
        (["go", "build", "-o", built("go-plain"), "./work"], go),
        (["go", "build", "-race", "-o", built("go-race"), "./work"], go),
        (["cargo", "build", "-q", "--release"], os.path.join(args.peers, "native")),
    ]:
        if shutil.which(command[0]):
            subprocess.run(command, cwd=folder, env=env, check=False)


def native(*work):
    return [built("target/release/native"), *work]


def python(*work):
    return [sys.executable, os.path.join(args.peers or "", "python/work.py"), *work]


def go_race(work):
    return [built("go-race"), work]


def tsan(work):
    return [built("c-tsan"), work]


# Where a whole process is what a user waits for.
WHOLE = {"hello", "deadlock"}

# The work, how many operations it is, the peers, and the goal for each: conc's
# time in the peer's at the most.
ROWS = [
    ("counter-race", 2_000_000, [("CPython", python("counter-race"), 1), ("Go -race", go_race("counter-race"), 1),
                                 ("C with TSan", tsan("counter-race"), None)]),
    ("counter-lock", 2_000_000, [("Go -race", go_race("counter-lock"), 0.5), ("C with TSan", tsan("counter-lock"), 0.5),
                                 ("CPython", python("counter-lock"), None), ("native mutex", native("counter-lock"), None)]),
    ("lock-alone", 1_000_000, [("pthread mutex", [built("lock")], 3)]),
    ("queue", 200_000, [("Go -race", go_race("queue"), 1), ("CPython", python("queue-threads"), 1 / 30),
                        ("crossbeam", native("queue-crossbeam"), None)]),
    ("procq", 200_000, [("multiprocessing.Queue", python("procq"), 1 / 50), ("shared ring", native("procq-ring"), None)]),
    ("mpmc", 200_000, [("Go -race", go_race("mpmc"), 1), ("crossbeam", native("mpmc-crossbeam"), None),
                       ("CPython", python("mpmc-threads"), None)]),
    ("pingpong", 100_000, [("crossbeam", native("pingpong-crossbeam"), 3), ("CPython", python("pingpong-threads"), None)]),
    ("pingproc", 100_000, [("shared ring", native("pingproc-ring"), 3), ("CPython", python("pingpong-procs"), None)]),
    ("proc-serial", 500, [("multiprocessing.Process", python("proc-serial"), 1 / 3), ("bare fork", native("proc-serial"), 2)]),
    ("thread-serial", 10_000, [("native", native("thread-serial"), 1.5), ("CPython", python("thread-serial"), None),
                               ("C with TSan", tsan("thread-serial"), None)]),
    ("pool-threads", 10_000, [("Go -race", go_race("pool"), 1), ("CPython", python("pool-threads"), None)]),
    ("pool-procs", 10_000, [("multiprocessing.Pool", python("pool-procs"), 1 / 5), ("sockets", native("pool-procs"), None)]),
    ("hello", 1, [("CPython", [sys.executable, "-c", "print('hello')"], None)]),
    ("deadlock", 1, []),
]


def run(command):
    """In nanoseconds: what it says of the work alone, if it does, and its whole process."""
    before = time.monotonic_ns()
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    wall = time.monotonic_ns() - before
    told = re.search(r"^T (\d+) ", done.stdout or "", re.M)
    if told:
        return int(told[1]), wall
    told = re.search(r'^\{"type":"summary".*"duration_ms":([\d.]+)', done.stdout or "", re.M)
    return (float(told[1]) * 1e6 if told else None), wall


def per(ns):
    return f"{ns:.0f} ns" if ns < 1e3 else f"{ns / 1e3:.2f} us" if ns < 1e6 else f"{ns / 1e6:.2f} ms"


def row(work, operations, peers):
    commands = {"conc": [args.conc, "run", "--format", "json", os.path.join(HERE, work + ".conc")]}
    commands.update({name: command for name, command, _ in peers if args.peers and shutil.which(command[0])})
    times = {name: [] for name in commands}
    for turn in range(args.runs):
        # To and fro, since what one leaves behind in the system is felt by the next one.
        for name in list(commands)[:: -1 if turn % 2 else 1]:
            times[name].append(run(commands[name]))

    def column(name, is_whole):
        return [wall if is_whole or alone is None else alone for alone, wall in times[name]]

    def show(values):
        return per(statistics.median(values) / operations)

    whole = show(column("conc", True))
    if len(commands) == 1:
        print(f"| {work} | {show(column('conc', work in WHOLE))} | {whole} | | | | | |", flush=True)
    for name, _, goal in peers:
        if name not in commands:
            continue
        is_whole = work in WHOLE or any(alone is None for alone, _ in times[name])
        conc, peer = column("conc", is_whole), column(name, is_whole)
        ratio = statistics.median(a / b for a, b in zip(conc, peer))
        goal = "" if goal is None else f"{goal:.2g}"
        kept = "" if not goal else "yes" if ratio <= float(goal) else "no"
        cells = [work, show(conc), whole, name, show(peer), f"{ratio:.3g}", goal, kept]
        print("| " + " | ".join(cells) + " |", flush=True)


def main():
    if args.peers:
        args.peers = os.path.abspath(args.peers)
        build()
    print("| work | conc | its whole process | peer | peer | conc / peer | goal, at most | kept |")
    print("|---|---|---|---|---|---|---|---|")
    for work, operations, peers in ROWS:
        if args.only in work:
            row(work, operations, peers)


main()
