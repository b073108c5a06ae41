import { decodeVector, type EmbeddingList } from '../../src/core/embedding.ts';
import type { Reply } from './wire.ts';

/** Digits take ten times the room of the bytes, so they are made one vector at a time. */
export function embeddingReply(embeddings: EmbeddingList, asBase64: boolean): Reply {
  if (asBase64) return { json: embeddings };
  return { contentType: 'application/json', pieces: withDigits(embeddings) };
}

function* withDigits({ data, ...rest }: EmbeddingList): Generator<string> {
  yield `${JSON.stringify(rest).slice(0, -1)},"data":[`;
  for (const [i, { embedding, ...item }] of data.entries()) {
    yield `${i === 0 ? '' : ','}${JSON.stringify({ ...item, embedding: decodeVector(embedding) })}`;
  }
  yield ']}';
}
