import { textOf } from '../../src/core/file-tree.ts';
import { quoted } from '../denials.ts';
import type { Candidate, Rule } from './rule.ts';

export const binaryRule: Rule = ({ child, changed, policy }) => {
  if (policy.binaryFiles === 'allow') return null;
  const path = changed.find((p) => textOf(child.get(p)!.bytes) === null);
  return path === undefined ? null : { rule: 'file-type', message: `${quoted(path)} is not UTF-8 text` };
};

export const executableRule: Rule = (candidate) => {
  if (candidate.policy.executableBit !== 'refuse') return null;
  const path = candidate.changed.find((p) => isNewlyExecutable(candidate, p));
  if (path === undefined) return null;
  return {
    rule: 'executable-bit',
    message: `${quoted(path)} became executable: start it with its interpreter instead`,
  };
};

export function isNewlyExecutable({ parent, child }: Candidate, path: string): boolean {
  return child.get(path)!.isExecutable && parent.get(path)?.isExecutable !== true;
}

/** Shapes that only credentials have. Each is narrow: a false alarm costs a generation. */
const secretShapes: readonly (readonly [name: string, shape: RegExp])[] = [
  ['a private key', /-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----/],
  ['an AWS access key', /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/],
  ['a GitHub token', /\bgh[opusr]_[A-Za-z0-9]{36,}\b|\bgithub_pat_[A-Za-z0-9_]{60,}\b/],
  ['an OpenAI or Anthropic key', /\bsk-(?:ant-|proj-|svcacct-)?[A-Za-z0-9_-]{32,}/],
  ['a Google API key', /\bAIza[0-9A-Za-z_-]{35}\b/],
  ['a Slack token', /\bxox[abeoprs]-[0-9A-Za-z-]{10,}/],
  ['a Hugging Face token', /\bhf_[A-Za-z0-9]{30,}\b/],
  ['a Stripe key', /\b[rs]k_live_[0-9A-Za-z]{20,}\b/],
  ['a JSON Web Token', /\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}/],
];

/** What each of those shapes has in it: where none of this is, there is none of them. */
const secretMarks = /PRIVATE KEY|A[KS]IA|gh[opusr]_|github_pat_|sk-|AIza|xox|hf_|k_live_|eyJ/;

/** Looks at contents and at names, which reach the journal and git too. The finding names no secret and no path that holds one. */
export const secretRule: Rule = ({ child, changed, policy }) => {
  const forbidden = policy.forbiddenTexts.flatMap(spellings);
  for (const path of changed) {
    const inName = findSecret(path, forbidden);
    if (inName !== null) return { rule: 'secret', message: `the name of a file holds ${inName}` };
    const { bytes } = child.get(path)!;
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
    const found = findSecret(text, forbidden);
    if (found !== null) return { rule: 'secret', message: `${quoted(path)} holds ${found}` };
  }
  return null;
};

/** What kind of secret a text holds, or `null`. @param text - Bytes as Latin-1. @param forbidden - {@link spellings} of what must not appear. */
export function findSecret(text: string, forbidden: readonly string[]): string | null {
  if (forbidden.some((f) => text.includes(f))) return "one of the run's own secrets";
  if (!secretMarks.test(text)) return null;
  return secretShapes.find(([, shape]) => shape.test(text))?.[0] ?? null;
}

/** As Latin-1 text of the bytes that would be in a file. Too short a text would match by chance. */
export function spellings(secret: string): string[] {
  const bytes = Buffer.from(secret);
  if (bytes.byteLength < 6) return [];
  const base64 = [0, 1, 2].map((shift) => inBase64(bytes, shift));
  const urlSafe = base64.map((s) => s.replaceAll('+', '-').replaceAll('/', '_'));
  const hex = bytes.toString('hex');
  return [...new Set([bytes.toString('latin1'), hex, hex.toUpperCase(), ...base64, ...urlSafe])].filter(
    (s) => s.length >= 6,
  );
}

/** The base64 digits that depend on the secret alone when `shift` bytes come before it. */
function inBase64(bytes: Buffer, shift: number): string {
  const encoded = Buffer.concat([Buffer.alloc(shift), bytes])
    .toString('base64')
    .replace(/=+$/, '');
  const isWhole = (shift + bytes.byteLength) % 3 === 0;
  return encoded.slice(Math.ceil((shift * 8) / 6), isWhole ? undefined : -1);
}
