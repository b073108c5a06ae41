// The task agent: says where it stands.
import { readFileSync } from 'node:fs';

console.log(readFileSync('position.json', 'utf8'));
