-- `conc lsp` for Neovim 0.11 and later. The lenses `check` and `run` open a
-- terminal below.

local function in_terminal(name)
  return function(command)
    local path = vim.uri_to_fname(command.arguments[1])
    vim.cmd.update({ mods = { silent = true } })
    vim.cmd.new({ mods = { split = "botright" } })
    vim.fn.jobstart({ "conc", name, path }, { term = true })
  end
end

return {
  cmd = { "conc", "lsp" },
  filetypes = { "conc" },
  root_markers = { ".git" },
  commands = {
    ["conc.check"] = in_terminal("check"),
    ["conc.run"] = in_terminal("run"),
  },
}
