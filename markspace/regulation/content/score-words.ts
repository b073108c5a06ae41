/** Words that name a measure of how good something is. */
const scoreWords = new Set(
  `score scores scored scoring accuracy acc precision recall f1 auc auroc auprc loss reward rewards fitness perplexity
   ppl bleu rouge elo iou mae mse rmse r2 ndcg mrr speedup improvement gain grade rating performance winrate passrate
   benchmark percentile metric metrics`.split(/\s+/),
);

/** With "rate" after them. */
const rateWords = new Set('win pass success error hit solve solved failure completion detection'.split(' '));

/** Words that make a share a score: "48 of 50 solved", "93 % correct". */
export const outcomeWords = new Set(
  'correct correctly passed passes pass passing solved solves succeeded succeeds wins won right'.split(' '),
);

/** Whether any of these words may be in a text: where it finds nothing, there is no score. */
export const scoreTalk = new RegExp([...scoreWords, ...rateWords, ...outcomeWords].join('|'), 'iu');

/** Numbers under these are no scores, whatever stands around them. */
export const countWords = new Set(
  'n k count counts samples sample seed seeds items size total step steps epoch epochs generation round id index version'.split(
    ' ',
  ),
);

/** A name's words in lower case: `testAccuracy`, `test_accuracy` and `test accuracy` are the same two. */
export function wordsOf(name: string): string[] {
  return name
    .normalize('NFKC')
    .replaceAll(/(?<=[\p{Ll}\d])(?=\p{Lu})/gu, ' ')
    .toLowerCase()
    .split(/[^\p{L}\d]+/u)
    .filter((word) => word !== '');
}

export function isScoreName(name: string): boolean {
  const words = wordsOf(name);
  return words.some((_, i) => isScoreAt(words, i));
}

/** Whether a score's name begins at this word. */
export function isScoreAt(words: readonly (string | null)[], i: number): boolean {
  const word = words[i] ?? '';
  if (scoreWords.has(word)) return true;
  return rateWords.has(word) && /^rates?$/.test(words[i + 1] ?? '');
}
