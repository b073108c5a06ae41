import { createRandom } from './random.mjs';

const steps = 2000;
const heat = 0.03;
const caution = 0.12;

/** Packs n circles into the unit square: a list of [x, y, r]. A pure function of n and seed. */
export function pack(n, seed) {
  const random = createRandom(seed);
  let centers = placeOnGrid(n, random);
  centers = anneal(centers, random);
  centers = polish(centers, random);
  return makeFeasible(centers, radiiOf(centers));
}

/** Rows of a grid, a little disturbed. */
function placeOnGrid(n, random) {
  const columns = Math.ceil(Math.sqrt(n));
  const rows = Math.ceil(n / columns);
  const centers = [];
  for (let i = 0; i < n; i += 1) {
    const x = ((i % columns) + 0.5) / columns + 0.05 * (random() - 0.5);
    const y = (Math.floor(i / columns) + 0.5) / rows + 0.05 * (random() - 0.5);
    centers.push([keepInside(x), keepInside(y)]);
  }
  return centers;
}

/** Moves one center at a time; what is accepted becomes the next start. */
function anneal(start, random) {
  let current = start;
  let score = total(radiiOf(current));
  for (let step = 0; step < steps; step += 1) {
    const progress = step / steps;
    const next = propose(current, 0.3 * (1 - progress), random);
    const nextScore = total(radiiOf(next));
    if (accepts(nextScore - score, heat * (1 - progress), random)) {
      current = next;
      score = nextScore;
    }
  }
  return current;
}

/** Small moves, of which only the better are kept. */
function polish(start, random) {
  let current = start;
  let score = total(radiiOf(current));
  for (let move = 0; move < 500; move += 1) {
    const next = propose(current, 0.05, random);
    const nextScore = total(radiiOf(next));
    if (nextScore > score) {
      current = next;
      score = nextScore;
    }
  }
  return current;
}

/** A copy in which one center has moved by at most `size` in each direction. */
function propose(centers, size, random) {
  const chosen = Math.floor(random() * centers.length);
  const next = centers.slice();
  const [x, y] = centers[chosen];
  const dx = size * (random() - 0.5);
  const dy = size * (random() - 0.5);
  next[chosen] = [keepInside(x + dx), keepInside(y + dy)];
  return next;
}

/** Better is always accepted, worse with a probability that falls with the temperature. */
function accepts(gain, temperature, random) {
  return gain > 0 || random() < Math.exp(gain / temperature);
}

/** Radii for fixed centers: everybody gets a share of the gap to the nearest neighbor, then all may grow. */
function radiiOf(centers) {
  const radii = centers.map((center, i) => Math.min(wallDistance(center), 0.45 * nearest(centers, i)));
  grow(centers, radii);
  return radii;
}

/** Every radius in turn takes a part of the room that is left. */
function grow(centers, radii) {
  for (let i = 0; i < radii.length; i += 1) {
    const room = roomFor(centers, radii, i) - radii[i];
    radii[i] += 0.85 * room;
  }
}

/** The largest radius circle i could have if all others keep theirs. */
function roomFor(centers, radii, i) {
  let room = wallDistance(centers[i]);
  for (let j = 0; j < centers.length; j += 1) {
    if (j !== i) room = Math.min(room, distance(centers[i], centers[j]) - radii[j]);
  }
  return room;
}

function nearest(centers, i) {
  let least = 1;
  for (let j = 0; j < centers.length; j += 1) {
    if (j !== i) least = Math.min(least, distance(centers[i], centers[j]));
  }
  return least;
}

/** Shrinks whatever overlaps or sticks out, and then everything by a share, to be on the safe side of rounding. */
function makeFeasible(centers, wanted) {
  const radii = wanted.map((r, i) => Math.max(1e-6, Math.min(r, wallDistance(centers[i]))));
  for (let i = 0; i < radii.length; i += 1) {
    for (let j = 0; j < i; j += 1) {
      const scale = distance(centers[i], centers[j]) / (radii[i] + radii[j]);
      if (scale < 1) {
        radii[i] *= scale;
        radii[j] *= scale;
      }
    }
  }
  return centers.map(([x, y], i) => [x, y, radii[i] * (1 - caution)]);
}

function keepInside(v) {
  return Math.min(0.99, Math.max(0.01, v));
}

function wallDistance([x, y]) {
  return Math.min(x, y, 1 - x, 1 - y);
}

function distance(a, b) {
  const dx = a[0] - b[0];
  const dy = a[1] - b[1];
  return Math.sqrt(dx * dx + dy * dy);
}

function total(radii) {
  return radii.reduce((sum, r) => sum + r, 0);
}
