//! Scripts that are right: some as published, one with every form, one laid
//! out as badly as it can be.

/// Right scripts.
pub(super) const SCRIPTS: &[&str] = &[
    r##"# bank.conc: two tellers and one account
var balance = 100
lock m

task teller(amount) {
    repeat 2 {
        let seen = balance
        balance = seen + amount     # not one step: another task may come between
    }
}

spawn teller(10) x3
join all
print "balance is {balance}"
finally { assert balance == 160, "lost update: {balance}" }
"##,
    r##"const N = 1_000
var flag[2] = false
semaphore s(2)
queue q(3) via manager
pool p(3) of processes
lock m reentrant; lock fork[N]
struct Account {
    lock mu; shared balance = 0
    var label = "?"
}
invariant flag[0] or not flag[1]
expect deadlock on a, fork[0], a.mu
expect lock-order
expect ok
expect some x == 3
expect every x in [1, 2]
task t { }
task w(a, b = 1) { return a }
let a = Account(balance: 100, label: "anna \{ {a + 1} {f("x")} \" ")
spawn w x3; spawn w(1) x 3; let ws = spawn process w(1) x N
spawn daemon process w as "w{i}"
spawn process daemon w
spawn process { print 1 } spawn { } x3
spawn process
spawn process x3
let ended = join ws for 500ms
if not join ws for 5ms { }
join all for 1s
join all
let h = submit w(1) to p
submit w to p
p.terminate()
exit
exit 3
print
print -9223372036854775808, xs[1..], xs[..2], xs[1..3], xs[..], xs[1..=2]
for i in 1..=3 { if i == 2 { break } else if i == 3 { continue } else { yield } }
try { raise "x" } catch Empty, Full { } catch any as e { print e.kind }
try { q.get_nowait() }
catch Empty { }
select {
    v = q.get() => { print v }
    q.put(1) => { }; join w => { }
    after 100ms => { }
}
x += 1; x %= 2
foo(
    1,
    timeout: 5ms,
)
await x == 1 and not y
atomically { await x; x = 2 }
let pid = fork()
assert c, "m"
finally { assert x == 1 }
with rw.read { }
"##,
    MESSY,
    r##"# GoKer cockroach/1462 (timmyyuan/gobench:gobench/goker/blocking/cockroach/1462).
# Wrong: the transport has decided to send an event when the consumer sees the stop signal
# and leaves; the send blocks for ever, and so does main, which waits for both workers.
event stopper
event stopped
latch stop(0)
lock mu
condition drain(mu)
var draining = false            # guarded by mu
var num_tasks = 0               # guarded by mu
queue events(0)

fn run_worker(f) {
    stop.add(1)
    spawn {
        f()
        stop.count_down()
    }
}

fn quiesce() {
    with mu {
        draining = true
        while num_tasks > 0 { drain.wait() }
    }
}

fn shut_down() {
    quiesce()
    stopper.set()
    stop.wait()
    with mu { stopped.set() }
}

fn transport() {
    loop {
        select {
            stopper.wait() => { return }
            else           => { events.put(0) }
        }
    }
}

fn process_events() {
    loop {
        select {
            e = events.get() => { if e == none { return } }
            stopper.wait()   => { return }
        }
    }
}

run_worker(transport)
run_worker(process_events)
shut_down()
"##,
    r##"# GoKer etcd/6857 (timmyyuan/gobench:gobench/goker/blocking/etcd/6857).
# Wrong: ask_status sends its reply channel to the node without looking whether the node
# has been stopped; if it has, nobody receives.
queue status_ch(0)
queue stop_ch(0)
event done

task ask_status {
    let reply = queue(0)
    status_ch.put(reply)
    return reply.get()
}

task run_node {
    loop {
        select {
            reply = status_ch.get() => { reply.put("status") }
            stop_ch.get() => {
                done.set()
                return
            }
        }
    }
}

task stop_node {
    select {
        stop_ch.put(1) => { }
        done.wait()    => { return }
    }
    done.wait()
}

spawn run_node
spawn ask_status
spawn stop_node
"##,
    r##"# GoKer moby/17176 (timmyyuan/gobench:gobench/goker/blocking/moby/17176).
# Wrong: cleanup_deleted keeps the device lock when there is nothing to delete. The
# child waits for it for ever; main gives up waiting for the child after 1 ms.
lock ds
var nr_deleted = 0
queue done(0)

fn cleanup_deleted() {
    ds.acquire()
    if nr_deleted == 0 {
        return none         # ds stays held
    }
    ds.release()
    return "error"
}

task child {
    with ds { done.put(true) }
}

cleanup_deleted()
spawn child
select {
    after 1ms  => { }
    done.get() => { }
}
"##,
    r##"# etcd 3077 (timmyyuan/gobench: gobench/goker/nonblocking/etcd/3077): the raft node
# makes its own stop channel when it begins to run; the server reads that variable.
# Wrong: only a sleep orders the write and the read of `stopped` (race); read too
# early it is none, and sending on none waits for ever (deadlock).
var stopped = none          # the raft node's channels, made by the node itself
var done = none
queue server_stop(0)
queue server_done(0)

task raft_run {
    stopped = queue(0)
    done = queue(0)
    let my_stop = stopped
    loop {
        select {
            my_stop.get() => { break }
        }
    }
    let my_done = done
    my_done.close()
}

task server_run {
    spawn raft_run
    sleep 10ms
    server_stop.get()
    let to_raft = stopped
    select {
        to_raft.put(1) => { }       # a select, because put on none would be an error
    }
    let raft_done = done
    raft_done.get()
    server_done.close()
}

spawn server_run
select {
    server_stop.put(1) => { server_done.get() }
    server_done.get()  => { }
}
"##,
    r##"# SafeStack (mc-imperial/sctbench: benchmarks/safestack/SafeStack.cpp): a lock-free free
# list of three elements in an array; three tasks take one, write it and give it back.
# Wrong: the head may be the same again although the list below it has changed (ABA), so
# two tasks own one element. No testing tool in the published runs found it.
const TASKS = 3
const LAPS = 2
const ELEMENTS = 3
atomic head = 0
atomic count = ELEMENTS
atomic next[ELEMENTS] = -1
var value[ELEMENTS] = 0

fn pop() {
    while count > 1 {
        let head1 = head
        let next1 = next[head1].swap(-1)
        if next1 >= 0 {
            if head.cas(head1, next1) {
                count.add(-1)
                return head1
            }
            next[head1].swap(next1)
        } else {
            yield
        }
    }
    return -1
}

fn push(index) {
    let head1 = head
    loop {
        next[index] = head1
        if head.cas(head1, index) { break }
        head1 = head
    }
    count.add(1)
}

task worker(idx) {
    repeat LAPS {
        let elem = pop()
        while elem < 0 {
            yield
            elem = pop()
        }
        value[elem] = idx
        assert value[elem] == idx, "two tasks own element {elem}"
        push(elem)
    }
}

for i in 0..ELEMENTS - 1 { next[i] = i + 1 }
for i in 0..TASKS { spawn worker(i) }
join all
"##,
    r##"# Fixed twin of GoKer etcd/6873 (VladSaioc/asplos-artifact-2025:
# tester/tests/correct/gobench/goker/blocking/etcd/6873).
# Right: mu is given back before waiting for the loop to end.
lock mu
queue updatec(1)
event donec

fn coalesce(wb) {
    mu.acquire()
    mu.release()
}

task broadcast_loop {
    for wb in updatec { coalesce(wb) }
    donec.set()
}

fn update(wb) {
    select {
        updatec.put(wb) => { }
        else            => { }
    }
}

task stop_broadcasts {
    mu.acquire()
    updatec.close()
    mu.release()
    donec.wait()
}

spawn broadcast_loop
update("wb")
spawn stop_broadcasts
"##,
];

/// Laid out as badly as it can be.
pub(super) const MESSY: &str = r##"#!first

# a comment at the head
  lock   m   reentrant   # trailing
queue q( 3 )via manager;event e


task  t( a,
  b = 1 , # the second
) { # after the brace
	# inside
	if a==b and( a>1 # odd place
	or b<2 ) { print "a {b}" , a }
	# before else
	else if not a { }   # after a block
	# between
	else { f( a , timeout :5ms ) }
    let xs=[ 1,2 ,
      3, # three
      # four is missing
    ]
	try { f( ) } catch Empty , Full { x=1 }
	catch any as e{ raise  e.kind }
	select { v=q.get()=>{ print v } ; after 5ms=>{ } }
	select { # arms
	    q.put( 1 )   => { }     # sent
	    else         => { }     # not
	                            # sent
	}
	let w=spawn daemon   process t( 1 )x 3 as"w{ a }"
	x=- - 1 ; y = -x*( 2+ 3 )% 4 ; z=xs[ 1 .. ][..2]
	atomically{ await x==1; x+=1 }
	f(spawn {
	   a( ) },
	   2)
	return
	# last
}

struct S{ lock mu
   # about x
   var x=0 }
invariant x in[ 1,2 ]
# end"##;

/// The same as it should be.
pub(super) const LAID_OUT: &str = r##"#!first

# a comment at the head
lock m reentrant         # trailing
queue q(3) via manager
event e

task t(
    a,
    b = 1,  # the second
) {  # after the brace
    # inside
    if a == b and (a > 1  # odd place
        or b < 2) {
        print "a {b}", a
    }
    # before else
    else if not a { }  # after a block
    # between
    else {
        f(a, timeout: 5ms)
    }
    let xs = [
        1,
        2,
        3,  # three
        # four is missing
    ]
    try {
        f()
    } catch Empty, Full {
        x = 1
    } catch any as e {
        raise e.kind
    }
    select {
        v = q.get() => { print v }
        after 5ms => { }
    }
    select {  # arms
        q.put(1) => { }      # sent
        else     => { }      # not
                             # sent
    }
    let w = spawn daemon process t(1) x3 as "w{ a }"
    x = --1
    y = -x * (2 + 3) % 4
    z = xs[1..][..2]
    atomically {
        await x == 1
        x += 1
    }
    f(
        spawn {
            a()
        },
        2,
    )
    return
    # last
}

struct S {
    lock mu
    # about x
    var x = 0
}
invariant x in [1, 2]
# end
"##;
