-- `conc lsp`. The lenses `check` and `run` open a terminal below.

local function in_terminal(name)
  return function(command)
    local path = vim.uri_to_fname(command.arguments[1])
    vim.cmd("silent update")
    vim.cmd("botright new")
    if vim.fn.has("nvim-0.11") == 1 then
      vim.fn.jobstart({ "conc", name, path }, { term = true })
    else
      vim.fn.termopen({ "conc", name, path })
    end
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
