import { describe, expect, it } from 'vitest';
import { createLogger, type LoggerOptions } from '../../shared/log.ts';
import { formatLogLine } from '../../shared/log-line.ts';
import { run } from '../rpc/foreign-client.ts';

function recorded(options: Partial<LoggerOptions>) {
  const lines: string[] = [];
  const logger = createLogger({ name: 'controller', ...options, output: { write: (line) => void lines.push(line) } });
  return { logger, lines };
}

describe('a log for machines', () => {
  it('is one JSON object per line, with the level as a word and the time as text', () => {
    const { logger, lines } = recorded({ format: 'json' });
    logger.child({ server: 'web-1' }).warn({ silentMs: 15_000 }, 'server is suspect');
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? '')).toEqual({
      level: 'warn',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      pid: process.pid,
      name: 'controller',
      server: 'web-1',
      silentMs: 15_000,
      msg: 'server is suspect',
    });
  });

  it('hides secrets, also two levels down', () => {
    const { logger, lines } = recorded({ format: 'json' });
    const workload = { argv: ['a'], env: { DB_PASSWORD: 'hunter2' } };
    logger.info({ token: 'hunter2', policy: { workload }, headers: { authorization: 'hunter2' } }, 'x');
    expect(lines.join()).not.toContain('hunter2');
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ policy: { workload: { argv: ['a'], env: '[hidden]' } } });
  });

  it('has nothing in it that a terminal acts on, and says the same', () => {
    const { logger, lines } = recorded({ format: 'json' });
    const server = 'a\u009b2J\u007f\u202e\u2028\u001b]52;c;eA==\u0007';
    logger.info({ server }, 'x\u200f');
    expect(lines[0]?.trimEnd()).not.toMatch(/\p{Cc}|\p{Zl}|\p{Bidi_Control}/u);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ server, msg: 'x\u200f' });
  });

  it('says nothing below its level', () => {
    const { logger, lines } = recorded({ level: 'warn' });
    logger.info('x');
    expect(lines).toEqual([]);
  });
});

describe('the last words of a process', () => {
  it.each(['process.exit(3)', 'throw new Error("end")'])('are written before it ends: %s', async (end) => {
    const file = new URL('../../shared/log.ts', import.meta.url).href;
    const program = `import { createLogger } from '${file}'; createLogger({ name: 'a', format: 'json' }).info('farewell'); ${end}`;
    const { stdout, stderr } = await run(process.execPath, ['--input-type=module-typescript', '-e', program]);
    expect([stdout, stderr]).toEqual(['', expect.stringContaining('"msg":"farewell"')]);
  });
});

describe('a log for people', () => {
  it('is one line: time, level, program, text, facts', () => {
    const line =
      '{"level":"info","time":"2026-01-01T12:34:56.789Z","pid":1,"name":"agent web-1","msg":"started","run":"a-1","why":"a b"}';
    expect(formatLogLine(line, { colors: false })).toBe('12:34:56.789 INFO  agent web-1 started run=a-1 why="a b"\n');
  });

  it('shows an error in its line, and the stack only of one that is logged as an error', () => {
    const { logger, lines } = recorded({ format: 'pretty' });
    logger.warn({ err: new Error('no route') }, 'can not dial');
    logger.error({ err: new Error('no route') }, 'can not dial');
    expect(lines[0]).toMatch(/WARN {2}controller can not dial err="no route"\n$/);
    expect(lines[1]).toMatch(/ERROR controller can not dial err="no route"\n {4}Error: no route\n {4}at /);
  });

  it('keeps text from elsewhere from writing lines and colours of its own', () => {
    const { logger, lines } = recorded({ format: 'pretty' });
    logger.info({ server: 'a\u001b[31m\nb' }, 'x\u001b[2J\ny\u202e');
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/x\\e\[2J\\ny\\u202e server=/);
    expect(lines[0]?.trimEnd()).not.toMatch(/[\u202e\n]|\p{Cc}/u);
  });

  it('passes on what is no entry', () => {
    expect(formatLogLine('hello\n', { colors: false })).toBe('hello\n');
  });

  it('has colours only when asked', () => {
    const line = '{"level":"error","time":"2026-01-01T12:34:56.789Z","name":"a","msg":"b"}';
    expect(formatLogLine(line, { colors: true })).toContain('\u001b[31mERROR');
  });
});
