/** `locum config validate`: what the program itself would say of its file, without being started. */
import { parse } from 'yaml';
import { loadAgentSettings } from '../../agent/config.ts';
import { loadControllerSettings } from '../../controller/config/config.ts';
import { AgentConfigSchema } from '../../shared/gen/locum/config/v1/agent_config_pb.ts';
import { ControllerConfigSchema } from '../../shared/gen/locum/config/v1/controller_config_pb.ts';
import { readUtf8File } from '../../shared/utf8-file.ts';
import { printLine } from '../output/print.ts';

type Program = 'controller' | 'agent';

/** The file alone: neither this environment nor flags. @throws LocumError with line and column of each mistake */
export function validateFile(file: string, asked: Program | undefined): void {
  const program = asked ?? programOf(readUtf8File(file));
  // The home is where defaults are; variables with our prefix are not those of the program.
  const { HOME, XDG_STATE_HOME } = process.env;
  const env = { ...(HOME !== undefined && { HOME }), ...(XDG_STATE_HOME !== undefined && { XDG_STATE_HOME }) };
  const sources = { file, flags: {}, env };
  if (program === 'controller') loadControllerSettings(sources);
  else loadAgentSettings(sources);
  printLine(`${file} is right for ${program === 'agent' ? 'an agent' : 'a controller'}.`);
}

/** Whose fields it has more of. What can't be read is told by whoever reads it properly. */
function programOf(text: string): Program {
  try {
    const json: unknown = parse(text, { maxAliasCount: 0 });
    const names = Object.keys(typeof json === 'object' && json !== null ? json : {});
    const known = ({ fields }: typeof AgentConfigSchema | typeof ControllerConfigSchema): number =>
      fields.filter(({ name }) => names.includes(name)).length;
    return known(AgentConfigSchema) > known(ControllerConfigSchema) ? 'agent' : 'controller';
  } catch {
    return 'controller';
  }
}
