//! What is called otherwise in other languages and their libraries: methods of objects, of
//! tasks, of lists and of values, and functions. It owns these tables, and says what to write
//! here; when one is asked is the compiler's affair.

use crate::lang::ast::Arg;
use crate::lang::parse::{NO_DICTIONARY, duration_of};

/// What is meant with a method of the list `xs`, which has none.
pub(super) fn list_method(method: &str, xs: &str, args: &[Arg], source: &str) -> Option<String> {
    let given = args.last().map_or("v", |arg| arg.value.span.text(source));
    Some(match method {
        "append" | "push" | "push_back" | "insert" => format!("a list is a value: `{xs} = {xs} + [{given}]`"),
        "extend" if args.is_empty() => format!("a list is a value: `{xs} = {xs} + ys`"),
        "extend" => format!("a list is a value: `{xs} = {xs} + {given}`"),
        method if matches!((method, given), ("pop", "0") | ("pop_front" | "popleft" | "shift", _)) => {
            format!("a list is a value: `{xs}[0]` is its first element, `{xs} = {xs}[1..]` leaves it out")
        }
        "pop" | "pop_back" | "remove" => {
            format!("a list is a value: `{xs}[-1]` is its last element, `{xs} = {xs}[..-1]` leaves it out")
        }
        "len" | "length" | "size" | "count" => format!("write `len({xs})`"),
        "contains" | "includes" | "index" => format!("write `{given} in {xs}`"),
        _ => return None,
    })
}

/// As most languages write a method: Go's begin with a capital.
pub(super) fn in_small(method: &str) -> String {
    match method.split_at_checked(1) {
        Some((first, rest)) => format!("{}{rest}", first.to_ascii_lowercase()),
        None => method.to_owned(),
    }
}

/// What the methods of Python's threads and processes are here, of `w`, which may
/// be known to have been spawned; `given` is the argument.
pub(super) fn handle_method(method: &str, w: &str, is_handle: bool, given: Option<&str>) -> Option<String> {
    Some(match method {
        "join" | "wait_for" | "await" => match given.and_then(duration_of) {
            Some(time) => format!("write `join {w} for {time}`"),
            None => format!("write `join {w}`"),
        },
        "start" | "run" if is_handle => return Some("leave the call out: what was spawned runs already".to_owned()),
        "start" | "run" => format!("write `spawn {w}`"),
        "kill" => format!("write `kill {w}`"),
        "cancel" | "stop" | "interrupt" => {
            format!("write `terminate {w}`; jobs are dropped with their pool alone: `p.terminate()`")
        }
        "is_alive" | "isAlive" | "is_running" => format!("write `{w}.alive`"),
        "exitcode" | "returncode" => format!("write `{w}.exit_code`"),
        "getName" | "get_name" => format!("write `{w}.name`"),
        "get_ident" | "ident" | "getpid" => format!("write `{w}.pid`"),
        "lock" => format!("write `with {w} {{ }}`"),
        "unlock" => format!("write `{w}.release()`"),
        "push" | "append" | "send" => format!("write `{w}.put(v)`"),
        "pop" | "recv" | "receive" => format!("write `{w}.get()`"),
        "signal" => format!("write `{w}.notify()`"),
        "broadcast" => format!("write `{w}.notify_all()`"),
        "done" if is_handle => format!("write `not {w}.alive`"),
        "done" => format!("write `{w}.count_down()`"),
        _ => return None,
    })
}

/// What a method of the value in `place` is here, where other languages have an object around
/// it. `given` is the argument.
pub(super) fn value_method(method: &str, place: &str, given: Option<&str>) -> Option<String> {
    // However it is written: `getValue`, `get_value`.
    Some(match (method.replace('_', "").to_lowercase().as_str(), given) {
        ("get" | "read" | "value" | "getvalue" | "val" | "getplain", None) => {
            format!("its name alone is its value: write `{place}`")
        }
        ("set" | "write" | "setvalue" | "assign" | "put" | "setplain", given) => {
            format!("write `{place} = {}`", given.unwrap_or("1"))
        }
        ("getlock", None) => "declare `lock m` beside it: `with m { }` around every access".to_owned(),
        _ => return None,
    })
}

/// What a field of a task's handle `w` is here.
pub(super) fn task_field(field: &str, w: &str) -> Option<String> {
    Some(match field.replace('_', "").to_lowercase().as_str() {
        "value" | "return" | "returnvalue" | "ret" | "output" | "res" | "get" => {
            format!("write `{w}.result`, after `join {w}`")
        }
        "isalive" | "running" | "isrunning" => format!("write `{w}.alive`"),
        "done" | "isdone" | "finished" => format!("write `not {w}.alive`"),
        "id" | "ident" | "tid" | "nativeid" => format!("write `{w}.pid`"),
        _ => return None,
    })
}

/// What a function of other languages' libraries is here, as a sentence; `given` is what it is
/// called with.
pub(super) fn foreign_call(name: &str, given: &[&str]) -> Option<String> {
    let first = given.first().copied();
    let (of, called) = match name {
        "pthread_mutex_lock" | "mtx_lock" => ("m", "acquire()"),
        "pthread_mutex_trylock" | "mtx_trylock" => ("m", "acquire(blocking: false)"),
        "pthread_mutex_unlock" | "mtx_unlock" => ("m", "release()"),
        "pthread_rwlock_rdlock" => ("rw", "acquire_read()"),
        "pthread_rwlock_wrlock" => ("rw", "acquire_write()"),
        "pthread_cond_wait" | "cnd_wait" => ("c", "wait()"),
        "pthread_cond_signal" | "cnd_signal" | "notify" => ("c", "notify()"),
        "pthread_cond_broadcast" | "cnd_broadcast" => ("c", "notify_all()"),
        "pthread_barrier_wait" => ("b", "wait()"),
        "sem_wait" => ("s", "acquire()"),
        "sem_trywait" => ("s", "acquire(blocking: false)"),
        "sem_post" => ("s", "release()"),
        "close" => ("q", "close()"),
        "pthread_join" | "thrd_join" => return Some(format!("write `join {}`", first.unwrap_or("w"))),
        name => return foreign_function(name).map(str::to_owned),
    };
    Some(format!("write `{}.{called}`", first.filter(|name| !name.is_empty()).unwrap_or(of)))
}

/// Whether a name that is not defined is a module of other languages.
pub(super) fn is_module(name: &str) -> bool {
    matches!(
        name,
        "threading"
            | "multiprocessing"
            | "asyncio"
            | "concurrent"
            | "subprocess"
            | "os"
            | "sys"
            | "time"
            | "random"
            | "signal"
            | "logging"
            | "math"
            | "contextlib"
            | "functools"
            | "itertools"
            | "collections"
            | "ctypes"
            | "sync"
            | "runtime"
            | "fmt"
            | "errors"
            | "context"
            | "std"
            | "System"
    )
}

fn foreign_function(name: &str) -> Option<&'static str> {
    Some(match name {
        "println" | "Println" | "printf" | "Printf" | "Print" | "puts" | "echo" | "log" | "write" | "say"
        | "fprintf" | "print" | "eprintln" => "write `print x`",
        "sleep" | "Sleep" | "usleep" | "nanosleep" | "delay" => "write `sleep 10ms`",
        "exit" | "Exit" | "_exit" | "quit" | "abort" => "write `exit`, or `exit 1`",
        "Gosched" | "sched_yield" | "yield_now" | "yield" | "onSpinWait" => "write `yield`",
        "pthread_exit" => "write `return`",
        "AddInt32" | "AddInt64" | "AddUint32" | "AddUint64" => "write `x += 1`, where `atomic x = 0` is declared",
        "LoadInt32" | "LoadInt64" | "StoreInt32" | "StoreInt64" => {
            "the name of an `atomic x = 0` is its value, and `x = 1` stores"
        }
        "CompareAndSwapInt32" | "CompareAndSwapInt64" => "write `x.cas(old, new)`, where `atomic x = 0` is declared",
        "main" => "what stands outside of all blocks is `main`: it runs by itself, so leave this out",
        "as_completed" | "asCompleted" | "wait_any" => "wait for one after the other: `for h in hs { join h }`",
        "iter" => "go over a queue until it is closed: `for v in q { }`",
        "joinall" | "join_all" | "wait_all" | "waitall" | "gather" => "write `join all`",
        "kill" => "`kill w` and `terminate w` end what `spawn process` gave",
        "Thread" | "go" | "pthread_create" | "start_new_thread" | "create_task" | "ensure_future" | "run"
        | "thrd_create" => "a thread is started with `spawn worker`",
        "Process" | "Popen" | "system" => "a process is started with `spawn process worker`",
        "Pool" | "ThreadPool" | "ThreadPoolExecutor" | "ProcessPoolExecutor" => "a pool is declared: `pool p(3)`",
        "Lock" | "Mutex" | "mutex" => "a lock is declared: `lock m`",
        "RLock" => "a lock that its owner may take again is declared: `lock m reentrant`",
        "RWLock" | "RWMutex" | "RwLock" => "a lock for readers and writers is declared: `rwlock rw`",
        "Semaphore" | "BoundedSemaphore" => "a semaphore is declared: `semaphore s(2)`",
        "Condition" | "Cond" | "Condvar" => "a condition is declared: `condition c(m)`",
        "Event" => "an event is declared: `event e`",
        "Barrier" => "a barrier is declared: `barrier b(3)`",
        "WaitGroup" | "CountDownLatch" => "a latch is declared: `latch l(3)`",
        "Queue" | "SimpleQueue" | "channel" | "chan" | "make" => "a queue is declared: `queue q(3)`",
        "Manager" => "a manager's queue is declared: `queue q(3) via manager`",
        "Value" | "Array" => "memory that processes share is declared: `shared x = 0`, `shared row[3] = 0`",
        "fork" => "write `fork()`",
        "wait" | "waitpid" => "write `wait()`, or `wait(pid)`",
        "getpid" | "current_process" => "write `self.pid`",
        "getppid" => "write `self.ppid`",
        "get_ident" | "gettid" | "get_native_id" => "write `self.tid`",
        "current_thread" | "currentThread" => "write `self.name`",
        "random" | "randint" | "rand" | "choice" | "randrange" | "Intn" => "write `choose(1..7)`, or `choose([a, b])`",
        "range" => "a range is written `0..3`",
        "time" | "now" | "perf_counter" | "monotonic" => "`sleep 10ms` waits; there is no clock to read",
        "input" | "open" | "read" | "scanf" => "a script reads nothing; `-D N=7` sets a `const`",
        "enumerate" | "zip" | "map" | "filter" => "go over numbers: `for i in 0..len(xs) { }`",
        "assertEqual" | "assertTrue" | "assert_eq" => "write `assert x == 1`",
        "panic" | "throw" | "error" | "Exception" => "write `raise \"text\"`",
        "type" | "isinstance" => "a value's kind cannot be asked",
        "float" | "bool" => "there are integers, bools, strings, durations and lists",
        "dict" | "Dict" | "HashMap" | "hashmap" => NO_DICTIONARY,
        "list" | "set" | "tuple" => "a list is `[1, 2]`; a record is made of a `struct`",
        "append" => "build a new list: `xs = xs + [v]`",
        "atomic" | "AtomicInteger" | "atomic_int" => "atomic memory is declared: `atomic x = 0`",
        "local" | "ThreadLocal" => "a `let` is of the task alone that it stands in: write `let x = 0` in the task",
        "Sum" | "sum" => "add in a loop: `for v in xs { total += v }`",
        _ => return None,
    })
}

/// What stands for taking and releasing a condition, whose lock is called something.
pub(super) const WITH_ITS_LOCK: &str = "with m { }";

/// What Python calls it.
pub(super) fn python_method(kind: &str, method: &str) -> Option<&'static str> {
    Some(match (kind, method) {
        ("queue", "put_no_wait") => "put_nowait",
        ("queue", "get_no_wait") => "get_nowait",
        ("queue", "task_done" | "join") => "`latch l(n)` and `l.count_down()`, or `join` of the tasks",
        ("queue", "size" | "len" | "length" | "count") => "qsize()",
        ("queue", "is_empty" | "isEmpty") => "empty()",
        ("queue", "is_full" | "isFull") => "full()",
        ("queue", "send" | "push" | "append" | "enqueue") => "put(v)",
        ("queue", "recv" | "receive" | "pop" | "take" | "dequeue") => "get()",
        ("lock" | "semaphore", "lock" | "take" | "wait" | "p" | "down") => "acquire()",
        ("lock" | "semaphore", "unlock" | "free" | "signal" | "v" | "up" | "post") => "release()",
        ("lock", "is_locked") => "locked()",
        ("condition", "notifyAll" | "broadcast") => "notify_all()",
        ("condition", "signal" | "notify_one" | "notifyOne") => "notify()",
        ("event", "isSet") => "is_set()",
        ("latch", "done") => "count_down()",
        ("pool", "apply_async" | "submit" | "map" | "apply") => "submit job(1) to p",
        ("pool", "join" | "wait") => "join p",
        ("pool", "shutdown") => "`p.close()`, then `join p`",
        ("pool", "stop" | "cancel") => "p.terminate()",
        ("condition", "wait_for" | "wait_until") => "`while not (x == 1) { c.wait() }`",
        ("condition", "acquire" | "lock" | "release" | "unlock") => WITH_ITS_LOCK,
        ("rwlock", "Lock") => "acquire_write()",
        ("rwlock", "Unlock") => "release_write()",
        ("lock" | "semaphore", "Lock" | "acquire_lock") => "acquire()",
        ("rwlock", "rlock" | "RLock" | "acquire" | "read_lock" | "lock") => "acquire_read()",
        ("rwlock", "runlock" | "RUnlock" | "release" | "unlock" | "read_unlock") => "release_read()",
        ("rwlock", "wlock" | "write_lock") => "acquire_write()",
        ("lock" | "semaphore", "Unlock" | "V" | "Release") => "release()",
        (
            "lock" | "semaphore",
            "try_lock" | "tryLock" | "try_acquire" | "TryLock" | "trylock" | "tryacquire" | "tryAcquire",
        ) => "acquire(blocking: false)",
        ("rwlock", "try_read" | "try_acquire_read" | "tryacquire_read" | "tryReadLock" | "TryRLock" | "try_rdlock") => {
            "acquire_read(blocking: false)"
        }
        (
            "rwlock",
            "try_write" | "try_acquire_write" | "tryacquire_write" | "tryWriteLock" | "TryLock" | "try_wrlock",
        ) => "acquire_write(blocking: false)",
        ("queue", "try_get" | "poll" | "try_recv") => "get_nowait()",
        ("queue", "try_put" | "offer" | "try_send") => "put_nowait(v)",
        ("event", "signal" | "trigger" | "notify" | "fire") => "set()",
        ("event", "reset" | "unset") => "clear()",
        ("event", "isset" | "IsSet") => "is_set()",
        ("barrier", "arrive" | "await" | "arrive_and_wait") => "wait()",
        ("latch", "Done" | "arrive" | "countdown") => "count_down()",
        ("latch", "Add") => "add(n)",
        ("latch", "count" | "getCount" | "get_count") => "value()",
        ("semaphore", "count" | "getvalue" | "get_value" | "permits" | "availablePermits") => "value()",
        ("latch", "Wait" | "await" | "join") => "wait()",
        _ => return None,
    })
}
