// node make-table.mjs > table.csv
//
// Makes the sample's table. Everything in it is synthetic: twenty small problems, each with four answers that were
// written to deserve the four grades, in words that a script can tell apart. It says nothing about any real student.

const nth = (n) => Array.from({ length: n }, (_, i) => i + 1);

/** Small problems with a complete proof in three steps, and what goes wrong with it. */
const families = [
  (k) => ({
    problem: `Prove that for every positive integer n the sum of the first n odd numbers, times ${k}, is ${k}n².`,
    steps: [
      `For n = 1 the sum is 1, and ${k}·1 = ${k}·1².`,
      `If the first n odd numbers add up to n², then with the next one, 2n + 1, they add up to n² + 2n + 1 = (n + 1)².`,
      `By induction the sum is n² for every n, and ${k} times it is ${k}n².`,
    ],
    cases: `n = 1, 2, 3 it gives ${k}, ${4 * k}, ${9 * k}`,
    first: 'the case n = 1',
    value: [`${k}n²`, `${k}n² + ${k}`],
  }),
  (k) => ({
    problem: `Find all real numbers x with x² − ${2 * k}x + ${k * k} = 0, and prove that there are no others.`,
    steps: [
      `The left side is (x − ${k})².`,
      `A square of a real number is zero only if the number is zero, so x − ${k} = 0.`,
      `Conversely x = ${k} makes both sides equal. So x = ${k} is the only solution.`,
    ],
    cases: `x = ${k} it works and for x = ${k - 1}, ${k + 1} it does not`,
    first: 'the converse',
    value: [`x = ${k} is the only solution`, `x = −${k} is the only solution`],
  }),
  (k) => ({
    problem: `Prove that among any ${k + 1} integers two have a difference that is divisible by ${k}.`,
    steps: [
      `Divided by ${k}, an integer leaves one of the ${k} remainders 0, …, ${k - 1}.`,
      `With ${k + 1} integers and ${k} remainders, two of the integers leave the same one, by the pigeonhole principle.`,
      `The difference of these two leaves the remainder 0, so it is divisible by ${k}.`,
    ],
    cases: `1, …, ${k + 1} the first and the last do`,
    first: 'which remainders there are',
    value: [`divisible by ${k}.`, `divisible by ${k + 1}.`],
  }),
  (k) => ({
    problem: `Let a and b be positive real numbers with a + b = ${2 * k}. Find the largest value of ab.`,
    steps: [
      `Write a = ${k} + t and b = ${k} − t, which is possible because a + b = ${2 * k}.`,
      `Then ab = ${k * k} − t², which is at most ${k * k}.`,
      `For t = 0, that is a = b = ${k}, it is attained. The largest value is ${k * k}.`,
    ],
    cases: `a = ${k}, ${k - 1}, ${k + 1} the product is largest for a = ${k}`,
    first: 'that it is attained',
    value: [`The largest value is ${k * k}.`, `The largest value is ${k * k + k}.`],
  }),
  (k) => ({
    problem: `Prove that n^3 − n, times ${k}, is divisible by ${6 * k} for every integer n.`,
    steps: [
      `n^3 − n = (n − 1)n(n + 1), the product of three integers in a row.`,
      `Of two integers in a row one is even, and of three one is divisible by 3, so the product is divisible by 6.`,
      `Times ${k} it is divisible by ${6 * k}.`,
    ],
    cases: `n = 1, 2, 3 it is 0, ${6 * k}, ${24 * k}`,
    first: 'why 3 divides one of them',
    value: [`divisible by ${6 * k}.`, `divisible by ${12 * k}.`],
  }),
];

const done = 'This is what was to be shown.';

/** An answer for each grade; `turn` says which of two ways it goes wrong. */
function answersTo({ steps, cases, first, value }, turn) {
  const [right, wrong] = value;
  const proof = steps.join('\n\n');
  return [
    ['Correct', `${proof}\n\n${done}`],
    [
      'Almost',
      turn === 0 ? `${proof}\n\nI take ${first} for granted. ${done}` : `${proof.replace(right, wrong)}\n\n${done}`,
    ],
    ['Partial', `${steps[0]}\n\nFrom here it should follow, but I did not find out how.`],
    [
      'Incorrect',
      turn === 0
        ? `For ${cases}, "and so on".\n\nSo it is true in every case. ${done}`
        : `Suppose that the claim is true.\nThen nothing speaks against it, and it follows that it is true. ${done}`,
    ],
  ];
}

const guidelines =
  '(Partial)\n1. The first step.\n(Almost)\n1. All steps, with one slip or one gap that is easily closed.';
const points = { Correct: 7, Almost: 6, Partial: 1, Incorrect: 0 };
const header = [
  'Grading ID',
  'Problem ID',
  'Problem',
  'Solution',
  'Grading guidelines',
  'Response',
  'Points',
  'Reward',
];

const rows = nth(4).flatMap((round) =>
  families.flatMap((family, f) => {
    const problem = family(round + 2 + f);
    const id = `SP-${String((round - 1) * families.length + f + 1).padStart(2, '0')}`;
    const solution = `${problem.steps.join('\n')}`;
    return answersTo(problem, (round + f) % 2).map(([reward, response], i) => [
      ...[`SG-${id.slice(3)}${'abcd'[i]}`, id, problem.problem, solution, guidelines, response, points[reward], reward],
    ]);
  }),
);
const quoted = (field) => (/[",\r\n]/.test(field) ? `"${String(field).replaceAll('"', '""')}"` : String(field));
process.stdout.write([header, ...rows].map((row) => `${row.map(quoted).join(',')}\n`).join(''));
