//! Every interleaving of a script: states, the explorer, what can and what
//! cannot happen, and the shortest ways there. It drives the same machine and
//! the same objects as a run, and knows nothing of the operating system: time,
//! memory and interruption come in through a question that it asks now and then.

pub mod accept;
mod alike;
mod batch;
mod ending;
mod explore;
mod fair;
mod fetch;
mod fewest;
mod finding;
pub mod follow;
mod groups;
mod hopeless;
mod joined;
pub mod live;
mod memo;
mod model;
mod mover;
mod moves;
mod order;
mod outcome;
mod part;
mod persistent;
mod process;
mod record;
mod said;
mod same;
pub mod schedule;
mod seen;
mod shortcut;
mod shortest;
mod sleep;
mod step;
pub mod stepper;
mod store;
pub mod strategy;
mod switches;
mod symmetry;
mod turn;
mod unbegun;
mod waits;
pub mod walk;
mod way;
mod workers;

pub use outcome::{Outcome, Pairs};
pub use schedule::Schedule;
pub use strategy::{Sampled, Sampling, Strategy, sample};
pub use way::{Lane, LaneStep, Way};

use crate::detect::finding::{Code, Facts, Finding};
use crate::program::Program;
use crate::program::code::{Field, FieldKind};
use crate::program::kind::Memory;
use explore::{Explorer, Found1, What};
use model::{Guards, Memorable, Model};
use mover::Movers;
use std::collections::BTreeSet;
use std::sync::Mutex;

/// How to explore.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    pub states_max: Option<u64>,
    /// In bytes, for the states.
    pub memory_max: u64,
    /// Every access is a transition of its own: no reduction at all.
    pub plain: bool,
    /// Races by the exact order of accesses, whatever the program.
    pub exact: bool,
    /// End with the first finding that is no note.
    pub first: bool,
    /// Steps that matter to nobody else go with the step before them.
    pub merging: bool,
    /// Accesses that a lock guards are not compared.
    pub guarding: bool,
    /// Releases go with the step before them where nothing is left to compare.
    pub joining: bool,
    /// A task whose next step is its own affair goes alone.
    pub alone: bool,
    /// Of states that differ only in which of alike tasks is where, one is
    /// enough.
    pub symmetry: bool,
    /// Of two transitions that commute one order is enough.
    pub sleeping: bool,
    /// Where an exploration grows large, only some tasks are followed if nothing
    /// that the others may do has to do with what these do next.
    pub persistent: bool,
    /// That is from so many states on.
    pub persistent_from: usize,
    /// Much of what transitions come to is found by a few bits of a packed state: that is faster
    /// and makes no difference, which is what it can be left out for.
    pub shortcuts: bool,
    /// So many threads look at states; what they find does not depend on it.
    pub jobs: usize,
    /// For the schedules.
    pub hash: u16,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            states_max: None,
            memory_max: 4 << 30,
            plain: false,
            exact: false,
            first: false,
            merging: true,
            guarding: true,
            joining: true,
            alone: true,
            symmetry: true,
            sleeping: true,
            persistent: true,
            persistent_from: 1 << 18,
            shortcuts: true,
            jobs: 1,
            hash: 0,
        }
    }
}

impl Options {
    /// These options without what makes no difference for a script: two ways to
    /// explore it that have the same left are one.
    pub fn effective(&self, program: &Program) -> Options {
        let symmetry = self.symmetry && !symmetry::sites(program).is_empty();
        let told = self.with(&Movers::of(program).with_workers(self.plain));
        let persistent_from = if told.persistent { told.persistent_from } else { usize::MAX };
        Options { symmetry: symmetry && told.merging, persistent_from, ..told }
    }

    /// The same, with what is known of the code by now.
    fn with(&self, movers: &Movers) -> Options {
        let plain = self.plain || !self.merging || movers.deadly;
        Options {
            plain: self.plain && !movers.deadly,
            merging: !plain,
            exact: self.exact || movers.observes,
            guarding: self.guarding && !plain,
            joining: self.joining && !plain,
            // Whoever may be ended at any moment may be so before its own affairs
            // too.
            alone: self.alone && !self.plain && !movers.deadly,
            sleeping: self.sleeping && !self.plain,
            persistent: self.persistent && !plain && self.alone && movers.only_threads(),
            ..self.clone()
        }
    }
}

/// Why an exploration ended before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    States,
    Memory,
    Time,
    Interrupted,
    /// The first finding was enough.
    First,
}

/// How far it is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    pub states: u64,
    /// Of these, whose transitions are known.
    pub done: u64,
    pub transitions: u64,
    pub bytes: u64,
    pub depth: u32,
}

/// What is known of a kind of finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Absent,
    Found,
    Undecided,
}

impl Verdict {
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Absent => "absent",
            Verdict::Found => "found",
            Verdict::Undecided => "undecided",
        }
    }
}

/// A finding and the way to it.
#[derive(Clone, Debug)]
pub struct Shown {
    pub finding: Finding,
    pub way: Way,
    /// Of random schedules: the number of the first that showed it.
    pub first: Option<u64>,
    /// What makes it the same as what another exploration shows; circles have none.
    key: Option<same::Key>,
}

/// `expect some`, `expect every`: what came of it.
#[derive(Clone, Debug)]
pub struct Claimed {
    pub every: bool,
    pub span: crate::lang::ast::Span,
    /// How many outcomes of complete executions had it true, and how many not; of random
    /// schedules, how many of these.
    pub holds: u64,
    pub fails: u64,
    /// Where it is neither true nor false at an end: why, of one of them.
    pub why: Option<String>,
}

/// What an exploration came to.
#[derive(Clone, Debug)]
pub struct Report {
    pub stop: Option<Stop>,
    /// All was explored, but for whether there are more races than those that
    /// were found: why.
    pub races_stop: Option<Stop>,
    /// Something was not gone through: why.
    pub cut: Option<&'static str>,
    /// The most that there were at once, of all that a limit was compared with.
    pub states: u64,
    /// All that were made.
    pub transitions: u64,
    /// As the states.
    pub bytes: u64,
    pub depth: u32,
    pub found: Vec<Shown>,
    pub verdicts: Vec<(Code, Verdict)>,
    pub outcomes: Vec<Outcome>,
    pub more_outcomes: bool,
    pub claims: Vec<Claimed>,
    /// How often it began anew, since something was seen that has to be looked
    /// at more closely.
    pub passes: u32,
    /// Of random schedules: how many, and what came how often.
    pub sampled: Option<Sampled>,
}

impl Report {
    /// Of a script of which not even the first state was made.
    fn of_nothing(program: &Program, stop: Stop) -> Report {
        let claim =
            |c: &crate::program::code::Claim| Claimed { every: c.every, span: c.span, holds: 0, fails: 0, why: None };
        Report {
            stop: Some(stop),
            races_stop: None,
            cut: None,
            states: 0,
            transitions: 0,
            bytes: 0,
            depth: 0,
            found: Vec::new(),
            verdicts: verdicts(&[], false, false),
            outcomes: Vec::new(),
            more_outcomes: false,
            claims: program.claims.iter().map(claim).collect(),
            passes: 0,
            sampled: None,
        }
    }

    /// Everything is known.
    pub fn complete(&self) -> bool {
        self.explored() && self.races_stop.is_none()
    }

    /// Every state was met: all is known but, perhaps, further races.
    pub fn explored(&self) -> bool {
        self.stop.is_none() && self.cut.is_none() && self.sampled.is_none()
    }
}

/// About so much memory takes each place of declared memory while the first state is made.
const PLACE_BYTES: u64 = 400;

/// Whether the first state alone needs more memory than there is for all of them.
fn outgrows(program: &Program, options: &Options) -> bool {
    (program.cells.len() as u64).saturating_mul(PLACE_BYTES) >= options.memory_max
}

/// The codes that a check decides; notes are told as they come.
pub fn decided() -> impl Iterator<Item = Code> {
    Code::ALL.into_iter().filter(|c| !c.is_note())
}

/// Explores a script. `ask` is called now and then and may end it.
///
/// # Errors
///
/// A declaration that cannot be made: its place in `Program::objects`, and why.
pub fn check(
    program: &'static Program,
    options: &Options,
    ask: &mut dyn FnMut(&Progress) -> Option<Stop>,
) -> Result<Report, (usize, String)> {
    if outgrows(program, options) {
        return Ok(Report::of_nothing(program, Stop::Memory));
    }
    let mut report = explore_all(program, options, ask)?;
    shortest::shorten(program, options, &mut report, ask);
    Ok(report)
}

/// The most that one exploration of a check has come to: each has what was met before anew.
#[derive(Default)]
struct Most {
    states: u64,
    bytes: u64,
    depth: u32,
}

impl Most {
    /// Explores, be it on, and keeps what that has come to.
    fn run(
        &mut self,
        explorer: &mut Explorer,
        ask: &mut dyn FnMut(&Progress) -> Option<Stop>,
    ) -> Result<(), (usize, String)> {
        explorer.run(ask)?;
        // It may leave off for something else before it looks at the limit once more.
        if explorer.stop.is_none() && explorer.is_full() {
            explorer.stop = Some(Stop::States);
        }
        let came_to = explorer.progress_now();
        self.states = self.states.max(came_to.states);
        self.bytes = self.bytes.max(came_to.bytes);
        self.depth = self.depth.max(came_to.depth);
        Ok(())
    }
}

fn explore_all(
    program: &'static Program,
    options: &Options,
    ask: &mut dyn FnMut(&Progress) -> Option<Stop>,
) -> Result<Report, (usize, String)> {
    let mut visible = visible(program);
    let mut known_races = BTreeSet::new();
    let mut open = BTreeSet::new();
    let mut races: Vec<Shown> = Vec::new();
    let (mut passes, mut transitions, mut most) = (0, 0, Most::default());
    let mut symmetry = options.symmetry;
    // What an exploration came to that did not look for races.
    let mut careless: Option<Report> = None;
    // What was found before all began anew for a race.
    let mut before: Vec<(Found1, Shown, same::Key)> = Vec::new();
    loop {
        passes += 1;
        let mut model = model(program, options, &visible, &known_races, std::mem::take(&mut open));
        // Once circles are settled, what stands for others is as good as they are.
        let may_exchange = symmetry || careless.is_some() && options.symmetry;
        model.symmetry = may_exchange && model.together && !symmetry::sites(program).is_empty();
        // Once there is a race, looking for others needs the order of all accesses,
        // which makes more states of each. So all else is settled first, where no
        // other race could make two steps of what is taken for one. A script without
        // plain memory has no race at all.
        let looks_away = !known_races.is_empty() && careless.is_none() && !options.plain && !options.exact;
        let nothing_races = every_plain_place(program).next().is_none();
        if nothing_races || looks_away && every_plain_place(program).all(|(memory, _)| visible.contains(&memory)) {
            (model.careless, model.exact) = (true, false);
        }
        let mut explorer = Explorer::new(&model, options);
        // The exact order names all tasks, so that all have to do with each other.
        let may_choose = options.with(&model.movers).persistent && !model.exact;
        if model.symmetry && careless.is_none() && Movers::may_recur(program) {
            explorer.end_at_circle();
        }
        explorer.pause_at = if may_choose { options.persistent_from } else { usize::MAX };
        most.run(&mut explorer, ask)?;
        let mut early = Vec::new();
        let is_paused = explorer.is_paused() && !explorer.circular;
        if is_paused && explorer.stop.is_none() && !explorer.guards_broken() && !explorer.begins_anew() {
            match follow_some(&model, options, &mut most, ask)? {
                Some(other) => {
                    transitions += explorer.transitions;
                    early = shown_of(&mut explorer, ask);
                    explorer = other;
                }
                None => {
                    explorer.pause_at = usize::MAX;
                    most.run(&mut explorer, ask)?;
                }
            }
        }
        transitions += explorer.transitions;
        let broken = explorer.guards_broken();
        // Whether circles are anybody's trouble is not seen in states that stand for others.
        symmetry &= !explorer.circular;
        if (broken || explorer.circular) && explorer.stop.is_none() {
            keep_for_a_limit(&mut before, early, &mut explorer, ask);
            open = model.guards().open.clone();
            continue;
        }
        if explorer.stop.is_some_and(|stop| stop != Stop::First) {
            explorer.tell_of_the_open();
        }
        explorer.heed(ask);
        // A race makes each access to the place a step that others can see.
        let mut more = false;
        for found in explorer.found.clone() {
            if let What::Event(seen::Event::Race { name, memory, .. }) = &found.what
                && (!options.first || races.is_empty())
                && known_races.insert(name.clone())
            {
                explorer.heed(ask);
                races.push(way::shown(&mut explorer, &found));
                more |= model.begins_anew(memory);
                visible.insert(*memory);
            }
        }
        if more && explorer.stop.is_none() && (!options.first || races.is_empty()) {
            keep_for_a_limit(&mut before, early, &mut explorer, ask);
            open = model.guards().open.clone();
            continue;
        }
        if options.first && !races.is_empty() {
            explorer.stop = explorer.stop.or(Some(Stop::First));
        }
        // All but further races was settled before, circles too.
        if let Some(mut report) = careless.take() {
            report.races_stop = explorer.stop;
            report.cut = report.cut.or(explorer.cut);
            (report.passes, report.transitions) = (passes, transitions);
            (report.states, report.bytes, report.depth) = (most.states, most.bytes, most.depth);
            report.found.retain(|s| s.finding.code != Code::Race);
            report.found.extend(one_for_each_declaration(races));
            report.found.sort_by_key(rank);
            return Ok(report);
        }
        let circles =
            explorer.stop.is_none() && explorer.cut.is_none() && Movers::may_recur(program) && explorer.recurs();
        let circles = circles && !explorer.follows_some();
        if circles && explorer.symmetry.is_some() && live::has_circle(&mut explorer, ask) {
            symmetry = false;
            open = model.guards().open.clone();
            continue;
        }
        if circles && explorer.symmetry.is_none() {
            live::search(&mut explorer, ask);
        }
        let all_race = || every_plain_place(program).all(|(_, name)| known_races.contains(&name));
        if model.careless && explorer.stop.is_none() && !all_race() {
            open = model.guards().open.clone();
            careless = Some(report(explorer, races.clone(), early, (passes, transitions), &most, ask));
            continue;
        }
        // A limit may come before it is found again.
        if explorer.stop.is_some_and(|stop| stop != Stop::First) {
            add_others(&mut early, before);
        }
        return Ok(report(explorer, races, early, (passes, transitions), &most, ask));
    }
}

/// Keeps what an exploration that begins anew, and one `early` before it, came to: it is told if a
/// limit comes before it is found again.
fn keep_for_a_limit(
    before: &mut Vec<(Found1, Shown, same::Key)>,
    early: Vec<(Found1, Shown, same::Key)>,
    explorer: &mut Explorer,
    ask: &mut dyn FnMut(&Progress) -> Option<Stop>,
) {
    add_others(before, early);
    explorer.tell_of_the_open();
    add_others(before, shown_of(explorer, ask));
}

/// Adds those that are not the same as one that is there.
fn add_others(all: &mut Vec<(Found1, Shown, same::Key)>, others: Vec<(Found1, Shown, same::Key)>) {
    for one in others {
        if !all.iter().any(|o| o.2 == one.2) {
            all.push(one);
        }
    }
}

/// Explores with only some tasks followed, until what was chosen rests on all that is
/// known; none if that spares little, or if there may be circles, which are not
/// all among what is followed.
fn follow_some<'m>(
    model: &'m Model,
    options: &'m Options,
    most: &mut Most,
    ask: &mut dyn FnMut(&Progress) -> Option<Stop>,
) -> Result<Option<Explorer<'m>>, (usize, String)> {
    let mut explorer = Explorer::new(model, options);
    explorer.follow_some(Movers::may_recur(model.program));
    loop {
        most.run(&mut explorer, ask)?;
        if explorer.stop.is_some() || explorer.guards_broken() || explorer.begins_anew() {
            return Ok(Some(explorer));
        }
        if explorer.chooses_in_vain() {
            return Ok(None);
        }
        if !explorer.chose_wrong() {
            return Ok((!explorer.followed_circle()).then_some(explorer));
        }
        explorer.restart();
    }
}

/// What an exploration has found but races, each with its way.
fn shown_of(
    explorer: &mut Explorer,
    ask: &mut dyn FnMut(&Progress) -> Option<Stop>,
) -> Vec<(Found1, Shown, same::Key)> {
    let found = explorer.found.clone();
    let not_races = found.into_iter().filter(|f| !matches!(&f.what, What::Event(seen::Event::Race { .. })));
    let with_way = |found: Found1| {
        explorer.heed(ask);
        let key = same::key(explorer, &found);
        let shown = way::shown(explorer, &found);
        (found, shown, key)
    };
    not_races.map(with_way).collect()
}

/// Declared memory that is not atomic: each place's declaration and name.
fn every_plain_place(program: &Program) -> impl Iterator<Item = (Memorable, String)> {
    let declared = (0..program.cells.len() as u32).filter_map(|cell| {
        let decl = program.cells[cell as usize];
        let plain = program.memory[decl as usize].memory != Memory::Atomic;
        plain.then(|| (Memorable::Declared(decl), program.cell_name(cell)))
    });
    let fields = program.structs.iter().enumerate().flat_map(|(s, structure)| {
        let plain = |field: &Field| matches!(field.what, FieldKind::Memory { memory, .. } if memory != Memory::Atomic);
        let fields = structure.fields.iter().enumerate().filter(move |(_, f)| plain(f));
        fields.flat_map(move |(f, field)| {
            let place = Memorable::Field(s as u32, f as u32);
            (0..field.count.unwrap_or(1)).map(move |n| (place, structure.field_name(field, n)))
        })
    });
    declared.chain(fields)
}

/// What holds for all transitions, with what is known by now.
fn model(
    program: &'static Program,
    options: &Options,
    visible: &BTreeSet<Memorable>,
    known_races: &BTreeSet<String>,
    open: BTreeSet<Memorable>,
) -> Model {
    let movers = Movers::of(program).with_workers(options.plain || open.contains(&Memorable::Workers));
    let options = options.with(&movers);
    Model {
        program,
        space: part::Space::new(program.objects.len() as u32 + 1),
        plain: !options.merging,
        visible: visible.clone(),
        known_races: known_races.clone(),
        // Once there is a race, what is read at the place shows the order of
        // other accesses too, and orders nothing.
        exact: options.exact || !known_races.is_empty(),
        blind: false,
        careless: false,
        together: options.merging && !movers.results_seen,
        symmetry: false,
        guarding: options.guarding,
        alone: options.alone,
        sleeping: options.sleeping,
        movers: if options.joining { movers } else { movers.without_joins() },
        guards: Mutex::new(Guards { open, ..Guards::default() }),
        endless: std::sync::atomic::AtomicBool::new(false),
    }
}

/// Memory to which each access is a step that others can see, whatever is found.
fn visible(program: &Program) -> BTreeSet<Memorable> {
    let mut visible = watched(program);
    if Movers::of(program).copies {
        visible.extend(private(program));
    }
    visible
}

/// What invariants look at is looked at after every write.
fn watched(program: &Program) -> BTreeSet<Memorable> {
    let mut visible = BTreeSet::new();
    for (_, reads) in &program.invariants {
        visible.extend(reads.cells.iter().map(|c| Memorable::Declared(program.cells[*c as usize])));
        for row in &reads.rows {
            let first = program.memory_rows[*row as usize].first;
            visible.insert(Memorable::Declared(program.cells[first as usize]));
        }
        if reads.anything {
            visible.extend((0..program.memory.len() as u32).map(Memorable::Declared));
            for (s, structure) in program.structs.iter().enumerate() {
                visible.extend((0..structure.fields.len() as u32).map(|f| Memorable::Field(s as u32, f)));
            }
        }
        for (s, structure) in program.structs.iter().enumerate() {
            let named = (0..).zip(&structure.fields).filter(|(_, field)| reads.fields.contains(&field.symbol));
            visible.extend(named.map(|(f, _)| Memorable::Field(s as u32, f)));
        }
    }
    visible
}

/// Memory that a new process gets a copy of.
fn private(program: &Program) -> Vec<Memorable> {
    let declared = program.memory.iter().enumerate().filter(|(_, m)| m.memory == Memory::Var);
    let mut all: Vec<Memorable> = declared.map(|(i, _)| Memorable::Declared(i as u32)).collect();
    for (s, structure) in program.structs.iter().enumerate() {
        let own = |f: &Field| matches!(f.what, FieldKind::Memory { memory: Memory::Var, .. });
        let fields = structure.fields.iter().enumerate().filter(|(_, f)| own(f));
        all.extend(fields.map(|(f, _)| Memorable::Field(s as u32, f as u32)));
    }
    all
}

/// `early`: what was found, on the shortest ways, before only some tasks were
/// followed.
fn report(
    mut explorer: Explorer,
    races: Vec<Shown>,
    early: Vec<(Found1, Shown, same::Key)>,
    (passes, transitions): (u32, u64),
    most: &Most,
    ask: &mut dyn FnMut(&Progress) -> Option<Stop>,
) -> Report {
    let mut all = early;
    add_others(&mut all, shown_of(&mut explorer, ask));
    let lock_order = all.iter().any(|f| matches!(&f.0.what, What::Stuck(s) if s.finding.is_circle_of_locks()));
    let mut found = told(races, all.into_iter().map(|(found, shown, _)| (found, shown)).collect());
    if explorer.stop == Some(Stop::First) {
        // Several may be met at once.
        let mut failures = 0;
        found.retain(|shown| {
            failures += u32::from(!shown.finding.code.is_note());
            shown.finding.code.is_note() || failures == 1
        });
    }
    let complete = explorer.stop.is_none() && explorer.cut.is_none();
    let verdicts = verdicts(&found, lock_order, complete);
    let claims = explorer.model.program.claims.iter().enumerate().map(|(i, claim)| {
        let (holds, fails) = explorer.outcomes.claims.get(i).copied().unwrap_or_default();
        let why = explorer.outcomes.whys.get(i).cloned().flatten();
        Claimed { every: claim.every, span: claim.span, holds, fails, why }
    });
    let claims = claims.collect();
    Report {
        stop: explorer.stop,
        races_stop: None,
        cut: explorer.cut,
        states: most.states,
        transitions,
        bytes: most.bytes,
        depth: most.depth,
        verdicts,
        claims,
        found,
        outcomes: explorer.outcomes.all.iter().map(|o| o.0.clone()).collect(),
        more_outcomes: explorer.outcomes.more,
        passes,
        sampled: None,
    }
}

/// Races of the same statements on several places of one declaration are one, on its
/// shortest way.
fn one_for_each_declaration(mut races: Vec<Shown>) -> Vec<Shown> {
    races.sort_by_key(rank);
    let mut found: Vec<Shown> = Vec::new();
    for race in races {
        let declared = |f: &Finding| if let Facts::Race { declared, .. } = &f.facts { *declared } else { None };
        let places = race.finding.places();
        let is_it = |known: &&mut Shown| {
            let known = &known.finding;
            known.code == Code::Race && declared(known) == declared(&race.finding) && known.places() == places
        };
        match found.iter_mut().find(is_it) {
            Some(known) => known.finding.also_on.extend(race.finding.on),
            None => found.push(race),
        }
    }
    found
}

/// What is told of all that was found, in order.
fn told(races: Vec<Shown>, others: Vec<(Found1, Shown)>) -> Vec<Shown> {
    let mut found = one_for_each_declaration(races);
    let abandoned_told = |shown: &[Shown], name: &str| {
        shown.iter().any(|s| s.finding.code == Code::AbandonedLock && s.finding.on.iter().any(|n| n == name))
    };
    let mut later = Vec::new();
    for (one, shown) in others {
        if matches!(&one.what, What::Event(seen::Event::Abandoned { .. })) {
            later.push(shown);
        } else {
            found.push(shown);
        }
    }
    // A lock that stuck tasks wait for is told there.
    for shown in later {
        if !shown.finding.on.iter().any(|n| abandoned_told(&found, n)) {
            found.push(shown);
        }
    }
    found.sort_by_key(rank);
    found
}

/// The shortest way first, and notes behind all others.
fn rank(shown: &Shown) -> (bool, usize, bool) {
    (shown.finding.code.is_note(), shown.way.turns(), shown.finding.code != Code::Race)
}

fn verdicts(found: &[Shown], lock_order: bool, complete: bool) -> Vec<(Code, Verdict)> {
    let verdict = |code: Code| {
        let seen = found.iter().any(|s| s.finding.code == code) || (code == Code::LockOrder && lock_order);
        match (seen, complete) {
            (true, _) => Verdict::Found,
            (false, true) => Verdict::Absent,
            (false, false) => Verdict::Undecided,
        }
    };
    decided().map(|c| (c, verdict(c))).collect()
}
