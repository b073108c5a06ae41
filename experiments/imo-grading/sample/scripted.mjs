// What the sample's two "models" say. They are scripts and no language models: they go through the same calls and the
// same tools as one would, so that the sample runs offline, and they show how an experiment works and nothing else.
//
// As a grader a script looks for what the rubric tells it to look for, and sees nothing else. As an editor it adds the
// rules it knows to the rubric, one a generation; a rule that a peer has published it takes over instead.

/** A rule as it stands in a rubric, and what a grader who was told finds out. */
const rules = {
  examples: {
    text: '## Examples are no proof\n\nAn answer that tries some cases and concludes that it is true in every case is worth 0 points,\nunless those are all the cases there are.',
    finds: ({ answer }) => (answer.includes('"and so on"') ? 0 : null),
  },
  circle: {
    text: '## A circle is no proof\n\nAn answer that supposes what it has to show is worth 0 points,\nwhatever follows from it.',
    finds: ({ answer }) => (answer.includes('Suppose that the claim is true') ? 0 : null),
  },
  start: {
    text: '## A start counts\n\nAn answer that makes a right first step and then gives up is worth 1 point,\nand not 0.',
    finds: ({ answer }) => (answer.includes('I did not find out how') ? 1 : null),
  },
  gap: {
    text: '## A small gap\n\nA whole proof that takes one easy step for granted is worth 6 points,\nnot 7.',
    finds: ({ answer }) => (answer.includes('for granted') ? 6 : null),
  },
  result: {
    text: '## The result\n\nCompare what a proof arrives at with the end of the reference solution, word by word;\nwhere only that differs it is worth 6 points.',
    finds: ({ answer, reference }) => (answer.includes(reference.trim().split('\n').at(-1)) ? null : 6),
  },
};

/** The two scripts: which rules each knows, and how it words a grade. */
const characters = {
  'scripted-one': {
    knows: ['start', 'examples', 'result'],
    words: (points) => `I looked at it twice.\n\nPoints: ${points}`,
  },
  'scripted-two': { knows: ['gap', 'circle'], words: (points) => `{"points": ${points}}` },
};

/**
 * Answers a chat request: as an editor when it brings tools, as a grader when not.
 * @returns `{content}`, or `{toolCalls: [{name, arguments}]}` with arguments as JSON text.
 */
export function reply(character, { messages, tools }) {
  const who = characters[character];
  return tools === undefined || tools.length === 0 ? graderSays(who, messages) : editorDoes(who, messages);
}

function graderSays({ words }, [system, sheet, ...more]) {
  const answer = section(sheet.content, "Student's answer");
  const item = { answer, reference: section(sheet.content, 'Reference solution') };
  // Now and then it forgets to say a grade, and has to be asked again.
  if (more.length === 0 && numberOf(answer) % 11 === 0) return { content: 'An interesting answer.' };
  const told = Object.values(rules).filter(({ text }) => system.content.includes(text.split('\n')[0]));
  const found = told.map(({ finds }) => finds(item)).find((points) => points !== null);
  return { content: words(found ?? (answer.endsWith('shown.') ? 7 : 0)) };
}

function section(sheet, title) {
  const at = sheet.indexOf(`## ${title}\n\n`);
  if (at === -1) return '';
  const text = sheet.slice(at + title.length + 5);
  const end = text.indexOf('\n\n## ');
  return (end === -1 ? text : text.slice(0, end)).trim();
}

function numberOf(text) {
  return [...text].reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)) % 65_521, 7);
}

/** Looks at the peers, at its own rubric and at its mistakes, changes the rubric, tries it on a mistake, and stops. */
function editorDoes(who, messages) {
  const results = messages.filter(({ role }) => role === 'tool').map(({ content }) => content);
  const opening = messages[1].content;
  const [, review, task] = /`([^`]*) <situation> --json \| ([^`]*)`/.exec(messages[0].content);
  const peers = /^strategies\/: (.*)$/m.exec(opening)[1].match(/\w[\w-]*_gen\d+/g) ?? [];
  const looks = [
    call('bash', { command: review }),
    call('view', { path: 'evals/train.json' }),
    call('view', { path: 'rubric.md' }),
    ...peers.map((peer) => call('view', { path: `strategies/${peer}/rubric.md` })),
  ];
  if (results.length < looks.length) return looks[results.length];
  const [summary, , own, ...theirs] = results.map(withoutNumbers);
  const wanted = ruleOf(own, theirs) ?? newRule(who, own);
  const step = results.length - looks.length;
  const mistake = /^Graded wrong: ([\w-]+)/m.exec(summary)?.[1];
  const changes = [
    call('insert', { path: 'rubric.md', line: lineOfEnd(own), text: `${wanted}\n\n` }),
    ...(mistake === undefined ? [] : [call('bash', { command: `${review} ${mistake} --json | ${task}` })]),
  ];
  return changes[step] ?? { content: `I added to the rubric: ${wanted.split('\n')[0]}` };
}

const call = (name, args) => ({ toolCalls: [{ name, arguments: JSON.stringify(args) }] });

/** A file as it is, of a view with line numbers. */
const withoutNumbers = (text) => text.replace(/^ *\d+\t/gm, '');

const blocks = (rubric) =>
  rubric
    .split(/^(?=## )/m)
    .slice(1)
    .map((block) => block.replace(/\n\s*End with[\s\S]*/, '').trim());

/** The first rule of a peer's rubric that the own one lacks, as the peer has it. */
function ruleOf(own, theirs) {
  return theirs.flatMap(blocks).find((block) => !own.includes(block.split('\n')[0]));
}

/** The next rule that it knows, and when it has said all, some good advice that changes nothing. */
function newRule({ knows }, own) {
  const next = knows.map((name) => rules[name].text).find((text) => !own.includes(text.split('\n')[0]));
  const times = own.split('Read the answer').length;
  return next ?? `Read the answer ${times === 1 ? 'once more' : `${times} times more`} before you decide.`;
}

function lineOfEnd(rubric) {
  return rubric.split('\n').findIndex((line) => line.startsWith('End with'));
}
