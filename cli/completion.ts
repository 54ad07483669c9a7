/** `locum completion bash | zsh | fish`: scripts that ask `locum complete-words` for what can come next. */
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

const scripts: Readonly<Record<string, string>> = { bash, zsh, fish };

export function define(completion: Command): void {
  completion
    .addArgument(new Argument('<shell>', 'your shell').choices(Object.keys(scripts)))
    .action((shell: string) => void process.stdout.write(scripts[shell] ?? ''));
}
