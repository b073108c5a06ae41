import { describe, expect, it } from 'vitest';
import { darkColors } from '../../src/analysis/figures/visual-language.ts';
import { type ReportContext, renderReport } from '../../src/analysis/report.ts';
import type { RunRecord } from '../../src/analysis/run-record.ts';
import { demoRecords, runOf } from './fixture.ts';
import { elements, parseXml, textContent, type XmlElement } from './well-formed.ts';

const context: ReportContext = {
  experiment: 'demo',
  question: 'Does b get further when it sees a?',
  niche: 'grading',
  command: 'galapagos run demo',
  version: '0.1.0',
  provider: 'bubblewrap',
  models: { 'model-a': 'openai gpt-oss-20b' },
};
const arms = ['paired', 'solo', 'sham', 'iid', 'sequential'] as const;
const demo = (n: number) =>
  demoRecords({ arms, lineages: ['a', 'b'], seeds: Array.from({ length: n }, (_, i) => i + 1), generations: 8 });

/** The page's body, which is XML as well. */
function bodyOf(html: string): XmlElement {
  return parseXml(/<body>[\s\S]*<\/body>/.exec(html)![0]);
}

const named = (root: XmlElement, name: string) => elements(root, (e) => e.name === name);
const hostile = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  "' onmouseover='alert(1)",
  'javascript:alert(1)',
  '</style><svg onload=alert(1)>',
  ']]>&lt;b&gt;',
  '\u202etxt.exe\u200b\u001b[31m\u0000',
  '[x](javascript:alert(1)) ![y](http://127.0.0.1/y.png)',
].join(' ');

describe('the HTML page of a report', () => {
  it('shows hostile names and messages as text and nothing else', () => {
    const sketch = (arm: 'paired' | 'solo', status: RunRecord['status']) =>
      runOf({
        ...{ arm, seed: 1, status, reason: hostile, run: `r-${arm} ${hostile}` },
        lineages: {
          a: { scores: [0.1, 0.4, null], model: hostile, adoptions: { 1: 'b' } },
          b: { scores: [0.1, 0.2, 0.3], model: hostile },
        },
      });
    const narrowings = [{ lineage: hostile, scope: hostile, round: 1, reason: hostile }];
    const records = [{ ...sketch('paired', 'failed'), narrowings }, sketch('solo', 'stopped')];
    const all = { experiment: hostile, question: hostile, niche: hostile, command: hostile, version: hostile };
    const { html, figures } = renderReport(records, { ...all, provider: hostile, models: { [hostile]: hostile } });
    const body = bodyOf(html);
    const harmless = renderReport(demo(1), context);
    const known = new Set(elements(bodyOf(harmless.html), () => true).map((e) => e.name));
    expect([...new Set(elements(body, () => true).map((e) => e.name))].filter((name) => !known.has(name))).toEqual([]);
    expect(elements(body, (e) => Object.keys(e.attributes).some((key) => /^on|^style$|^src$/.test(key)))).toEqual([]);
    const text = textContent(body);
    expect(text).toContain('<script>alert(1)</script>');
    expect(text).toContain('"><img src=x onerror=alert(1)>');
    expect(text).toContain('⟨U+202E⟩txt.exe⟨U+200B⟩');
    expect(html).not.toMatch(/[\u202e\u200b\u001b\u0000]/);
    expect(html.match(/<\/style>/g)).toHaveLength(1);
    for (const svg of Object.values(figures)) expect(named(parseXml(svg), 'script')).toEqual([]);
  });

  it('fetches nothing and runs nothing: every link is an anchor or a file of the report', () => {
    const { html, figures, tables } = renderReport(demo(3), context);
    const body = bodyOf(html);
    const files = new Set([...Object.keys(figures), ...Object.keys(tables)]);
    const ids = elements(body, (e) => e.attributes.id !== undefined).map((e) => e.attributes.id!);
    expect(new Set(ids).size).toBe(ids.length);
    for (const link of named(body, 'a')) {
      const { href } = link.attributes;
      expect(href!.startsWith('#') ? ids.includes(href!.slice(1)) : files.has(href!), href).toBe(true);
    }
    expect(html).not.toMatch(/<(script|link|iframe|object|embed|img|form)\b|@import|url\(|https?:/i);
    expect(html).toContain("default-src 'none'; style-src 'unsafe-inline'");
  });

  it('has a dark counterpart for every color of every figure, on screens only', () => {
    const { html, figures } = renderReport(demo(5), context);
    const used = new Set(
      Object.values(figures).flatMap((svg) => svg.match(/(?<=(?:fill|stroke)=")#[0-9A-F]{6}/g) ?? []),
    );
    expect(used.size).toBeGreaterThan(5);
    expect([...used].filter((color) => !(color in darkColors))).toEqual([]);
    const dark = html.slice(
      html.indexOf('@media screen and (prefers-color-scheme:dark)'),
      html.indexOf('@media print'),
    );
    for (const color of used)
      expect(dark).toContain(`svg [fill="${color}"],svg[fill="${color}"]{fill:${darkColors[color]}}`);
    expect(html.match(/prefers-color-scheme/g)).toHaveLength(1);
  });

  it('can be read with a keyboard and a screen reader: wide parts take the focus, everything has a name', () => {
    const body = bodyOf(renderReport(demo(4), context).html);
    const regions = elements(body, (e) => e.attributes.role === 'region');
    expect(regions.length).toBeGreaterThan(10);
    for (const region of regions) {
      expect(region.attributes.tabindex).toBe('0');
      expect(region.attributes['aria-label']).toMatch(/^(Table|Figure): ./);
    }
    for (const table of named(body, 'table')) {
      expect(textContent(named(table, 'caption')[0]!)).not.toBe('');
      expect(named(table, 'th').every((th) => th.attributes.scope === 'col')).toBe(true);
    }
    for (const svg of named(body, 'svg')) {
      expect(svg.attributes.role).toBe('img');
      expect(svg.attributes['aria-label']).not.toBe('');
    }
    expect(named(body, 'figcaption')).toHaveLength(named(body, 'svg').length);
    expect(named(body, 'a')[0]!.attributes.href).toBe('#main');
  });

  it('says the same as the Markdown: every section, every cell', () => {
    const { html, markdown } = renderReport(demo(4), context);
    const body = bodyOf(html);
    const headings = [...markdown.matchAll(/^## (.*)$/gm)].map((m) => m[1]);
    expect(named(body, 'section').map((s) => textContent(named(s, 'h2')[0]!))).toEqual(headings);
    const spaced = (text: string) => text.replaceAll('\u00a0', ' ');
    const cells = named(body, 'td').map((td) => spaced(textContent(td)));
    const rows = markdown
      .split('\n')
      .filter((line, i, all) => line.startsWith('| ') && !line.startsWith('| ---') && !all[i + 1]?.startsWith('| ---'));
    const plain = (cell: string) =>
      cell
        .replace(/\\([\\`*_[\]|~#!])/g, '$1')
        .replaceAll('&gt;', '>')
        .replaceAll('&lt;', '<')
        .replaceAll('&amp;', '&');
    expect(cells).toEqual(rows.flatMap((row) => row.slice(2, -2).split(' | ').map(plain)));
  });

  it('says of a system whose results were imported what is not available, and shows no spending and no adoptions as 0', () => {
    const imported = {
      ...{ source: 'hyperspace', path: 'results', pairing: 'x_vs_y', family: 'x_vs_y', taskFile: 'task_agent.py' },
      notAvailable: ['usage', 'times', 'provenance'],
    };
    const records = demo(3).map((record) => ({
      ...record,
      imported,
      lineages: record.lineages.map((l) => ({
        ...l,
        generations: l.generations.map((g) => ({ ...g, adoption: null })),
      })),
    }));
    const { html, markdown, tables, figures } = renderReport(records, context);
    expect(markdown).toContain(
      '15 runs imported from hyperspace; nothing of it was measured here. Not available: usage, times, provenance.',
    );
    const outcomes = tables['outcomes.csv']!.split('\n').map((line) => line.split(','));
    for (const key of ['tokens', 'usd', 'calls', 'tokens_per_hundredth', 'adoptions'])
      expect(outcomes[1]![outcomes[0]!.indexOf(key)], key).toBe('NA');
    expect(Object.keys(figures).filter((name) => name.startsWith('cost-'))).toEqual([]);
    expect(textContent(bodyOf(html))).toContain('tokens not available');
    expect(markdown).not.toMatch(/Unequal tokens|NaN|undefined|0 adoptions|No adoption was recorded/);
    expect(markdown).toContain('adoptions not available');
  });
});
