-- Starts the server for the file type, in any Neovim from 0.7 on.

if vim.lsp.enable then
  vim.lsp.enable("conc")
  return
end

local client
vim.api.nvim_create_autocmd("FileType", {
  pattern = "conc",
  callback = function(event)
    if not client then
      local config = dofile(vim.api.nvim_get_runtime_file("lsp/conc.lua", false)[1])
      client = vim.lsp.start_client({ name = "conc", cmd = config.cmd, commands = config.commands })
    end
    vim.lsp.buf_attach_client(event.buf, client)
  end,
})
