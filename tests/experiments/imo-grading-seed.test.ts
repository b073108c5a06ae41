import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it, onTestFinished } from 'vitest';
import { chatRequestSchema } from '../../src/core/chat.ts';
import { compare, gradeOf, wordsOfGrades } from '../../src/niches/grading/grades.ts';
import { repository, scratchDir } from '../support/example-run.ts';
import { itNeeds } from '../support/require-service.ts';
import { toCompletion } from '../support/scripted-model.ts';

const folder = join(repository, 'experiments', 'imo-grading');
const { readPoints }: { readPoints: (answer: string) => number | null } = await import(
  join(folder, 'seed', 'points.mjs')
);
const readPointsInPython = (answer: string): number | null => {
  const program = 'import json, sys; from points import read_points; print(json.dumps(read_points(sys.argv[1])))';
  return JSON.parse(
    execFileSync('python3', ['-B', '-c', program, answer], { cwd: join(folder, 'seed-python'), encoding: 'utf8' }),
  );
};

const itNeedsPython = itNeeds(
  'python3',
  spawnSync('python3', ['--version']).status === 0 ? null : 'it is not installed',
);
interface Seed {
  readonly name: string;
  readonly it: typeof itNeedsPython;
  readonly run: readonly [command: string, extension: string];
  readonly readPoints: typeof readPoints;
}
const seeds: readonly Seed[] = [
  { name: 'seed', it, run: ['node', 'mjs'], readPoints },
  { name: 'seed-python', it: itNeedsPython, run: ['python3', 'py'], readPoints: readPointsInPython },
];

/** Runs the task agent against a gateway that says these texts one after another. */
async function gradeWith({ name, run: [command, extension] }: Seed, answers: readonly string[], situation: object) {
  const socket = join(scratchDir(), 'gateway');
  const asked: { role: string; content: string | null }[][] = [];
  const server = createServer(async (request, response) => {
    asked.push(chatRequestSchema.parse(JSON.parse(await text(request))).messages);
    const answer = answers[asked.length - 1];
    if (answer === undefined) return void response.writeHead(402).end('{"error":{"message":"enough"}}');
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(toCompletion(answer)));
  });
  await new Promise<void>((done) => server.listen(socket, done));
  onTestFinished(() => void server.close());
  const child = spawn(command, [`task.${extension}`], {
    cwd: join(folder, name),
    env: { ...process.env, GALAPAGOS_GATEWAY: socket },
  });
  child.stdin.end(JSON.stringify(situation));
  const [stdout, stderr, code] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise((done) => child.once('close', done)),
  ]);
  return { stdout, stderr, code, asked };
}

const situation = { problem: 'Prove it.', reference: 'Thus.', guidelines: 'Be fair.', response: 'So.' };

describe.each(seeds)('the task agent of $name', (seed) => {
  const { it } = seed;

  it('asks its model with the rubric and the whole item, and prints the points', async () => {
    const { stdout, code, asked } = await gradeWith(seed, ['It is fine.\n\nPoints: 6'], situation);
    expect([code, JSON.parse(stdout)]).toEqual([0, { points: 6 }]);
    const [system, sheet] = asked[0]!;
    expect(system!.content).toBe(readFileSync(join(folder, seed.name, 'rubric.md'), 'utf8'));
    for (const part of Object.values(situation)) expect(sheet!.content).toContain(`\n\n${part}`);
  });

  it('says nothing of what the table does not have', async () => {
    const { asked } = await gradeWith(seed, ['7'], { problem: 'Prove it.', response: '' });
    expect(asked[0]![1]!.content).toBe("## Problem\n\nProve it.\n\n## Student's answer\n\n");
  });

  it('asks once more when an answer holds no grade, and then gives none, which is wrong and no failure', async () => {
    const { stdout, code, asked } = await gradeWith(seed, ['Hm.', 'Well, 3 points.'], situation);
    expect([code, JSON.parse(stdout), asked.length]).toEqual([0, { points: null }, 2]);
    expect(asked[1]!.slice(2).map(({ role }) => role)).toEqual(['assistant', 'user']);
    expect(compare(gradeOf(JSON.parse(stdout).points, wordsOfGrades), 7)).toEqual({ accuracy: 0, absoluteError: 1 });
  });

  it('fails when the gateway refuses, with its words', async () => {
    const { stdout, stderr, code } = await gradeWith(seed, [], situation);
    expect([stdout, code]).toEqual(['', 1]);
    expect(stderr).toMatch(/gateway 402: .*enough/);
  });
});

describe.each(seeds)('by $name a grade is read from', ({ it, readPoints }) => {
  it.each([
    ['Points: 6', 6],
    ['**Points:** 7', 7],
    ['The proof has a gap.\n\n**Grade: almost**', 6],
    ['Grade: Partial.', 1],
    ['final score = 6/7', 6],
    ['{"points": 1}', 1],
    ['```json\n{"points": "7"}\n```', 7],
    ['The answer is \\boxed{0}', 0],
    ['incorrect', 0],
    ['Some words.\n\n6/7', 6],
    ['So I give 1 point.', 1],
    ['I give it 7 out of 7', 7],
    ['Points: 1 for the start. Then more.\nPoints: 6', 6],
    ['<think>Points: 0, or is it?</think>\nPoints: 7', 7],
    ['The verdict is correct', 7],
  ])('%j', (answer, points) => {
    expect(readPoints(answer)).toBe(points);
  });

  it.each([
    '',
    'Points: 3',
    'Points: 10',
    'Points: 6.5',
    'An interesting answer.',
    'Grade: partially right',
    '<think>Points: 7</think>',
  ])('none of %j', (answer) => {
    expect(readPoints(answer)).toBeNull();
  });
});

describe.each(seeds)('the review of the training items by $name', ({ it, name, run: [command, extension] }) => {
  const item = (situation: string, label: number, points: number | null) => ({
    situation,
    consequence: {
      status: 'measured',
      score: Number(label === points),
      details: {
        ...{ label, points, measures: compare(points as 0 | null, label as 0) },
        ...(label === points ? {} : { shown: { problem: `problem of ${situation}`, response: 'So.' } }),
      },
    },
  });
  const review = (evaluation: object | null, ...args: string[]) => {
    const cwd = scratchDir();
    cpSync(join(folder, name), cwd, { recursive: true });
    if (evaluation !== null) {
      mkdirSync(join(cwd, 'evals'));
      writeFileSync(join(cwd, 'evals', 'train.json'), JSON.stringify(evaluation));
    }
    return spawnSync(command, [`review.${extension}`, ...args], { cwd, encoding: 'utf8' }).stdout;
  };
  const measured = {
    items: [item('train-1', 7, 7), item('train-2', 6, 7), item('train-3', 0, null), item('train-4', 0, 0)],
  };

  it('sums up both measures, what was given for which label, and what was graded wrong', () => {
    expect(review(measured).trim().split('\n')).toEqual([
      '4 training items: accuracy 0.500, normalized absolute error 0.286.',
      'Points given, by label:',
      'label 0: 0×1 1×0 6×0 7×0 none×1',
      'label 1: 0×0 1×0 6×0 7×0 none×0',
      'label 6: 0×0 1×0 6×0 7×1 none×0',
      'label 7: 0×0 1×0 6×0 7×1 none×0',
      'Graded wrong: train-2, train-3',
    ]);
  });

  it('shows an item that was graded wrong, as text and as the task agent reads it', () => {
    expect(review(measured, 'train-2')).toContain(
      'A human gave 6 points, you gave 7.\n\n## problem\n\nproblem of train-2',
    );
    expect(JSON.parse(review(measured, 'train-2', '--json'))).toEqual({
      problem: 'problem of train-2',
      response: 'So.',
    });
    expect(review(measured, 'train-1')).toBe('nothing is shown of train-1\n');
  });

  it.each([
    ['nothing is shown', null],
    ['the parent was not measured', { status: 'failed', items: [] }],
  ])('says so when %s', (_what, evaluation) => {
    expect(review(evaluation)).toBe('Nothing was measured on training items.\n');
  });
});

describe('the folder', () => {
  it.each(['seed/gateway.mjs', 'seed/tools.mjs', 'seed-python/tools.py'])('has the %s of packing', (file) => {
    const packing = readFileSync(join(repository, 'experiments', 'packing', file), 'utf8');
    expect(readFileSync(join(folder, file), 'utf8')).toBe(packing);
  });

  it('has one rubric in both seeds, and one prompt but for what the programs are called', () => {
    const read = (file: string) => readFileSync(join(folder, file), 'utf8');
    expect(read('seed-python/rubric.md')).toBe(read('seed/rubric.md'));
    const plain = (prompt: string) => prompt.replace(/\s+/g, ' ');
    const inPython = plain(read('seed/prompt.md'))
      .replace(/\bnode (?=\w+\.mjs)/g, 'python3 ')
      .replace(/\.mjs\b/g, '.py')
      .replace('the entry point.', 'the entry point. All in Python 3.9 or later with its standard library alone.');
    expect(plain(read('seed-python/prompt.md'))).toBe(inPython);
  });

  it('has the synthetic table that its script makes: 80 answers, 20 of each grade', () => {
    const made = spawnSync('node', [join(folder, 'sample', 'make-table.mjs')], { encoding: 'utf8' }).stdout;
    expect(made).toBe(readFileSync(join(folder, 'sample', 'table.csv'), 'utf8'));
    for (const word of ['Correct', 'Almost', 'Partial', 'Incorrect'])
      expect(made.match(new RegExp(`,[0167],${word}$`, 'gm'))).toHaveLength(20);
  });
});
