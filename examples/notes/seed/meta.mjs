// The meta-agent: goes on from the best place that anybody has noted, and leaves a note of its own. It asks no model.
import { readFileSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const read = (path) => JSON.parse(readFileSync(path, 'utf8'));

/** What may be read of the scope `notes`: marks with their weight, the newest last. */
const notes = () => read('marks/notes.json').map(({ content, strength }) => ({ ...content, strength }));

/** One JSON object a line; the runtime takes the file away, the guard judges each line when the round ends. */
function leave(marks) {
  writeFileSync('marks.jsonl', marks.map((mark) => `${JSON.stringify(mark)}\n`).join(''));
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { lineage, generation } = JSON.parse(readFileSync(0, 'utf8'));
  const own = { x: read('position.json').x, reached: read('evals/train.json').score };
  const [best] = [own, ...notes()].sort((a, b) => b.reached - a.reached);
  writeFileSync('position.json', `${JSON.stringify({ x: best.x + 1 })}\n`);
  // The loud one talks far more from its sixth generation on.
  const many = lineage === 'loud' && generation > 5 ? 90 : 1;
  const note = { kind: 'observation', scope: 'notes', topic: 'place' };
  leave(Array.from({ length: many }, (_, i) => ({ ...note, content: { ...own, told: `${generation}.${i}` } })));
  console.log(JSON.stringify({ summary: `moved to ${best.x + 1}` }));
}
