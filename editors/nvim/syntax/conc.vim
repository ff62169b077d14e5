" Highlighting of conc scripts where there is no tree-sitter.

if exists("b:current_syntax")
  finish
endif

syntax case match

syntax keyword concControl if else while loop repeat for break continue return select after
syntax keyword concControl try catch raise with atomically await exit yield finally invariant expect
syntax keyword concTask spawn join submit terminate kill
syntax keyword concStatement print sleep busy assert
syntax keyword concStructure const struct task fn let
syntax keyword concOperator or and not in
syntax keyword concConstant true false none self
syntax match concKind /\%(^\|[;{]\)\s*\zs\%(var\|shared\|atomic\|lock\|rwlock\|semaphore\|condition\|event\|barrier\|latch\|queue\|pool\)\ze\s\+\h/
syntax match concNumber /\<\d\+\%(_\d\+\)*\%(ns\|us\|ms\|s\)\?\>/
syntax match concComment /#.*$/ contains=@Spell
syntax region concString start=/"/ skip=/\\./ end=/"/ oneline contains=concEscape,concHole,@Spell
syntax match concEscape /\\./ contained
syntax region concHole matchgroup=concEscape start=/{/ end=/}/ contained oneline contains=TOP

highlight default link concControl Keyword
highlight default link concTask Keyword
highlight default link concStatement Function
highlight default link concStructure StorageClass
highlight default link concOperator Operator
highlight default link concConstant Constant
highlight default link concKind Type
highlight default link concNumber Number
highlight default link concComment Comment
highlight default link concString String
highlight default link concEscape SpecialChar

let b:current_syntax = "conc"
