//! `select` into code: its arms, the operations that can be one, and what is said of
//! others.

use super::*;

impl Compiler<'_> {
    pub(super) fn select(&mut self, select: &Select, span: Span) {
        let head = Span::new(span.start as usize, span.start as usize + "select".len());
        let mut arms = Vec::new();
        for arm in &select.arms {
            if let Some(operation) = self.arm_operation(arm) {
                arms.push(ArmSite { operation, span: arm.operation.span, bind: None, body: 0 });
            }
        }
        if let Some((duration, _)) = &select.after {
            self.want_duration(duration, "after");
            self.expression(duration);
        }
        if select.arms.is_empty() && select.after.is_none() && select.otherwise.is_none() {
            self.error(
                ScriptError::new(span, "a `select` without arms waits for ever")
                    .help("add an arm: `v = q.get() => { }`"),
            );
        }
        let index = self.program.selects.len() as u32;
        self.program.selects.push(SelectSite { arms, after: None, otherwise: None });
        self.emit(Instr::Select(index), head);
        let mut ends = Vec::new();
        for (i, arm) in select.arms.iter().enumerate() {
            let body = self.here();
            self.enter();
            let bind = arm.bind.as_ref().map(|n| self.define_local(n));
            self.block_contents(&arm.body);
            self.leave(arm.span);
            ends.push(self.emit(Instr::Jump(0), arm.span));
            if let Some(site) = self.program.selects[index as usize].arms.get_mut(i) {
                (site.bind, site.body) = (bind, body);
            }
        }
        if let Some((_, body)) = &select.after {
            self.program.selects[index as usize].after = Some(self.here());
            self.block(body);
            ends.push(self.emit(Instr::Jump(0), span));
        }
        if let Some(body) = &select.otherwise {
            self.program.selects[index as usize].otherwise = Some(self.here());
            self.block(body);
            ends.push(self.emit(Instr::Jump(0), span));
        }
        ends.into_iter().for_each(|e| self.land(e));
    }

    fn arm_operation(&mut self, arm: &SelectArm) -> Option<ArmOperation> {
        match &arm.operation.kind {
            ExprKind::Join { what: ast::JoinWhat::Value(e), timeout: None } => {
                if self.certain(e) != Some(certain::Certain::None) {
                    self.want_handle(e, "join");
                }
                self.expression(e);
                Some(ArmOperation::Join)
            }
            ExprKind::Call { callee, args } => {
                if let ExprKind::Field { object, field } = &callee.kind {
                    let call = self.method_operands(object, field, args, arm.operation.span)?;
                    if let (Some(method), Some(kind)) = (call.method, self.kind_of(object)) {
                        let spec = self.spec(kind);
                        if !spec.methods[method as usize].waits {
                            let error = ScriptError::new(
                                arm.operation.span,
                                format!("`{}` of {} never waits", field.text, a(spec.word)),
                            )
                            .label("not an arm")
                            .help("an arm is an operation that can wait: get, put, acquire, wait, join");
                            self.error(error);
                        } else if !(spec.arm)(self.options_of(object)) {
                            self.not_selectable(object, spec);
                        } else if spec.methods[method as usize].is_limited(
                            call.positional as usize,
                            call.named.iter().map(|n| self.program.symbols[*n as usize].as_str()),
                        ) {
                            let error = ScriptError::new(arm.operation.span, "an arm waits as long as its `select`")
                                .label("this has an end of its own")
                                .help("give the `select` an arm `after 10ms`, or `else` for what is not ready");
                            self.error(error);
                        }
                    }
                    return Some(ArmOperation::Method(call));
                }
                self.arm_error(arm)
            }
            _ => self.arm_error(arm),
        }
    }

    /// Why a `select` cannot wait for it is the kind's: a queue behind a manager is
    /// no memory of this process, a barrier and a condition count who arrives.
    fn not_selectable(&mut self, object: &Expr, spec: &KindSpec) {
        let manager = if spec.word == "queue" { " behind a manager" } else { "" };
        let error = ScriptError::new(object.span, format!("{}{manager} cannot be an arm of a `select`", a(spec.word)));
        self.error(error.label("not an arm").help(match spec.word {
            "queue" => "take a queue without `via manager`: it works between processes too",
            _ => "wait for it in a task of its own, which sets an `event` that can be an arm",
        }));
    }

    fn arm_error(&mut self, arm: &SelectArm) -> Option<ArmOperation> {
        let error = ScriptError::new(arm.operation.span, "this cannot be an arm of a `select`")
            .help("an arm is an operation that can wait: get, put, acquire, wait, join");
        self.error(error);
        None
    }
}
