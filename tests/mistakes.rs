//! What people type who know other languages: each mistake has one error, on its
//! line, with the mend; and two of them in one script are both told, whatever they
//! are.

use conc::lang::error::{ScriptError, Sort};
use conc::lang::parse::parse_all;
use conc::objects::KINDS;
use conc::program::compile::{analyse, compile};

/// What the mistakes are made with.
const BEFORE: &str = "lock m
var x = 0
shared row[3] = 0
queue q(3)
queue far(1) via manager
condition bell(m)
event go_on
barrier meeting(2)
latch done(2)
semaphore seats(1)
pool crew(2)
lock many[2]
rwlock books[2]
rwlock book
struct R { lock mu; var v = 0 }
task w { x += 1 }
task w2(a, b = 2) { x += a + b }
fn f(a) { return a }
";

/// A statement of a task's, or an item of the script's.
#[derive(Clone, Copy, PartialEq)]
enum At {
    Task,
    Top,
}
use At::{Task, Top};

/// A mistake, what is said of it, and a part of the mend.
const MISTAKES: &[(At, &str, &str, &str)] = &[
    // Form.
    (Task, "if x == 1 && x == 2 { print 1 }", "`&&` is not an operator", "write `and`"),
    (Task, "if x == 1: { print 1 }", "no `:` stands before a block", "leave the `:` out"),
    (Task, "if x == 1 then { print 1 }", "there is no `then`", "write the `{`"),
    (Task, "if { print 1 }", "`if` needs a condition", "write `if x == 1 { }`"),
    (Task, "x++", "`++` is not an operator", "write `x += 1`"),
    (Task, "x =+ 1", "`=+` is not an operator", "write `+=`"),
    (Task, "let l = [1 2]", "expected `,` or `]`, found `2`", "stand behind commas"),
    (Task, "let l = {1, 2}", "a value does not begin with `{`", "a list is `[1, 2]`"),
    (Task, "let total = (1", "this `(` is not closed", "write `)`"),
    (Task, "print x)", "this `)` closes nothing", "take it out"),
    (Task, "print \"a", "this string is not closed", "close it"),
    (Task, "print 1.5", "`1.5` is not a whole number", "numbers are integers"),
    (Task, "print \"a\" \"b\"", "what is printed stands behind commas", "write `print \"a\", \"b\"`"),
    (Task, "for (i in 0..3) { x += 1 }", "the head of a `for` has no parentheses", "write `for i in 0..3 { }`"),
    (Task, "for i = 0; i < 3; i++ { x += 1 }", "`for` goes over values", "write `for i in 0..3 { }`"),
    (Task, "switch x { case 1: print 1 }", "there is no `switch`", "else if"),
    (Task, "select { q.get() -> { x += 1 } }", "the arms of a `select` are written with `=>`", "`q.get() => { }`"),
    (Task, "try { x += 1 } catch { x = 2 }", "`catch` does not say what", "write `catch any { }`"),
    (Task, "synchronized(m) { x += 1 }", "a lock is taken with `with`", "write `with m { }`"),
    (Task, "go { x += 1 }", "`go` does not begin a block", "write `spawn { }`"),
    (Task, "go w()", "`go` does not begin a statement", "write `spawn w()`"),
    (Task, "static x = 3", "there is no `static`", "leave the word out"),
    (Task, "new R()", "there is no `new`", "write `R()`"),
    (Task, "let l = new Lock()", "there is no `new`", "write `lock()`"),
    (Task, "print 1 print 2", "the statement before should have ended here", "a new line or `;`"),
    (Task, "print \"\"\"a\"\"\"", "a string stands between two `\"`", "write `\"a\"`"),
    (Task, "spawn print 1", "what is spawned is a task or a block", "write `spawn { print 1 }`"),
    (Task, "select { sleep 1s => { x += 1 } }", "an arm is no `sleep`", "write `after 1s => { }`"),
    (Task, "select { after 1s { x += 1 } }", "an arm needs its `=>`", "write `after 1s => { }`"),
    (Task, "loop 3 { x += 1 }", "a `loop` goes round without end", "write `repeat 3 { }`"),
    (Task, "joinall", "`joinall` alone does nothing", "write `join all`"),
    (Task, "terminate x, 15", "which signal it is goes without saying", "`kill w` SIGKILL"),
    (Task, "let r = R{v: 1}", "a record is made with parentheses", "write `R(v: 1)`"),
    (Task, "sleep -1ms", "`sleep` takes a time from 0 on, not -1ms", "no time before now"),
    (Task, "m.acquire(timeout: -1s)", "`timeout` takes a time from 0 on, not -1s", "leave `timeout` out to wait"),
    (Task, "let h = spawn w; join h for -1s", "`for` takes a time from 0 on, not -1s", "no time before now"),
    (Task, "select { after -1s => { x += 1 } }", "`after` takes a time from 0 on, not -1s", "no time before now"),
    (Task, "print q[0]", "an index takes a list, a string or a row, not a queue", "`q.get()`"),
    (Task, "m[0].acquire()", "an index takes a list, a string or a row, not a lock", "`lock m[2]`"),
    (Task, "print f[0]", "an index takes a list, a string or a row, not a fn", "`f(…)`"),
    (Task, "print 5[0]", "an index takes a list, a string or a row, not an integer", ""),
    (Task, "yield()", "`yield` takes no value: it lets another task go first", "write `yield`"),
    (Task, "assert(x == 1, \"why\")", "`assert` is a statement", "write `assert x == 1, \"why\"`"),
    (Task, "join w for", "expected an expression, found the end of the line", "a value stands here"),
    (Task, "sleep 5", "`sleep` takes a duration", "`sleep 5ms`"),
    (Task, "loop { break 5 }", "`break` takes no value", "write `break` alone"),
    (Task, "while x < 3 { continue 5 }", "`continue` takes no value", "write `continue` alone"),
    (Task, "loop { break if x == 1 }", "an `if` stands before what it decides", "write `if c { break }`"),
    (Task, "try { q.get_nowait() } catch Empty | Full { }", "`|` has no meaning here", "`catch Empty, Full { }`"),
    (
        Task,
        "try { q.get_nowait() } catch Empty or Full { }",
        "kinds of error stand behind commas",
        "`catch Empty, Full { }`",
    ),
    (Task, "join all timeout: 5ms", "a time to wait stands behind `for`", "write `join all for 5ms`"),
    (Task, "let h = spawn w; join h timeout 5ms", "a time to wait stands behind `for`", "write `join h for 5ms`"),
    (Task, "let h = spawn w; join h, 5ms", "a time to wait stands behind `for`", "write `join h for 5ms`"),
    (Task, "x = 3 – 2", "`–` has no meaning here", "write `-`"),
    (Task, "x = 3 — 2", "`—` has no meaning here", "write `-`"),
    (Task, "x = −2", "`−` has no meaning here", "write `-`"),
    (Task, "await x == 1, 5ms", "`await` has no time limit", "after 5ms => { }"),
    (Task, "spawn w as \"\"", "a task's name is not empty", "leave `as` out"),
    (Top, "struct S { var a = 1, var b = 2 }", "the fields of a struct are not separated by `,`", "one field a line"),
    (Top, "fn g(int a) { return 1 }", "parameters have no types", "leave the type out"),
    (Top, "void h(a) { return 1 }", "`void` does not begin a function", "write `fn h(…) { }`"),
    (Top, "const A = B\nconst B = 2", "`B` is defined further down", "write `const B` above this one"),
    (Top, "import threading", "there is nothing to import", "leave the line out"),
    (Top, "var busy = false", "`busy` is a word of the language and cannot be a name", "such as `busy_`"),
    (Top, "queue yield", "`yield` is a word of the language and cannot be a name", "such as `yield_`"),
    (
        Task,
        "select { join = q.get() => { x += 1 } }",
        "`join` is a word of the language and cannot be a name",
        "`join_`",
    ),
    (Task, "let r = R(kill: 1)", "`kill` is a word of the language and cannot be a name", "such as `kill_`"),
    // Names, methods, arguments.
    (Task, "print true < false", "`<` cannot take a bool", "it takes integers, durations and strings"),
    (Task, "print nope", "`nope` is not defined", "`let nope = …`"),
    (Task, "spawn nope()", "`nope` is not defined", "`task nope() { }`"),
    (Task, "print nope.a.b", "`nope` is not defined", "`let nope = …`"),
    (Task, "nope.a.get()", "`nope` is not defined", "`let nope = …`"),
    (Task, "print q.a.b", "a queue has no field `a`", "it has methods"),
    (Task, "q.put_no_wait(1)", "a queue has no method `put_no_wait`", "write `put_nowait`"),
    (Task, "m.Lock()", "a lock has no method `Lock`", "write `acquire()`"),
    (Task, "crew.shutdown()", "a pool has no method `shutdown`", "write `p.close()`, then `join p`"),
    (Task, "spawn process(w)", "`process` is not defined", "write `spawn process w`"),
    (Task, "print x.value", "nothing has a field `value`", "its name alone is its value: write `x`"),
    (Task, "main()", "`main` is not defined", "it runs by itself"),
    (Task, "os.kill(1, 9)", "there is no module `os`", "`terminate w` end"),
    (Top, "latch wg", "a latch needs its argument `count`", "write `latch wg(3)`; its arguments: count"),
    (Top, "condition cv", "a condition needs its argument `lock`", "write `condition cv(m)`"),
    (Task, "crew.shut()", "a pool has no method `shut`", "its methods: close, terminate"),
    (Task, "w.join()", "a task's definition has no method `join`", "`let w = spawn w`, then `join w`"),
    (Task, "let h = spawn w; h.terminate()", "a task has no method `terminate`", "write `terminate h`"),
    (Task, "let h = spawn w; spawn { h.wait() }", "a task has no method `wait`", "write `join h`"),
    (Task, "for h in spawn w x3 { h.get() }", "a task has no method `get`", "write `join h`, then `h.result`"),
    (Task, "let hs = spawn w x3; hs.terminate()", "a list of tasks has no method `terminate`", "for h in hs"),
    (Task, "q.put()", "`put` of a queue needs its argument `v`", "v, blocking: true, timeout: none"),
    (Task, "go_on.set(true)", "`set` of an event takes no argument", "leave the arguments out"),
    (Task, "q.get(block=x)", "`get` of a queue has no parameter `block`", "did you mean `blocking`?"),
    (Task, "spawn w2(a = 1)", "arguments of a task or fn are not named", "in their order"),
    (Task, "f(1, 2)", "`f` takes 1 argument, and here it gets 2", "write `f(a)`"),
    (Task, "fmt.Println(1)", "there is no module `fmt`", "write `print x`"),
    (Task, "R(v: 1, v: 2)", "`v` is given twice", "keep one"),
    (Task, "let x = 3", "`x` is defined twice", "write `x = …`"),
    (Task, "break", "`break` outside a loop", "`return` ends a task"),
    (Task, "m = 3", "`m` is a lock, not a variable", "its methods"),
    (Task, "row = 1", "`row` is a row of 3 places", "row[0]"),
    // Kinds.
    (
        Task,
        "join w",
        "`join` takes what `spawn` gave, a list of it or a pool, not a task's definition",
        "`let w = spawn w`",
    ),
    (Task, "terminate w", "`terminate` takes what `spawn` gave, not a task's definition", "then `terminate w`"),
    (Task, "kill m", "`kill` takes what `spawn` gave, not a lock", "`kill w`"),
    (Task, "repeat m { x += 1 }", "`repeat` takes an integer, not a lock", "write `repeat 3 { }`"),
    (Task, "for i in 3 { x += 1 }", "`for` goes over a range, a list or a queue, not an integer", "write `0..3`"),
    (Task, "sleep \"5ms\"", "`sleep` takes a duration, not a string", "without quotes: `5ms`"),
    (Task, "q.get(timeout: 5)", "`timeout` takes a duration, not an integer", "`5ms`"),
    (Task, "len(q)", "`len` takes a list or a string, not a queue", "write `q.qsize()`"),
    (Task, "print \"a\" + 1", "`+` cannot take a string and an integer", "str(x)"),
    (Task, "if 1 { print 1 }", "a condition is true or false, not an integer", "compare it"),
    (Task, "print m + 1", "`m` is a lock, not a number", "`m.locked()`"),
    (Task, "let made = queue(-1)", "a queue's size is at least 0, and this is -1", "such as `queue(2)`"),
    (
        Task,
        "select { v = far.get() => { } }",
        "a queue behind a manager cannot be an arm of a `select`",
        "without `via manager`",
    ),
    (
        Task,
        "atomically { sleep 5ms }",
        "an `atomically` block must not wait, and `sleep` would make it",
        "before the block",
    ),
    (
        Task,
        "atomically { let child = fork() }",
        "an `atomically` block is one task's, and `fork()` would make two that are in it",
        "fork before the block",
    ),
    // Declarations, what is expected.
    (Top, "semaphore s(-1)", "a semaphore's value is at least 0, and this is -1", "such as `semaphore s(2)`"),
    (Top, "pool p(0)", "a pool's number of workers is at least 1, and this is 0", "such as `pool p(2)`"),
    (Top, "lock twice reentrant reentrant", "`reentrant` is said twice", "keep one"),
    (Top, "mutex mu", "`mutex` is no kind of object", "write `lock mu`"),
    (Top, "condition c(q)", "this must name a lock", "declare one"),
    (Top, "var y", "`var y` has no first value", "write `var y = 0`"),
    (Top, "invariant q.get() == 1", "an `invariant` looks from outside, and this calls `get`", "without a change"),
    (Top, "expect race on rwo", "`rwo` is not defined", "did you mean `row`?"),
    (Top, "expect some", "`expect some` needs its condition", "write `expect some x == 1`"),
    // Of other languages, and of other kinds.
    (Task, "print [1, 2][0:1]", "a part of a list is written with `..`", "write `xs[1..2]`"),
    (Task, "with 5 { x += 1 }", "`with` takes a lock or a semaphore, not an integer", "`lock m` declares one"),
    (Task, "print 1 in \"1\"", "`in` looks for a string in a string, not for an integer", "write `str(x) in s`"),
    (Task, "print 5ms * 5ms", "`*` cannot take a duration and a duration", "a duration times an integer"),
    (Task, "w = 5", "`w` is not a variable", "`let x = …` for a local"),
    (Task, "join all crew", "`join all` waits for every task, and names none", "write `join crew`"),
    (Task, "spawn w as w1", "`w1` is not defined", "`as \"w1\"`"),
    (Task, "try { x += 1 } catch fault { x = 2 }", "`fault` is no kind of error", "`catch any as fault { }`"),
    (Task, "try { x += 1 } catch any as e { print e.msg }", "nothing has a field `msg`", "`kind` and `message`"),
    (Task, "let g = (a) -> a + 1", "there are no functions without a name", "`fn f(a) { return a + 1 }`"),
    (Task, "let g = () => 5", "there are no functions without a name", "`fn f(a) { return a + 1 }`"),
    (Task, "let g = a -> a + 1", "there are no functions without a name", "`fn f(a) { return a + 1 }`"),
    (Task, "print x->v", "`->` is not an operator", "`r.v`"),
    (Task, "let g = (a, b) => { return a }", "there are no functions without a name", "`task worker { }`"),
    (Top, "Runnable r = () -> { x += 1 };", "there are no functions without a name", "`task worker { }`"),
    (Task, "let t = new Thread(() -> { x += 1 })", "there are no functions without a name", "write `spawn { }`"),
    (Task, "let h = thread::spawn(w)", "there are no names with `::`", "write `spawn w`"),
    (Task, "let h = thread::spawn(move || { x += 1 });", "there are no names with `::`", "write `spawn { }`"),
    (Task, "std::thread::sleep(5)", "there are no names with `::`", "write `sleep 10ms`"),
    (Top, "let m2 = Mutex::new(0)", "there are no names with `::`", "write `lock m`"),
    (Top, "let m2 = Arc::new(Mutex::new(0));", "there are no names with `::`", "write `lock m`"),
    (Top, "std::mutex mu;", "there are no names with `::`", "write `lock m`"),
    (Top, "use std::thread", "there is nothing to import", "leave the line out"),
    (Top, "use std::sync::{Arc, Mutex};", "there is nothing to import", "leave the line out"),
    (Top, "public void g() { }", "`public` does not begin a function", "write `fn g(…) { }`"),
    (Top, "static int g() { return 1 }", "`static` does not begin a function", "write `fn g(…) { }`"),
    (
        Top,
        "public static void go(String[] args) { x += 1 }",
        "`public` does not begin a function",
        "write `fn go(…) { }`",
    ),
    (Top, "public class Foo { }", "there is no `class`", "write `struct Foo { }`"),
    (Task, "new Thread(w).start()", "there is no `new`", "write `spawn w`"),
    (Task, "let t = new Thread(w)", "there is no `new`", "write `spawn w`"),
    (Top, "pool of_threads of threads", "that a pool is of threads goes without saying", "write `pool of_threads(3)`"),
    (Top, "pool bare of processes", "a pool needs its argument `workers`", "write `pool bare(3) of processes`"),
    (Task, "volatile int v = 0", "there is no `volatile`", "`var v = …`"),
    (Task, "let l = none; l.Lock()", "no kind of object has a method `Lock`", "`with l { }`"),
    (Task, "let l = none; l.Done()", "no kind of object has a method `Done`", "`l.count_down()`"),
    (
        Task,
        "let l = none; l.frobnicate()",
        "no kind of object has a method `frobnicate`",
        "docs/language.md tells which: lock,",
    ),
    (Task, "spawn process", "`process` is not defined", "`spawn process worker`"),
    (Task, "spawn w as \"helper\"; terminate helper", "`helper` is not defined", "`let helper = spawn …`"),
    (Task, "print(x, end=\"\")", "`print` has no `end`", "`print a, b`"),
    (Task, "let l = [1]; l.append(3)", "a list has no method `append`", "`l = l + [3]`"),
    (Task, "let l = [1]; l.pop()", "a list has no method `pop`", "`l = l[..-1]`"),
    (Task, "let l = none; l.append(3)", "no kind of object has a method `append`", "a queue has `l.put(v)`"),
    (Task, "x.append(3)", "a var has no method `append`", "`x = x + [3]`"),
    (Task, "x.exchange(3)", "a var has no method `exchange`", "write `x.swap(3)`"),
    (Task, "x.fetchSub(1)", "a var has no method `fetchSub`", "write `x -= 1`"),
    (Task, "x.compareExchange(1, 2)", "a var has no method `compareExchange`", "write `x.cas(old, new)`"),
    (Task, "x.frobnicate(1)", "a var has no method `frobnicate`", "its methods: load"),
    (Task, "m.tryacquire()", "a lock has no method `tryacquire`", "write `acquire(blocking: false)`"),
    (Task, "let l = m; l.acquire(timeout: -1ms)", "`timeout` takes a time from 0 on, not -1ms", "`0ms` does not wait"),
    (Task, "spawn fn() { }", "what is spawned is a task by its name, or a block", "write `spawn { }`"),
    (Task, "let l = [spawn task(a) { }]", "what is spawned is a task by its name, or a block", "write"),
    (Task, "return 1, 2", "`return` gives one value", "`return [1, 2]`"),
    (Task, "let l = map()", "`map` is not defined", "there are no dictionaries"),
    (Task, "let l = dict()", "`dict` is not defined", "there are no dictionaries"),
    (Task, "let l = {}", "a value does not begin with `{`", "there are no dictionaries"),
    (Task, "let l = {\"a\": 1}", "a value does not begin with `{`", "there are no dictionaries"),
    (Task, "await q.get()", "`await` takes a condition, and `get` waits by itself", "`let v = q.get()`"),
    (
        Task,
        "await not (q.get() == 1)",
        "`await` takes a condition, and `get` waits by itself",
        "before: `let v = q.get()`",
    ),
    (Task, "let l = await q.get()", "`await` is a statement and gives no value", "leave `await` out: `q.get()` waits"),
    (Task, "let l = await w", "`await` is a statement and gives no value", "`join w`, then `w.result`"),
    (Task, "spawn lambda: f(1)", "what is spawned is a task by its name, or a block", "write `spawn { }`"),
    (Task, "spawn () => { x += 1 }", "`spawn` has no parentheses of its own", "write `spawn { }`"),
    (Task, "await go_on.wait()", "`await` takes a condition, and `wait` waits by itself", "out: `go_on.wait()`"),
    (
        Task,
        "let later = q; await later.get()",
        "`await` takes a condition, and `get` waits by itself",
        "`let v = later.get()`",
    ),
    (
        Task,
        "await f(R().mu.acquire())",
        "`await` takes a condition, and `acquire` waits by itself",
        "before: `R().mu.acquire()`",
    ),
    (Task, "let later = q; later.put(blocking: false)", "`put` of a queue needs its argument `v`", "v, blocking: true"),
    (
        Task,
        "for later in [q] { later.put_nowait() }",
        "`put_nowait` of a queue needs its argument `v`",
        "its arguments: v",
    ),
    (
        Task,
        "let later = q; later.put(1, block: false)",
        "`put` of a queue has no parameter `block`",
        "mean `blocking`?",
    ),
    (Task, "R().v.cas(1)", "`cas` takes 2 arguments, and here it gets 1", "write `R().v.cas(old, new)`"),
    (Task, "let r = R(); r.v.cas(new: 1, old: 2)", "the arguments of `cas` are not named", "write `r.v.cas(old, new)`"),
    (Task, "atomic y = 0", "an `atomic` is declared at the top level", "`let y = …`"),
    (Task, "print min(1, \"a\")", "`min` compares values of one type, not a string", "such as `min(a, b)`"),
    (Task, "print max([1, 2s])", "`max` compares values of one type, not a duration", "such as `max(a, b)`"),
    (Task, "print int(\"1.5\")", "`1.5` is no integer", "such as `int(\"7\")`"),
    (Task, "print [1, 2][\"a\"]", "an index is an integer, not a string", "the last one `[-1]`"),
    (Task, "let xs = [1]; print xs[none]", "an index is an integer, not none", "the last one `[-1]`"),
    (Task, "print \"abc\"[true..]", "a bound of a slice is an integer, not a bool", "such as `xs[1..3]`"),
    (Task, "seats.release(0)", "`n` is at least 1, and this is 0", "leave it out for 1"),
    (Task, "with m { bell.notify(n: -1) }", "`n` is at least 0, and this is -1", "leave it out for 1"),
    (Task, "5()", "what is called is a `fn` or a `task`, not an integer", "define one, `fn f() { }`"),
    (Task, "q.put(blocking: true, 1)", "arguments without a name come first", "write `q.put(1, blocking: true)`"),
    // Rows and their indexes.
    (Task, "row[3] = 1", "`row` has 3 places, and the index is 3", "`row[0]` to `row[2]`"),
    (Task, "print row[-1]", "`row` has 3 places, and the index is -1", "counted from 0; the last one is `row[2]`"),
    (Task, "row[1 + 2].add(1)", "`row` has 3 places, and the index is 3", "`row[0]` to `row[2]`"),
    (Task, "print [1, 2][2]", "index 2 of 2", "the last one `[-1]`"),
    (Top, "expect race on row[3]", "`row` has 3 places, and the index is 3", "`row[0]` to `row[2]`"),
    (Top, "var grid[3][4] = 0", "there are no rows of rows", "`var grid[12] = 0`, of which `grid[i * 4]`"),
    (Top, "lock maze[3, 3]", "there are no rows of rows", "`lock maze[9]`"),
    (Top, "var open[] = 0", "`var open[]` does not say how many", "write `var open[3] = 0`"),
    (Task, "let l[3] = 0", "`let` makes one variable, and no row", "`let l = [0, 0, 0]`"),
    (Task, "let l = [[1], [2]]; l[0][0] = 3", "an element of an element cannot be assigned", "`l[0] = inner`"),
    (Top, "queue late_a(3)[2]", "the count stands before the arguments", "write `queue late_a[2](3)`"),
    (Top, "lock[3] later", "`lock[3]` alone does nothing", "`lock l[3]`"),
    // Objects and values for one another.
    (Task, "if q == 1 { x = 2 }", "`q` is a queue, not a number", "`q.qsize()`"),
    (Task, "x = go_on == true", "`go_on` is an event, not true or false", "`go_on.is_set()`"),
    (Task, "let h = spawn w; print h + 1", "`h` is a task, not a number", "`h.result`"),
    (Task, "let h = spawn w; if h { x = 2 }", "`h` is a task, not true or false", "`h.alive`"),
    (Task, "let r = R(); if r == 1 { x = 2 }", "`r` is a record, of `R`, not a number", "`r.v`"),
    (Task, "row[0].set(2)", "`row[0]` holds a value, which has no method `set`", "write `row[0] = 2`"),
    (Task, "print row[0].get()", "`row[0]` holds a value, which has no method `get`", "write `row[0]`"),
    (Task, "x.write(3)", "a var has no method `write`", "write `x = 3`"),
    (Task, "let l = 0; l.set(2)", "`l` holds a value, which has no method `set`", "write `l = 2`"),
    (Task, "let h = spawn w; print h.value", "nothing has a field `value`", "write `h.result`, after `join h`"),
    (Task, "let r = R(); print r.value", "nothing has a field `value`", "a `R` has mu, v"),
    (Task, "let r = R(); print r.v.value", "nothing has a field `value`", "write `r.v`"),
    (Task, "print q.size", "a queue has no field `size`", "write `q.qsize()`"),
    (Task, "let r = q; print r.result()", "no kind of object has a method `result`", "a field has no parentheses"),
    // What is awaited.
    (Task, "await go_on", "`await` takes what is true or false, and `go_on` is an event", "write `go_on.wait()`"),
    (Task, "await q", "`await` takes what is true or false, and `q` is a queue", "`let v = q.get()`"),
    (Task, "let h = spawn w; await h", "`await` takes what is true or false, and `h` is a task", "write `join h`"),
    (Task, "await join all", "`await` takes a condition, and `join` waits by itself", "leave `await` out: `join all`"),
    (Task, "await bell for 5s", "`await` has no time limit", "`bell.wait(timeout: 5s)`"),
    (Task, "await x == 1 timeout 5s", "`await` has no time limit", "after 5s => { }"),
    (Task, "await x == 1 { x = 2 }", "`await` has no block", "on the next line"),
    (Task, "await until x == 1", "there is no `until`", "write `await x == 1`"),
    (Task, "let l = await x == 1", "`await` is a statement and gives no value", "behind it the condition was true"),
    // What is expected.
    (Top, "expect always", "`always` is no finding", "write `expect every x == 1`"),
    (Top, "expect always x == 1", "`expect` has no `always`", "write `expect every x == 1`"),
    (Top, "expect sometimes x == 1", "`expect` has no `sometimes`", "write `expect some x == 1`"),
    (Top, "expect never x == 1", "`expect` has no `never`", "write `expect every not (x == 1)`"),
    (Top, "expect never x", "`expect` has no `never`", "write `expect every not (x == 1)`"),
    (Top, "expect no race", "what is not expected is not written", "write `expect ok`"),
    (Top, "expect some: x == 1", "no sign stands behind `some`", "write `expect some x == 1`"),
    (Top, "expect x == 1", "`expect` does not say how often", "`expect some x == 1`, or `expect every x == 1`"),
    (Top, "expect data race", "`data` is no finding", "write `expect race`"),
    (Top, "expect lost wakeup", "`lost` is no finding", "write `expect lost-wakeup`"),
    (Top, "expect race, deadlock", "each finding has an `expect` of its own", "`expect race; expect deadlock`"),
    (Top, "expect race in x", "names stand behind `on`", "write `expect race on x`"),
    (Top, "expect assertion x", "`assertion` names nothing more", "write `expect assertion` alone"),
    (Top, "expect \"race\"", "the code of a finding stands without quotes", "write `expect race`"),
    (Top, "expect(race)", "`expect` has no parentheses", "write `expect race`"),
    (Top, "expect hang", "`hang` is no finding", "write `expect deadlock`"),
    // Words that are nearly right.
    (Task, "fro i in 0..3 { x += i }", "`fro` does not begin a statement", "did you mean `for`?"),
    (Task, "whlie x == 0 { x = 1 }", "`whlie` does not begin a statement", "did you mean `while`?"),
    (Task, "fi x == 0 { x = 1 }", "`fi` does not begin a statement", "did you mean `if`?"),
    (Task, "let h = spwan w", "`spwan` does not begin a value", "did you mean `spawn`?"),
    (Task, "x = nto true", "`nto` does not begin a value", "did you mean `not`?"),
    (Task, "print true adn false", "`adn` does not go on with the statement", "did you mean `and`?"),
    (Task, "let l = ture", "`ture` is not defined", "did you mean `true`?"),
    (Task, "spawn w sa \"me\"", "`sa` does not go on with the statement", "did you mean `as`?"),
    (Task, "for i ni 0..3 { x += i }", "`for` goes over values", "write `for i in 0..3 { }`"),
    (Task, "select { afer 10ms => { } }", "`afer` does not begin an arm", "did you mean `after`?"),
    (Task, "select { v = q.get() => { } default => { } }", "`default` does not begin an arm", "write `else => { }`"),
    // Arguments and options of declarations.
    (
        Top,
        "lock late_b(reentrant: true)",
        "`reentrant` is an option of a lock, and no argument",
        "`lock late_b reentrant`",
    ),
    (
        Top,
        "queue late_c(3, via: manager)",
        "`via manager` is an option of a queue, and no argument",
        "`queue late_c(3) via manager`",
    ),
    (
        Top,
        "pool late_d(processes: 3)",
        "`of processes` is an option of a pool, and no argument",
        "`pool late_d(3) of processes`",
    ),
    (Top, "semaphore late_e(n: 2)", "a semaphore has no parameter `n`", "its argument is `value`, and needs no name"),
    // An argument as a first value, or without its parentheses.
    (Top, "semaphore late_h = 2", "a semaphore has no first value", "write `semaphore late_h(2)`"),
    (Top, "queue late_i = 1", "a queue has no first value", "write `queue late_i(1)`"),
    (Top, "barrier late_j = 3", "a barrier has no first value", "write `barrier late_j(3)`"),
    (Top, "latch late_k = 2", "a latch has no first value", "write `latch late_k(2)`"),
    (Top, "pool late_l of processes = 2", "a pool has no first value", "write `pool late_l(2) of processes`"),
    (Top, "condition late_m = m", "a condition has no first value", "write `condition late_m(m)`"),
    (Top, "semaphore late_n[2] = 1", "a semaphore has no first value", "write `semaphore late_n[2](1)`"),
    (Top, "queue late_o = queue(4)", "a queue has no first value", "write `queue late_o(4)`"),
    (Top, "queue late_p maxsize = 3", "a queue has no first value", "write `queue late_p(3)`"),
    (Top, "queue late_q maxsize 3", "an argument stands in parentheses", "write `queue late_q(3)`"),
    (Top, "struct Late { lock mu; condition c = mu }", "a condition has no first value", "write `condition c(mu)`"),
    (Top, "lock late_r = 1", "a lock has no first value", "write `lock late_r`"),
    // Two statements with nothing between.
    (Top, "lock late_s queue late_t", "the statement before should have ended here", "a new line or `;`"),
    (Top, "lock late_u var late_v = 0", "the statement before should have ended here", "a new line or `;`"),
    (Top, "event late_w lock late_x", "the statement before should have ended here", "a new line or `;`"),
    (Top, "queue late_y(1) lock late_z", "the statement before should have ended here", "a new line or `;`"),
    (Top, "lock late_za reentrant queue late_zb", "the statement before should have ended here", "a new line or `;`"),
    (Task, "spawn w x3 join all", "the statement before should have ended here", "a new line or `;`"),
    (Task, "spawn { x += 1 } x2 join all", "the statement before should have ended here", "a new line or `;`"),
    (Task, "join all print x", "the statement before should have ended here", "a new line or `;`"),
    // Go.
    (Task, "for v := range q { x = v }", "there is no `range`", "write `for v in q { }`"),
    (Task, "for i := 0; i <= 3; i++ { x += i }", "`for` goes over values", "write `for i in 0..=3 { }`"),
    (Task, "for x < 3 { x += 1 }", "`for` goes over values", "write `while x < 3 { }`"),
    (Task, "for v in range q { x = v }", "there is no `range`", "write `for v in q { }`"),
    (Task, "q <- 1", "`q <- 1` alone does nothing", "write `q.put(1)`"),
    (Task, "let v = <-q", "`<-` is not an operator", "write `q.get()`"),
    (Task, "select { case v := <-q: print v; print 2 }", "an arm has no `case`", "write `v = q.get() => { }`"),
    (Task, "select { case q <- 1: x = 1 }", "an arm has no `case`", "write `q.put(1) => { }`"),
    (Task, "let late_g = make(chan int, 3)", "there is no `chan`", "`queue late_g(3)`"),
    (Top, "var late_f chan int", "there is no `chan`", "`queue late_f(0)`, which hands over"),
    (Top, "var mu sync.Mutex", "names have no types here", "`lock mu`"),
    (Task, "go f(1)", "`go` does not begin a statement", "write `spawn f(1)`"),
    (Task, "defer func() { x = 1 }()", "there is no `defer`", "`with m { }`"),
    (Task, "close(q)", "`close` is not defined", "write `q.close()`"),
    (Task, "runtime.Gosched()", "there is no module `runtime`", "write `yield`"),
    (
        Task,
        "if v := x; v > 2 { x = 3 }",
        "the head of an `if` makes no variable",
        "write `let v = x` on the line before",
    ),
    // C and Java.
    (Task, "for (int i = 0; i < 3; i++) { x += i }", "the head of a `for` has no parentheses", "`for i in 0..3 { }`"),
    (Task, "for (String s : [1]) { x = s }", "the head of a `for` has no parentheses", "write `for s in [1] { }`"),
    (Task, "for (;;) { break }", "the head of a `for` has no parentheses", "write `loop { }`"),
    (Task, "System.out.println(x)", "there is no module `System`", "write `print x`"),
    (Task, "pthread_mutex_lock(m)", "`pthread_mutex_lock` is not defined", "write `m.acquire()`"),
    (Task, "if (x == 1) x = 2", "expected a block `{ }`, found `x`", "in braces: `{ x = 2 }`"),
    (Task, "--x", "`--x` alone does nothing", "write `x -= 1`"),
    (Task, "switch (x) { case 1: x = 2; break; default: x = 3 }", "there is no `switch`", "else if"),
    (Task, "with lock m { x = 2 }", "the kind of an object stands only where it is declared", "write `with m { }`"),
    (
        Task,
        "with rwlock m { x = 2 }",
        "the kind of an object stands only where it is declared",
        "`with m.read { }`, or `with m.write { }`",
    ),
    (
        Task,
        "try { q.get_nowait() } catch (Empty e) { x = 2 }",
        "what is caught has no parentheses",
        "`catch Empty as e { }`",
    ),
    (
        Task,
        "try { q.get_nowait() } catch (Exception e) { x = 2 }",
        "what is caught has no parentheses",
        "`catch any as e { }`",
    ),
    (Top, "queue<int> late_zd(3)", "values have no declared type", "leave `<int>` out: `queue late_zd(3)`"),
    (Top, "atomic<int> late_ze = 0", "values have no declared type", "leave `<int>` out: `atomic late_ze = 0`"),
    (Top, "String name = \"x\"", "`String` is no kind of object", "`var name = …` is what threads share"),
    (Top, "int g(int a) { return a }", "`int` does not begin a function", "write `fn g(…) { }`"),
    (Top, "public static int late = 3", "there is no `public`", "`var late = …`"),
    (Task, "new Thread(w);", "there is no `new`", "write `spawn w`"),
    (Task, "let l = new CountDownLatch(2)", "there is no `new`", "write `latch(2)`"),
    // Python.
    (Task, "let h = threading.Thread(target=w2, args=(1,))", "there is no module `threading`", "`spawn w2(1)`"),
    (Task, "Process(target=w).start()", "`Process` is not defined", "`spawn process w`"),
    (Task, "spawn w2(1).start()", "what is spawned runs already", "leave `.start()` out"),
    (
        Task,
        "let h = spawn w2(1).join()",
        "what `spawn` gives has a name before it is asked",
        "`let h = spawn w2(1)`, then `join h`",
    ),
    (Task, "print 'x is ' + str(x)", "a string stands in double quotes", "write `\"x is \"`"),
    (Top, "var late_zc = [0] * 3", "a list cannot be multiplied", "`var late_zc[3] = 0` is a row"),
    (Top, "const LATE = 3, OTHER = 4", "`const` has one name", "write `const LATE = 3; const OTHER = 4`"),
    (Task, "x = 1 if x == 2 else 3", "there is no `a if c else b`", "write `if x == 2 { x = 1 } else { x = 3 }`"),
    (Task, "print(\"\"\"a\"\"\")", "a string stands between two `\"`", "write `\"a\"`"),
    (Task, "print \"{x!r}\"", "a hole in a string has no format", "write `{x}` alone"),
    (Task, "y: int = 3", "names have no types here", "`let y = 3`"),
    (Task, "for i, v in enumerate([1]) { x = v }", "`for` has one variable", "`for i in 0..len(xs) { }`"),
    (Task, "if __name__ == 1 { x = 2 }", "`__name__` is not defined", "runs by itself"),
    (Task, "asyncio.run(w)", "there is no module `asyncio`", "`spawn worker`"),
    (Task, "print \"a {x}\".format(x)", "a string has no method `format`", "write `\"x is {x}\"`"),
    (Task, "x **= 2", "`**=` is not an operator", "multiply in a loop"),
    (Top, "invariant x += 1", "`+=` assigns and gives no value", "a condition compares, such as `x >= 1`"),
    (Top, "invariant x++", "`++` is not an operator", "a condition compares, such as `x >= 1`"),
    (Task, "let l = multiprocessing.local()", "there is no module `multiprocessing`", "`let x = 0` in the task"),
    (Task, "print multiprocessing.active", "there is no module `multiprocessing`", "leave it out"),
    (Task, "lambda a: a + 1", "there is no `lambda`", "define `fn f(a) { return a + 1 }`"),
];

/// A mistake, what is said of it, and the mend as its help has it; with it the whole where that
/// is more than the mend.
const MENDED: &[(At, &str, &str, &str, &str)] = &[
    (Task, "for i in 0..x step 2 { }", "a range goes by steps of 1", "let i = 0; while i < x { i += 2 }", ""),
    (
        Task,
        "for i in 3..=0 step -1 { x += i }",
        "a range goes by steps of 1",
        "let i = 3; while i >= 0 { i += -1 }",
        "",
    ),
    (Top, "condition later(lock())", "this must name a lock", "lock mu; condition later(mu)", ""),
    (Top, "condition later(threading.RLock())", "this must name a lock", "lock mu reentrant; condition later(mu)", ""),
    (
        Top,
        "struct S { lock mu; condition c(lock()) }",
        "this must name a lock",
        "lock m2; condition c(m2)",
        "struct S { lock mu; lock m2; condition c(m2) }",
    ),
    (Top, "lock late_v reentrant = Lock()", "a lock has no first value", "lock late_v reentrant", ""),
    (Task, "x = len [1, 2]", "an argument stands in parentheses", "len([1, 2])", "x = len([1, 2])"),
    (Task, "print abs x", "an argument stands in parentheses", "abs(x)", "print abs(x)"),
    (
        Task,
        "try { q.get_nowait() } catch Empty e { }",
        "`as` gives a caught error its name",
        "catch Empty as e { }",
        "try { q.get_nowait() } catch Empty as e { }",
    ),
    (
        Task,
        "try { q.get_nowait() } catch Empty Full { }",
        "kinds of error stand behind commas",
        "catch Empty, Full { }",
        "try { q.get_nowait() } catch Empty, Full { }",
    ),
    (Top, "queue late_m = Queue(3)", "a queue has no first value", "queue late_m(3)", ""),
    (Top, "queue late_n = queue.SimpleQueue()", "a queue has no first value", "queue late_n", ""),
    (
        Top,
        "semaphore late_o = threading.BoundedSemaphore(2)",
        "a semaphore has no first value",
        "semaphore late_o(2)",
        "",
    ),
    (Top, "barrier late_p = CyclicBarrier(2)", "a barrier has no first value", "barrier late_p(2)", ""),
    (Top, "latch late_q = CountDownLatch(2)", "a latch has no first value", "latch late_q(2)", ""),
    (Top, "lock late_r = Lock()", "a lock has no first value", "lock late_r", ""),
    (Top, "lock late_s = threading.RLock()", "a lock has no first value", "lock late_s reentrant", ""),
    (Task, "with many { x += 1 }", "`many` is a row, and `with` takes one of it", "with many[0] { }", ""),
    (Task, "with books { x += 1 }", "`books` is a row, and `with` takes one of it", "with books[0].read { }", ""),
    (Task, "with books.write { x = 1 }", "`books` is a row, and `with` takes one of it", "with books[0].write { }", ""),
    (Task, "with book.reader { x += 1 }", "a rwlock has no field `reader`", "with book.read { }", ""),
    (Task, "with book.wlock { x = 1 }", "a rwlock has no field `wlock`", "with book.write { }", ""),
    (Task, "with bell { x = 1 }", "`with` cannot take a condition so", "with m { }", ""),
    (Task, "spawn task w2(1)", "what is spawned is a task by its name, or a block", "spawn w2(1)", ""),
    (Task, "let h = spawn fn w", "what is spawned is a task by its name, or a block", "let h = spawn w", ""),
    (Task, "seats.acquire(2)", "`acquire` of a semaphore takes one at a time", "repeat 2 { seats.acquire() }", ""),
    (Task, "seats.acquire(n: x)", "`acquire` of a semaphore takes one at a time", "repeat x { seats.acquire() }", ""),
    (Top, "invariant x >= 0, \"why\"", "an `invariant` has no message", "invariant x >= 0", ""),
    (Task, "spawn w2(1), daemon: true", "how to spawn stands before the task", "spawn daemon w2(1)", ""),
    (Task, "let h = spawn w2(1), daemon=True", "how to spawn stands before the task", "let h = spawn daemon w2(1)", ""),
    (Task, "spawn w, name=\"a\"", "a task has its name behind `as`", "spawn w as \"a\"", ""),
    (
        Top,
        "const LATE = [1, 2], MORE = 4, MOST = 5",
        "`const` has one name",
        "const LATE = [1, 2]; const MORE = 4; const MOST = 5",
        "",
    ),
    (Task, "crew.submit(w2, 1, x)", "a pool has no method `submit`", "submit w2(1, x) to crew", ""),
    (Task, "crew.submit(w2(1))", "a pool has no method `submit`", "submit w2(1) to crew", ""),
    (Task, "crew.map(w2, [1, 2])", "a pool has no method `map`", "for v in [1, 2] { submit w2(v) to crew }", ""),
    (Top, "lock late_t queue", "a lock has no option `queue`", "queue q", "lock late_t; queue late_u"),
];

fn errors(script: &str) -> Vec<ScriptError> {
    let parsed = parse_all(script);
    match parsed.script {
        Some(ref tree) if parsed.errors.is_empty() => compile(tree, script, KINDS, &[]).err().unwrap_or_default(),
        _ => analyse(parsed, script, KINDS, &[]).2,
    }
}

/// Each with its line in `script` and what is said.
fn told(script: &str) -> Vec<(usize, String)> {
    let line = |error: &ScriptError| script[..error.span.start as usize].matches('\n').count();
    errors(script).iter().map(|error| (line(error), error.message.clone())).collect()
}

/// A script with these mistakes, and the line of each.
fn script(mistakes: &[&(At, &str, &str, &str)]) -> (String, Vec<usize>) {
    let mut text = BEFORE.to_string();
    let mut lines = Vec::new();
    for (n, (at, mistake, ..)) in mistakes.iter().enumerate() {
        let within = match at {
            Task => format!("task number{n} {{\n    {mistake}\n}}\n"),
            Top => format!("\n{mistake}\n\n"),
        };
        lines.push(text.matches('\n').count() + 1);
        text.push_str(&within);
    }
    text.push_str("print \"end\"\n");
    (text, lines)
}

#[test]
fn each_mistake_has_one_error_with_its_mend() {
    assert_eq!(told(&script(&[]).0), []);
    let mut faults = Vec::new();
    for mistake in MISTAKES {
        let (_, text, message, mend) = mistake;
        let (script, lines) = script(&[mistake]);
        let errors = errors(&script);
        let help = errors.first().and_then(|e| e.help.clone()).unwrap_or_default();
        if told(&script) != [(lines[0], message.to_string())] || !help.contains(mend) {
            faults.push(format!("{text}: {:?}, {help}", told(&script)));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn what_is_written_as_it_is_told_to_be_is_no_mistake() {
    let mut faults = Vec::new();
    for (at, mistake, message, mend, whole) in MENDED {
        let said = errors(&script(&[&(*at, mistake, message, "")]).0);
        let told = said.iter().map(|e| (e.message.as_str(), e.help.as_deref().unwrap_or_default()));
        let told: Vec<(&str, &str)> = told.collect();
        if !matches!(told[..], [(said, help)] if said == *message && help.contains(&format!("`{mend}`"))) {
            faults.push(format!("{mistake}: {told:?}"));
        }
        let whole = if whole.is_empty() { mend } else { whole };
        let left = errors(&script(&[&(*at, whole, "", "")]).0);
        faults.extend(left.first().map(|left| format!("{whole}: {}", left.message)));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// A `;` parts them as a new line does, but where a bracket or a quote leaves it uncertain.
#[test]
fn of_two_mistakes_on_one_line_both_are_told_and_nothing_else() {
    let on_a_line = |mistake: &&(At, &str, &str, &str)| {
        let uncertain = ["is not closed", "closes nothing", "the end of the line", "at the top level"];
        mistake.0 == Task && !uncertain.iter().any(|words| mistake.2.contains(words))
    };
    // What is wrong because of the block around it is told where that is certain.
    let placed = |mistake: &&(At, &str, &str, &str)| errors(&script(&[mistake]).0)[0].sort == Sort::Placed;
    let line: Vec<_> = MISTAKES.iter().filter(on_a_line).filter(|mistake| !placed(mistake)).collect();
    assert!(line.len() > 100, "{}", line.len());
    let mut faults = Vec::new();
    for (first, second) in pairs_of(&line) {
        let line = format!("task number0 {{ {} }}; task number1 {{ {} }}", first.1, second.1);
        let script = format!("{BEFORE}{line}\n");
        let said: Vec<String> = told(&script).into_iter().map(|(_, message)| message).collect();
        // Of a pair of quotes the first is told, and so of such characters.
        let pair = [first, second].iter().all(|mistake| mistake.2.ends_with("has no meaning here"));
        if !pair && said != [first.2, second.2] {
            faults.push(format!("{line}: {said:?}"));
        }
    }
    assert!(faults.is_empty(), "{} lines, such as\n{}", faults.len(), faults[..faults.len().min(60)].join("\n"));
}

#[test]
fn a_name_alone_that_is_not_defined_is_told_as_that() {
    let errors = errors("var counts = 0\ncount; counts; prnt; a1; f(1); zz\nfn f(a) { return a }\n");
    let told: Vec<(&str, &str)> =
        errors.iter().map(|e| (e.message.as_str(), e.help.as_deref().unwrap_or_default())).collect();
    let far = "`let NAME = …` makes a local, `var NAME = …` memory that tasks share";
    assert_eq!(
        told,
        [
            ("`count` is not defined", "did you mean `counts`?"),
            ("`counts` alone does nothing", "assign it, print it, or leave it out"),
            ("`prnt` is not defined", "did you mean `print`?"),
            ("`a1` is not defined", far.replace("NAME", "a1").as_str()),
            ("`zz` is not defined", far.replace("NAME", "zz").as_str()),
        ]
    );
}

/// The `;`s of a head in other languages end nothing, nor does one before a block.
#[test]
fn of_a_head_with_semicolons_one_error_is_told() {
    for script in [
        "for i = 0; i < 3; i++ { x += 1 }",
        "for let i = 0; i < 3; i += 1 { x += 1 }",
        "if v := x; v > 0 { x += 1 }",
        "while x < 3; { x += 1 }",
        "loop; { x += 1 }",
    ] {
        let script = format!("{BEFORE}task t {{ {script} }}\nspawn t\n");
        assert_eq!(told(&script).len(), 1, "{script}: {:?}", told(&script));
    }
}

/// A local of another body is not what is meant, wherever it stands; but where it is not certain
/// which body that is, it may be.
#[test]
fn a_name_that_is_a_local_elsewhere_is_told_beside_errors_of_form() {
    let local = "`ps` is not defined".to_string();
    let alone = "`[1][0]` alone does nothing".to_string();
    assert_eq!(told("let ps = [1]\nfn early() { print ps }\n[1][0]\n"), [(1, local.clone()), (2, alone.clone())]);
    assert_eq!(told("fn f(ps) { return ps }\n[1][0]\nprint ps\n"), [(1, alone), (2, local)]);
    let open = "task t {\n    if x == 1\n        let ps = [1]\n    }\n    print ps\n}\nvar x = 1\nspawn t\n";
    assert!(told(open).iter().all(|(_, message)| !message.contains("ps")), "{:?}", told(open));
}

/// What is spoken of with Python's names is told of together with what follows from it.
#[test]
fn threads_of_python_are_told_whole() {
    let thread = |made: &str| format!("{BEFORE}{made}\nt.start()\nt.join()\n");
    let told = |script: &str| told(script).into_iter().map(|(_, message)| message).collect::<Vec<String>>();
    for (made, what) in [
        ("Thread(target=w2, args=(1,))", "`Thread` is not defined"),
        ("threading.Thread(target=w)", "there is no module `threading`"),
        ("multiprocessing.Process(target=w2, args=[1, 2])", "there is no module `multiprocessing`"),
    ] {
        let nothing = "`t` is not defined";
        assert_eq!(told(&thread(&format!("t = {made}"))), [nothing, what, nothing, nothing]);
        let [start, join] = ["start", "join"].map(|method| format!("no kind of object has a method `{method}`"));
        assert_eq!(told(&thread(&format!("let t = {made}"))), [what.to_string(), start, join]);
    }
    let arguments = told(&format!("{BEFORE}let t = Thread(target=w2, args=(1, 2, 3))\n"));
    assert_eq!(arguments, ["`Thread` is not defined", "`w2` takes 1 to 2 arguments, and here it gets 3"]);
    let local = told(&format!("{BEFORE}let t = threading.local()\nprint threading.active\n"));
    assert_eq!(local, ["there is no module `threading`"; 2]);
    let list = told(&format!("{BEFORE}threads = []\nfor i in 0..3 {{ threads.append(spawn w) }}\n"));
    assert_eq!(list, ["`threads` is not defined"; 2]);
}

#[test]
fn what_is_no_finding_contradicts_nothing() {
    let told = told(&format!("{BEFORE}expect ok\nexpect rase on x\n"));
    assert_eq!(told.into_iter().map(|(_, message)| message).collect::<Vec<_>>(), ["`rase` is no finding"]);
}

/// In other languages a function of this name runs by itself.
#[test]
fn a_main_that_nobody_spawns_or_calls_is_an_error() {
    for main in ["task main { print 1 }", "fn main() { print 1 }"] {
        assert_eq!(told(&format!("{BEFORE}{main}\n")), [(18, "nothing spawns or calls this `main`".to_string())]);
        assert_eq!(told(&format!("{BEFORE}{main}\nmain()\n")), []);
    }
    assert_eq!(told("let start = main\nspawn start\ntask main { print 1 }\n"), []);
}

/// Of all pairs every so many are tried, each of the mistakes with others of all kinds;
/// `CONC_ALL_PAIRS=1` tries all.
const PAIRS: usize = 4;

fn pairs_of<T>(all: &[T]) -> impl Iterator<Item = (&T, &T)> {
    let every = if std::env::var_os("CONC_ALL_PAIRS").is_some() { 1 } else { PAIRS };
    let others = move |n: usize| (0..all.len()).filter(move |m| *m != n && (n + m).is_multiple_of(every));
    (0..all.len()).flat_map(move |n| others(n).map(move |m| (&all[n], &all[m])))
}

#[test]
fn of_two_mistakes_both_are_told_and_nothing_else() {
    let mut faults = Vec::new();
    for (first, second) in pairs_of(MISTAKES) {
        let (script, lines) = script(&[first, second]);
        let expected = [(lines[0], first.2.to_string()), (lines[1], second.2.to_string())];
        if told(&script) != expected {
            faults.push(format!("{} / {}: {:?}", first.1, second.1, told(&script)));
        }
    }
    assert!(faults.is_empty(), "{} pairs, such as\n{}", faults.len(), faults[..faults.len().min(20)].join("\n"));
}

#[test]
fn a_local_that_may_hold_something_else_has_any_method() {
    for script in [
        "let h = spawn w\nif x == 1 { h = q }\nh.get()",
        "let h = spawn w\nloop { h.get(); h = q }",
        "let h = spawn w\nspawn { h = q; h.get() }",
        "task any(h) { h.get() }\nspawn any(q)",
        "repeat 2 { let h = spawn w; join h }\nrepeat 2 { let h = q; h.get() }",
        "task any(h) { await h.qsize() == 1 or h.get(blocking: false) == 2 }\nspawn any(q)",
        "struct Got { var get = 0; var put = 0 }\nlet got = Got()\nawait got.get == got.put",
    ] {
        assert_eq!(told(&format!("{BEFORE}{script}\n")), [], "{script}");
    }
}

#[test]
fn what_a_wrong_name_is_used_for_is_not_told() {
    let script = "var busy = false
queue yield
task t {
    busy = true
    while not busy { print \"{busy}\" }
    yield.put(3)
    let loop = yield.get()
    loop += 1
    nope = 2
}
let if = busy + 1
spawn t
";
    let lines: Vec<usize> = told(script).iter().map(|(line, _)| *line).collect();
    assert_eq!(lines, [0, 1, 6, 8, 10], "{:?}", told(script));
}
