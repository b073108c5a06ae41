import { runCli } from './cli.ts';
import { processIo } from './io.ts';

// Whoever reads our output may stop early, as `head` does; that is no error of ours.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

process.exitCode = await runCli(process.argv.slice(2), processIo());
