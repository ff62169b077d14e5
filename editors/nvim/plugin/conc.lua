-- Makes `*.conc` a file type and starts the server for it.

vim.filetype.add({ extension = { conc = "conc" } })

if vim.lsp.enable then
  vim.lsp.enable("conc")
end
