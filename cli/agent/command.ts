/** `locum agent`. A flag wins over the field of the same name in the configuration file. */
import { type Command, Option } from 'commander';
import { parseAddresses } from '../context/addresses.ts';
import { globalsOf, parseSpan, wholeNumber } from '../globals.ts';
import { addLogOptions } from '../log-options.ts';
import type { AgentOptions } from './flags.ts';
import type { JoinCommandOptions } from './join.ts';
import type { LeaveOptions, LocalOptions } from './local.ts';

const MAX_SLOTS = 100_000;
const LEAVE_WITHIN_MS = 10_000;

const collect = (text: string, before: readonly string[] = []): string[] => [...before, text];

/** Each is a field of the configuration, too. */
export function addAgentOptions(agent: Command): Command {
  agent
    .option('--config <file>', 'configuration file (YAML)')
    .option('--server <id>', 'id of this server (default: from the name of the host)')
    .option('--pool <id>', 'pool to join (default: default)')
    .option('--controllers <host:port,…>', 'agent listeners of the controllers (default: 127.0.0.1:7401)')
    .option('--state-dir <folder>', 'folder of this agent and its keeper (default: ~/.local/state/locum-agent)')
    .option('--max-slots <n>', "the agent's own limit of slots", wholeNumber(0, MAX_SLOTS))
    .option('--capability <name=value>', 'a fact about this server; may be repeated', collect)
    .option('--machine-id <id>', 'identity of the host, where several agents of one host stand for several hosts')
    .option(
      '--vm-generation-file <file>',
      'what changes when this VM was restored (default: /dev/vmclock0, if readable)',
    )
    .option(
      '--tls-dir <folder>',
      'folder with tls.crt, tls.key and ca.crt (default: tls in the state folder, if there)',
    )
    .option('--external-keeper', 'the keeper is a service of its own: start none')
    .option('--metrics-listen <host:port>', 'show metrics to programs of this host, at an address of loopback');
  return addLogOptions(agent);
}

/**
 * `--tls-dir` is an option of all commands too, and on the line it is taken for that one. `LOCUM_TLS_DIR` is about who calls, not about
 * this host.
 */
export function withTlsDir<Options extends object>(options: Options, command: Command): Options & { tlsDir?: string } {
  const { tlsDir } = command.optsWithGlobals<{ readonly tlsDir?: string }>();
  const isGiven = tlsDir !== undefined && command.getOptionValueSourceWithGlobals('tlsDir') === 'cli';
  const { tlsDir: _, ...others } = options as Options & { readonly tlsDir?: string };
  return { ...others, ...(isGiven ? { tlsDir } : {}) } as Options & { tlsDir?: string };
}

export function define(agent: Command): void {
  addAgentOptions(agent).action(async (options: AgentOptions, command: Command) =>
    (await import('./start.ts')).start(withTlsDir(options, command)),
  );
  agent
    .command('join')
    .description('get a certificate for this host with a join token; `locum token create` prints the whole line')
    .argument('<host:port,…>', 'APIs of the controllers, tried in this order', parseAddresses)
    .requiredOption('--token <token>', 'the join token')
    .requiredOption('--ca-hash <hash>', 'of the authority to believe; may be repeated', collect)
    .option('--server <id>', 'id of this server (default: from the configuration, or the name of the host)')
    .option('--pool <id>', 'pool to join (default: that of the token)')
    .option(
      '--config <file>',
      "the agent's configuration file (default: /etc/locum/agent.yaml, for root and if it is there)",
    )
    .option('--state-dir <folder>', "the agent's folder (default: ~/.local/state/locum-agent)")
    .option('--tls-dir <folder>', 'folder for tls.crt, tls.key and ca.crt (default: tls in the state folder)')
    .action(async (endpoints: string[], _options: object, command: Command) =>
      (await import('./join.ts')).joinHere(
        globalsOf(command),
        endpoints,
        withTlsDir(command.optsWithGlobals<JoinCommandOptions>(), command),
      ),
    );
  agent
    .command('leave')
    .description('stop what runs here and leave the cluster: the work moves at once')
    .option('--config <file>', "the agent's configuration file, for its state_directory")
    .option('--state-dir <folder>', "the agent's folder (default: ~/.local/state/locum-agent)")
    .addOption(new Option('--within <span>', 'time for it').argParser(parseSpan).default(LEAVE_WITHIN_MS, '10s'))
    .action(async (_options: object, command: Command) =>
      (await import('./local.ts')).leave(globalsOf(command), command.optsWithGlobals<LeaveOptions>()),
    );
  agent
    .command('status')
    .description('what the agent of this host says of itself; always JSON')
    .option('--config <file>', "the agent's configuration file, for its state_directory")
    .option('--state-dir <folder>', "the agent's folder (default: ~/.local/state/locum-agent)")
    .action(async (_options: object, command: Command) =>
      (await import('./local.ts')).status(command.optsWithGlobals<LocalOptions>()),
    );
}
