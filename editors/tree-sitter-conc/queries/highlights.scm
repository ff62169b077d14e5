; What is what in a conc script.

(comment) @comment
(string) @string
(string_content) @string
(escape) @string.escape
(hole ["{" "}"] @punctuation.special)

(integer) @number
(duration) @number
(boolean) @boolean
(none) @constant.builtin
(self) @variable.builtin

(kind) @type
(option) @keyword.modifier
(code) @constant
(count) @keyword.modifier

(const_item name: (identifier) @constant)
(struct_item name: (identifier) @type)
(task_item name: (identifier) @function)
(fn_item name: (identifier) @function)
(declaration name: (identifier) @variable)
(parameter name: (identifier) @variable.parameter)
(named_argument name: (identifier) @variable.parameter)
(let_statement name: (identifier) @variable)
(for_statement name: (identifier) @variable)
(arm name: (identifier) @variable)
(catch_clause error: (identifier) @type)
(catch_clause name: (identifier) @variable)

(call callee: (identifier) @function.call)
(call callee: (field name: (identifier) @function.method))
(field name: (identifier) @property)
(spawn task: (identifier) @function.call)
(submit task: (identifier) @function.call)

[
  "if" "else" "while" "loop" "repeat" "for" "return"
  "select" "after" "try" "catch" "raise" "with" "atomically" "await" "exit"
  "finally" "invariant" "expect" "some" "every" "on" "as" "to" "x" "all"
] @keyword
; "break", "continue" and "yield" are whole statements.
[(break_statement) (continue_statement) (yield_statement)] @keyword
["spawn" "join" "submit" "terminate" "kill"] @keyword.coroutine
["process" "thread" "daemon"] @keyword.modifier
["print" "sleep" "busy" "assert"] @function.builtin
["const" "struct" "task" "fn" "let"] @keyword.type
["or" "and" "not" "in"] @keyword.operator

[
  "=" "+=" "-=" "*=" "/=" "%=" "==" "!=" "<" "<=" ">" ">=" ".." "..="
  "+" "-" "*" "/" "%" "=>"
] @operator

["{" "}" "[" "]" "(" ")"] @punctuation.bracket
["," ";" "." ":"] @punctuation.delimiter
