import { readFileSync } from 'node:fs';
import { parse } from 'acorn';
import { describe, expect, it } from 'vitest';

interface Prerequisites {
  isInRange(version: string, range: string): boolean;
  nodeProblem(version: string, range: string): string | null;
}
const url = (name: string) => new URL(`../../scripts/${name}`, import.meta.url);
const { isInRange, nodeProblem } = (await import(url('prerequisites.mjs').href)) as Prerequisites;
const range = '^20.19 || ^22.13 || >=24';

describe('the version of Node', () => {
  it.each(['20.19.0', '20.20.2', '22.13.0', '24.0.0', '25.1.0', '24.0.0-nightly'])('may be %s', (version) => {
    expect(isInRange(version, range)).toBe(true);
    expect(nodeProblem(version, range)).toBeNull();
  });

  it.each(['12.22.12', '18.20.8', '20.18.3', '21.7.3', '22.12.0', '23.11.0'])('may not be %s', (version) => {
    expect(nodeProblem(version, range)).toContain(`needs Node.js ${range}; this is ${version}`);
    expect(nodeProblem(version, range)).toContain('https://nodejs.org');
  });

  // ES2020 for `import()` and `import.meta`, which Node 12 has; it lacks `?.` and `??` of the same year.
  it.each(['bootstrap.mjs', 'galapagos.mjs', 'prerequisites.mjs'])(
    'is checked by %s, which Node 12 can read',
    (name) => {
      const text = readFileSync(url(name), 'utf8');
      expect(() => parse(text, { ecmaVersion: 2020, sourceType: 'module', allowHashBang: true })).not.toThrow();
      expect(text.replace(/'[^'\n]*'|\/\/.*/g, '')).not.toMatch(/\?\.|\?\?/);
    },
  );
});
