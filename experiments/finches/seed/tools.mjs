import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, relative, resolve, sep } from 'node:path';

const bashTimeoutMs = 15_000;
const maxOutputChars = 24_000;
const maxViewChars = 100_000;

/** The tools of the meta-agent. Whatever goes wrong comes back as a result that starts with "error:". */
export function createToolbox(root) {
  const before = new Map();
  const undoStack = [];

  function locate(path) {
    const full = resolve(root, path);
    if (full !== root && !full.startsWith(root + sep)) throw new Error(`${path} is outside this directory`);
    return full;
  }

  /** Writes text, or deletes the file when it is null, and remembers what was there. */
  function change(path, text) {
    const full = locate(path);
    const old = readOrNull(full);
    if (text === null) rmSync(full);
    else {
      mkdirSync(dirname(full), { recursive: true });
      writeFileSync(full, text);
    }
    const name = relative(root, full);
    if (!before.has(name)) before.set(name, old);
    undoStack.push({ name, old });
  }

  const handlers = {
    list: ({ path = '.' }) => listing(locate(path)) || '(empty)',
    view: ({ path, start = 1, end }) => numbered(readFileSync(locate(path), 'utf8'), start, end),
    create({ path, content }) {
      change(path, content);
      return `wrote ${path}`;
    },
    str_replace({ path, old, new: replacement }) {
      const text = readFileSync(locate(path), 'utf8');
      const parts = text.split(old);
      if (old === '' || parts.length !== 2) throw new Error(`the text to replace occurs ${parts.length - 1} times`);
      change(path, parts.join(replacement));
      return `edited ${path}`;
    },
    insert({ path, line, text }) {
      const lines = readFileSync(locate(path), 'utf8').split('\n');
      if (line < 0 || line > lines.length) throw new Error(`line ${line} is not between 0 and ${lines.length}`);
      lines.splice(line, 0, ...text.replace(/\n$/, '').split('\n'));
      change(path, lines.join('\n'));
      return `edited ${path}`;
    },
    delete({ path }) {
      change(path, null);
      return `deleted ${path}`;
    },
    undo() {
      const last = undoStack.pop();
      if (last === undefined) throw new Error('nothing to undo');
      if (last.old === null) rmSync(locate(last.name), { force: true });
      else writeFileSync(locate(last.name), last.old);
      return `restored ${last.name}`;
    },
    diff() {
      const changes = [...before].map(([name, old]) => diffOf(name, old ?? '', readOrNull(locate(name)) ?? ''));
      return changes.join('') || '(no changes)';
    },
    bash: ({ command }) => runBash(command, root),
  };

  return {
    tools,
    async call({ name, arguments: json }) {
      try {
        if (!Object.hasOwn(handlers, name)) throw new Error(`there is no tool ${name}`);
        return await handlers[name](checked(name, JSON.parse(json)));
      } catch (error) {
        // Where this directory lies says nothing about the work, and differs from run to run.
        return `error: ${error.message.replaceAll(root + sep, '')}`;
      }
    },
  };
}

/** A tool described as the protocol wants it. A parameter is required unless its name ends in "?". */
function tool(name, description, parameters = {}) {
  const names = Object.keys(parameters);
  const properties = Object.fromEntries(names.map((key) => [key.replace('?', ''), { type: parameters[key] }]));
  const required = names.filter((key) => !key.endsWith('?'));
  return { type: 'function', function: { name, description, parameters: { type: 'object', properties, required } } };
}

const tools = [
  tool('list', 'Names in a directory, sorted; directories end in "/".', { 'path?': 'string' }),
  tool('view', 'A file with line numbers, or its lines start to end.', {
    path: 'string',
    'start?': 'integer',
    'end?': 'integer',
  }),
  tool('create', 'Write a whole file.', { path: 'string', content: 'string' }),
  tool('str_replace', 'Replace a text that occurs exactly once (without line numbers).', {
    path: 'string',
    old: 'string',
    new: 'string',
  }),
  tool('insert', 'Insert text after a line; 0 is the top.', { path: 'string', line: 'integer', text: 'string' }),
  tool('delete', 'Delete a file.', { path: 'string' }),
  tool('undo', 'Take back the last change.'),
  tool('diff', 'What has changed since the start.'),
  tool('bash', 'Run a command in this directory.', { command: 'string' }),
];

function checked(name, args) {
  const { properties, required } = tools.find((t) => t.function.name === name).function.parameters;
  for (const key of required) if (args[key] === undefined) throw new Error(`${name} needs "${key}"`);
  for (const [key, value] of Object.entries(args)) {
    const type = properties[key]?.type;
    if (type === undefined) throw new Error(`${name} has no parameter "${key}"`);
    if (type === 'integer' ? !Number.isInteger(value) : typeof value !== type)
      throw new Error(`"${key}" must be ${type}`);
  }
  return args;
}

function listing(directory) {
  const entries = readdirSync(directory, { withFileTypes: true });
  const names = entries.map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name));
  return names.sort().join('\n');
}

function numbered(text, start, end) {
  const lines = text.replace(/\n$/, '').split('\n');
  const shown = lines.slice(Math.max(0, start - 1), end).map((line, i) => `${String(start + i).padStart(5)}\t${line}`);
  return clipped(shown.join('\n'), maxViewChars);
}

function clipped(text, limit) {
  return text.length <= limit ? text : `${text.slice(0, limit)}\n[cut: ${text.length - limit} more characters]`;
}

function readOrNull(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

/** The part between the first and the last changed line, as removed and added lines. */
function diffOf(name, oldText, newText) {
  if (oldText === newText) return '';
  const a = oldText.split('\n');
  const b = newText.split('\n');
  let head = 0;
  while (head < Math.min(a.length, b.length) && a[head] === b[head]) head += 1;
  let tail = 0;
  while (tail < Math.min(a.length, b.length) - head && a.at(-1 - tail) === b.at(-1 - tail)) tail += 1;
  const removed = a.slice(head, a.length - tail).map((line) => `-${line}\n`);
  const added = b.slice(head, b.length - tail).map((line) => `+${line}\n`);
  return `--- ${name}, line ${head + 1}\n${removed.join('')}${added.join('')}`;
}

/** Runs a command in its own process group, so that a timeout ends its children too. */
function runBash(command, cwd) {
  return new Promise((done, fail) => {
    const child = spawn('bash', ['-c', command], { cwd, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    let isLate = false;
    const collect = (chunk) => {
      if (output.length < maxOutputChars) output += chunk;
    };
    child.stdout.setEncoding('utf8').on('data', collect);
    child.stderr.setEncoding('utf8').on('data', collect);
    const stop = () => {
      isLate = true;
      // A child in a group of its own keeps the pipes open: let go of them too.
      child.stdout.destroy();
      child.stderr.destroy();
      killGroup(child.pid);
    };
    const timer = setTimeout(stop, bashTimeoutMs);
    child.on('error', fail);
    child.on('close', (code) => {
      clearTimeout(timer);
      const end = isLate ? `stopped after ${bashTimeoutMs} ms` : `exit code ${code}`;
      done(`${clipped(output, maxOutputChars)}\n[${end}]`);
    });
  });
}

function killGroup(pid) {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}
