import type { Dialect, Entry } from './sources.ts';

/**
 * A program that looks at files inside the sandbox. It reads a token and then
 * one order a line, `<dialect or "import">\t<path>`, and writes lines that
 * start with the token:
 *
 *     at    stage  subject                                what it looks at now
 *     bad   stage  subject  path  line  column  message   what it found
 *     done                                                it got to its end
 *
 * Parsing comes before importing, and nothing is imported when something does
 * not parse.
 */
export interface Checker {
  readonly argv: readonly string[];
  readonly orders: readonly (readonly [order: Dialect | 'import', path: string])[];
}

/** At most one process per language: starting one is what costs. */
export function checkersFor(changed: readonly Entry[], entries: readonly Entry[]): Checker[] {
  const languages = [
    { argv: javascript, dialects: ['module', 'commonjs', 'either'] },
    { argv: python, dialects: ['python'] },
    { argv: shell, dialects: ['sh', 'bash'] },
  ] as const satisfies readonly { argv: readonly string[]; dialects: readonly Dialect[] }[];
  return languages.flatMap(({ argv, dialects }) => {
    const speaks = ({ dialect }: Entry) => dialect !== null && (dialects as readonly Dialect[]).includes(dialect);
    const parses = changed.filter(speaks).map(({ dialect, path }) => [dialect!, path] as const);
    // A shell script has no part that can be loaded without running it.
    const imports = argv === shell ? [] : entries.filter(speaks).map(({ path }) => ['import', path] as const);
    return parses.length + imports.length === 0 ? [] : [{ argv, orders: [...parses, ...imports] }];
  });
}

/**
 * `SourceTextModule` parses without running. It does not say where; `--check`,
 * in a process of its own, does, and is asked about the first broken file only.
 * As a module, and without arguments: in a script, `require` would be a global
 * of what is imported, and with an argument a module could take itself for the main one.
 */
const javascript = [
  ...['node', '--no-warnings', '--experimental-vm-modules', '--input-type=module', '-e'],
  String.raw`
import { readFileSync, realpathSync, writeSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { compileFunction, SourceTextModule } from 'node:vm';

const home = realpathSync('.') + '/';
const [token, ...lines] = readFileSync(0, 'utf8').split('\n');
const orders = lines.map((line) => line.split('\t'));

function say(...fields) {
  const line = fields.map((field) => String(field).replace(/[\t\n\r]/g, ' ')).join('\t');
  let bytes = Buffer.from('\n' + token + '\t' + line + '\n');
  while (bytes.length > 0) {
    try {
      bytes = bytes.subarray(writeSync(1, bytes));
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error;
    }
  }
}

const grammars = {
  module: (text) => new SourceTextModule(text),
  commonjs: (text) => compileFunction(text, ['exports', 'require', 'module', '__filename', '__dirname']),
};

/** The grammar a text breaks and its error, or null. */
function problemOf(dialect, text) {
  const problems = (dialect === 'either' ? ['commonjs', 'module'] : [dialect]).map((grammar) => {
    try {
      grammars[grammar](text);
      return null;
    } catch (error) {
      return { grammar, error };
    }
  });
  if (problems.includes(null)) return null;
  return problems.length === 2 && /^\s*(import|export)\b/m.test(text) ? problems[1] : problems[0];
}

/** Line and column that Node itself prints for a text that does not parse. */
async function positionOf(grammar, input) {
  const { spawnSync } = await import('node:child_process');
  const { stderr } = spawnSync(process.execPath, ['--check', '--input-type=' + grammar, '-'], { input });
  const [, line = 0, lead] = /^.*:(\d+)\n.*\n(?:([ \t]*)\^)?/.exec(String(stderr)) ?? [];
  return [line, lead === undefined ? 0 : lead.length + 1];
}

let broken = 0;
for (const [dialect, path] of orders) {
  if (dialect === 'import') continue;
  say('at', 'parse', path);
  const text = readFileSync(path, 'utf8').replace(/^\ufeff/, '');
  const problem = problemOf(dialect, text);
  if (problem === null) continue;
  broken += 1;
  const position = broken === 1 ? await positionOf(problem.grammar, text) : [0, 0];
  say('bad', 'parse', path, path, ...position, problem.error.name + ': ' + problem.error.message);
}

function local(place) {
  const path = place.startsWith('file://') ? fileURLToPath(place) : place;
  return path.startsWith(home) ? path.slice(home.length) : null;
}

/** Where an error comes from: what Node prints above it or says at its end, or the innermost call in a file of the genome. */
function sourceOf(stack, subject) {
  const [, head, headLine, lead] = /^(.*):(\d+)\n.*\n([ \t]*)\^/.exec(stack) ?? [];
  if (head !== undefined && local(head) !== null) return [local(head), headLine, lead.length + 1];
  const [, importer] = /^.* imported from (.+)$/m.exec(stack) ?? [];
  if (importer !== undefined && local(importer) !== null) return [local(importer), 0, 0];
  for (const frame of stack.split('\n')) {
    const [, place, line, column] = /^ +at (?:.* \(|async )?(.+?):(\d+):(\d+)\)?$/.exec(frame) ?? [];
    if (place !== undefined && local(place) !== null) return [local(place), line, column];
  }
  return [subject, 0, 0];
}

function fail(subject, error) {
  let told = [subject, 0, 0, 'it threw something that cannot be described'];
  try {
    const isError = error instanceof Error;
    const text = isError ? error.name + ': ' + error.message : 'it threw ' + String(error);
    told = [...sourceOf(String(isError ? error.stack : ''), subject), text.replaceAll('file://' + home, '').replaceAll(home, '')];
  } catch {}
  say('bad', 'import', subject, ...told);
  process.exit(1);
}

let subject = '';
process.on('uncaughtException', (error) => fail(subject, error));
for (const [order, path] of broken > 0 ? [] : orders) {
  if (order !== 'import') continue;
  subject = path;
  say('at', 'import', path);
  await import(pathToFileURL(path).href).catch((error) => fail(path, error));
}
say('done');
process.exit(0);
`,
];

/** Isolated from the genome until it imports: a file named after a module of the library must not stand in for it. */
const python = [
  ...['python3', '-I', '-B', '-c'],
  String.raw`
import os, sys

token, *lines = sys.stdin.buffer.read().decode().split("\n")
orders = [line.split("\t") for line in lines]
home = os.path.realpath(".") + os.sep


def say(*fields):
    line = "\t".join(str(field).translate({9: 32, 10: 32, 13: 32}) for field in fields)
    data = f"\n{token}\t{line}\n".encode("utf-8", "replace")
    while data:
        data = data[os.write(1, data):]


def local(path):
    path = str(path)
    return path[len(home):] if path.startswith(home) else None


def compiled(path):
    with open(path, "rb") as file:
        return compile(file.read(), home + path, "exec", dont_inherit=True)


def stage_of(path):
    """What the parser accepts and the compiler does not, such as a return outside of a function."""
    try:
        with open(path, "rb") as file:
            compile(file.read(), path, "exec", 0x400, dont_inherit=True)  # ast.PyCF_ONLY_AST
        return "compile"
    except BaseException:
        return "parse"


def source_of(error, subject):
    """The place that a SyntaxError names, or the innermost call in a file of the genome."""
    if isinstance(error, SyntaxError):
        return local(error.filename) or subject, error.lineno or 0, max(error.offset or 0, 0)
    place = (subject, 0, 0)
    traceback = error.__traceback__
    while traceback is not None:
        path = local(traceback.tb_frame.f_code.co_filename)
        if path is not None:
            place = (path, traceback.tb_lineno, 0)
        traceback = traceback.tb_next
    return place


def report(stage, subject, error):
    try:
        told = error.msg if isinstance(error, SyntaxError) else str(error)
        message = f"{type(error).__name__}: {told}".rstrip(": ").replace(home, "")
        place = source_of(error, subject)
    except BaseException:
        message, place = "it raised something that cannot be described", (subject, 0, 0)
    say("bad", stage, subject, *place, message)


def run(path):
    """As the interpreter would, but for the name."""
    sys.argv = [path]
    sys.path.insert(0, os.path.dirname(home + path))
    module = type(sys)("import_check")
    module.__file__ = home + path
    sys.modules["import_check"] = module
    exec(compiled(path), module.__dict__)
    sys.path.remove(os.path.dirname(home + path))


broken = False
for order, path in orders:
    if order != "import":
        say("at", "parse", path)
        try:
            compiled(path)
        except BaseException as error:
            broken = True
            report(stage_of(path), path, error)

for order, path in [] if broken else orders:
    if order == "import":
        say("at", "import", path)
        try:
            run(path)
        except SystemExit:
            raise
        except BaseException as error:
            report("import", path, error)
            os._exit(1)

say("done")
sys.stdout.flush()
os._exit(0)
`,
];

const shell = [
  ...['sh', '-c'],
  String.raw`
export LC_ALL=C
IFS= read -r token
tab=$(printf '\t')
end='
'
while IFS="$tab" read -r shell path || [ -n "$path" ]; do
  printf '\n%s\tat\tparse\t%s\n' "$token" "$path"
  problem=$("$shell" -n "./$path" 2>&1 </dev/null) && continue
  first=$(printf '%s' "\${problem%%"$end"*}" | tr -d '[:cntrl:]')
  first=\${first#"./$path: "}
  first=\${first#line }
  printf '\n%s\tbad\tparse\t%s\t%s\t%s\t0\t%s\n' "$token" "$path" "$path" "\${first%%:*}" "\${first#*: }"
done
printf '\n%s\tdone\n' "$token"
`.replaceAll('\\$', '$'),
];
