/**
 * Transcripts: `# ` lines are comments, `> ` lines are commands, the lines after a command are exactly everything that
 * happened. `: ` lines set the scene: commands of which nothing is written down. Playing a transcript gives the same file
 * again, with the lines that happen now.
 */
import { agentCommands, type Command } from './agent-commands.ts';
import { callCommands } from './call-commands.ts';
import { Stage } from './stage.ts';
import { wordsOf } from './words.ts';
import { worldCommands } from './world-commands.ts';

const commands: Readonly<Record<string, Command>> = { ...agentCommands, ...callCommands, ...worldCommands };

/** Plays the commands of a transcript and answers the transcript as it should be. */
export function play(text: string): string {
  const stage = new Stage();
  stage.world.elect();
  settle(stage);
  stage.takeLines();
  const out: string[] = [];
  for (const line of text.split('\n')) {
    if (line.startsWith('> ')) {
      out.push(line, ...perform(stage, line.slice(2)));
    } else if (line.startsWith(': ')) {
      perform(stage, line.slice(2));
      out.push(line);
    } else if (line.startsWith('#') || line === '') out.push(line);
  }
  return `${out.join('\n').trimEnd()}\n`;
}

/** Commands with `; ` between them arrive together, in one turn of the loop. */
function perform(stage: Stage, line: string): readonly string[] {
  for (const part of line.split(' ; ')) {
    const words = wordsOf(part);
    const command = commands[words.plain[0] ?? ''];
    if (command === undefined) throw new Error(`there is no command ${words.plain[0]}`);
    command(stage, words);
  }
  settle(stage);
  return stage.takeLines().map((said) => `  ${said}`);
}

/** What follows at once is part of it. */
const settle = ({ world }: Stage): void => world.advanceTo(world.now.mono);
