import { defineSelection } from 'galapagos';

/** A selection policy: the better of two ancestors drawn at random. A pure function of archive and randomness. */
export default defineSelection({
  name: 'tournament',
  select: (archive, random) => {
    const draw = () => archive[Math.floor(random() * archive.length)]!;
    const [a, b] = [draw(), draw()];
    return (b.score ?? Number.NEGATIVE_INFINITY) > (a.score ?? Number.NEGATIVE_INFINITY) ? b.generation : a.generation;
  },
});
