//! Objects and records that are made while a script runs: their numbers, their place in the
//! arena, their fields. What becomes of them when nobody has them any more is `collect`.

use super::arena::object;
use super::cell::CELL;
use super::collect::Size;
use super::executor::Executor;
use super::process::record_age;
use super::wait::Halt;
use crate::machine::{Home, Place};
use crate::objects::{self, KINDS};
use crate::program::code::{Field, FieldArg, FieldKind};
use crate::program::value::{Error, ErrorKind, ObjRef, Value};
use std::sync::atomic::Ordering::{Relaxed, Release};

impl Executor {
    pub(super) fn new_object(&mut self, site: u32, args: &[Value]) -> Result<Value, Halt> {
        let new = &self.program.news[site as usize];
        let spec = &KINDS[new.kind as usize];
        let all = objects::arguments(spec, &new.given, args);
        let words = objects::init(new.kind, &all, new.options).map_err(|(kind, text)| Error::new(kind, text))?;
        let list = super::collect::list_of_object(site);
        let id = self.new_number(list, 1).map_err(|_| self.refuse(0, 0))?;
        self.arena.make_object(id, new.kind, words, u64::from(site) + 1, self.holder).map_err(|_| self.refuse(0, 0))?;
        self.arena.object(id, object::OPTIONS).store(object::options_by(self.task, new.options), Relaxed);
        let target = ObjRef { id, kind: new.kind };
        self.share_new(id);
        if spec.word == "pool" {
            self.share_with_workers(id, id);
            if !self.program.hires_apart(new.kind, new.options) {
                self.open_pool(id, new.options)?;
            }
        }
        self.possess(id, 1, list, self.is_managed(target));
        Ok(Value::Object(target))
    }

    pub(super) fn new_record(&mut self, site: u32, values: &[Value]) -> Result<Value, Halt> {
        let program = self.program;
        let record = &program.records[site as usize];
        let structure = &program.structs[record.structure as usize];
        let Size { vars, shared, parts } = Size::of(structure);
        let out = |e: &Self| e.refuse(0, 0);
        let list = super::collect::list_of_record(program, site);
        let first = self.new_number(list, 1 + parts).map_err(|_| out(self))?;
        let kind = objects::place::record;
        // Of the record that had the number before, which was of the same struct.
        let (age, old_base) = match self.arena.object_at(first) {
            0 => (0, 0),
            _ => (record_age(self.arena, first) + 1, self.arena.object(first, object::INFO4).load(Relaxed)),
        };
        let mut words = [0; objects::WORDS];
        words[0] = age;
        self.arena.make_object(first, kind, words, u64::from(site) + 1, self.holder).map_err(|_| out(self))?;
        self.arena.object(first, object::OPTIONS).store(object::options_by(self.task, 0), Relaxed);
        let place = |heap: super::heap::Heap, count: u32| match count {
            0 => Ok(0),
            n => heap.allocate(CELL * n as usize + 64, self.holder).map(|b| b.next_multiple_of(64)),
        };
        let var_base = place(self.image.var_heap(), vars).map_err(|_| out(self))?;
        let shared_base = match old_base {
            0 => place(self.arena.heap(), shared).map_err(|_| out(self))?,
            base => base as usize,
        };
        let words = [
            (object::INFO, u64::from(record.structure)),
            (object::INFO3, var_base as u64),
            (object::INFO4, shared_base as u64),
        ];
        for (word, value) in words {
            self.arena.object(first, word).store(value, Relaxed);
        }
        self.share_new(first);
        if vars > 0 {
            self.home.family().records.insert(first, age);
        }
        // A field that names another one comes after all that name none.
        let names_another = |field: &Field| match &field.what {
            FieldKind::Object { args, .. } => args.iter().any(|a| matches!(a, FieldArg::Sibling(_))),
            FieldKind::Memory { .. } => false,
        };
        for late in [false, true] {
            for (index, field) in structure.fields.iter().enumerate().filter(|(_, f)| names_another(f) == late) {
                let given = record.fields.iter().position(|f| *f as usize == index).and_then(|i| values.get(i));
                self.make_field(first, record.structure, index, field, given)?;
            }
        }
        // Last: who looks at all objects from outside finds it whole.
        self.arena.object(first, object::INFO2).store(u64::from(first + 1), Release);
        self.possess(first, 1 + parts, list, false);
        Ok(Value::Object(ObjRef { id: first, kind }))
    }

    fn make_field(
        &mut self,
        record: u32,
        structure: u32,
        index: usize,
        field: &Field,
        given: Option<&Value>,
    ) -> Result<(), Halt> {
        for i in 0..field.count.unwrap_or(1) {
            match &field.what {
                FieldKind::Memory { memory, first, init } => {
                    let place = Place { home: Home::Record(record), index: first + i, memory: *memory };
                    let cell = self.cell(place).map_err(|t| Error::new(ErrorKind::Type, t))?;
                    given.into_iter().for_each(|v| self.publish(v));
                    cell.init(given.unwrap_or(init), self.holder).map_err(|_| self.refuse(0, 0))?;
                }
                FieldKind::Object { kind, first, args, options } => {
                    let sibling = |number: u32| {
                        let id = record + 1 + number;
                        Value::Object(ObjRef { id, kind: self.arena.kind(id) })
                    };
                    let args: Vec<Value> = args
                        .iter()
                        .map(|a| match a {
                            FieldArg::Value(v) => v.clone(),
                            FieldArg::Sibling(n) => sibling(*n),
                        })
                        .collect();
                    let words = objects::init(*kind, &args, *options).map_err(|(kind, text)| Error::new(kind, text))?;
                    let id = record + 1 + first + i;
                    self.arena.make_object(id, *kind, words, 0, self.holder).map_err(|_| self.refuse(0, 0))?;
                    let words = [
                        (object::OPTIONS, object::options_by(self.task, *options)),
                        (object::INFO, u64::from(structure)),
                        (object::INFO2, index as u64),
                        (object::INFO3, u64::from(i)),
                        (object::INFO4, u64::from(record) + 1),
                    ];
                    for (word, value) in words {
                        self.arena.object(id, word).store(value, Relaxed);
                    }
                    if KINDS[*kind as usize].word == "pool" {
                        self.share_with_workers(id, record);
                        if !self.program.hires_apart(*kind, *options) {
                            self.open_pool(id, *options)?;
                        }
                    }
                }
            }
        }
        Ok(())
    }
}
