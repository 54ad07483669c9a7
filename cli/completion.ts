/** `locum completion bash | zsh | fish | powershell`: scripts that ask `locum complete-words` for what can come next. */
import { Argument, type Command } from 'commander';

const bash = `# Completion of locum for bash. Load it with: source <(locum completion bash)
_locum() {
  local IFS=$'\\n'
  COMPREPLY=($(compgen -W "$(locum complete-words -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _locum locum
`;

const zsh = `#compdef locum
# Completion of locum for zsh. Load it with: source <(locum completion zsh)
_locum() {
  local -a words_next
  words_next=("\${(@f)$(locum complete-words -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  compadd -a words_next
}
compdef _locum locum
`;

const fish = `# Completion of locum for fish. Load it with: locum completion fish | source
complete -c locum -f -a '(locum complete-words -- (commandline -opc)[2..] (commandline -ct) 2>/dev/null)'
`;

// An empty argument does not reach a program of every PowerShell, so that a new word begins is said by a flag.
const powershell = `# Completion of locum for PowerShell. Load it with: locum completion powershell | Out-String | Invoke-Expression
Register-ArgumentCompleter -Native -CommandName locum -ScriptBlock {
  param($wordToComplete, $commandAst, $cursorPosition)
  $begun = @($commandAst.CommandElements | Select-Object -Skip 1 | Where-Object { $_.Extent.StartOffset -lt $cursorPosition })
  $words = @($begun | ForEach-Object { $_.ToString() })
  $flags = @()
  if ($wordToComplete -eq '') { $flags += '--new-word' }
  & locum complete-words @flags '--' @words 2> $null |
    Where-Object { $_.StartsWith($wordToComplete) } |
    ForEach-Object { [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_) }
}
`;

const scripts: Readonly<Record<string, string>> = { bash, zsh, fish, powershell };

export function define(completion: Command): void {
  completion
    .addArgument(new Argument('<shell>', 'your shell').choices(Object.keys(scripts)))
    .action((shell: string) => void process.stdout.write(scripts[shell] ?? ''));
}
