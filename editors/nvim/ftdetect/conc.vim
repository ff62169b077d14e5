" Makes `*.conc` a file type.
autocmd BufRead,BufNewFile *.conc setfiletype conc
