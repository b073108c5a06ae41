import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished } from 'vitest';
import { pagesOf, planWorld } from '../../../src/niches/storage/plan.ts';
import { hostForTest, itNeedsVolumes } from './hosts.ts';

const plan = planWorld({ family: 'web', seed: 4, difficulty: 0.3 });
const erasable = plan.files.find(
  ({ path, isHeld, isVital }) => !isHeld && !isVital && !plan.links.some(({ target }) => target === path),
)!;
const erase = `chmod u+w "$(dirname '${erasable.path}')"; rm -f '${erasable.path}'`;
const index = '/workspace/srv/www/html/index.html';
const database = '/workspace/srv/db/shop.db';

/** Commands that must be worth nothing, whatever they print and however they end. */
const worthless: Readonly<Record<string, string>> = {
  'grows, then shrinks': 'head -c 200000 /dev/zero > /tmp/x; rm /tmp/x',
  'makes a hole of a gigabyte and removes it': 'truncate -s 1G /tmp/hole; rm /tmp/hole',
  'makes a hole of a gigabyte': 'truncate -s 1G /tmp/hole',
  'gives a file a second name and removes the first': 'cd /workspace/srv/db; ln shop.db s2 && mv -f s2 shop.db; ls',
  'moves a file to memory': 'f=$(find /workspace/srv/www/uploads -type f | head -1); mv "$f" /dev/shm/; true',
  'copies a file to /tmp and removes it': 'cp /workspace/etc/nginx/nginx.conf /tmp/c; rm /tmp/c',
  'claims a result': `echo '{"deltaBytes": 1e9, "status": "measured"}' | tee /dev/stderr; printf '{ "exit-code": 0 }' >&3; exit 0`,
  'takes away the right to look': 'chmod 000 /tmp',
  'mounts a larger volume': 'mount -t tmpfs -o size=1g none /tmp; mount -o remount,size=64m /workspace',
  'kills everything it can see': 'kill -9 -1',
  'leaves a writer of its own behind': '(setsid sh -c "while :; do echo x; done" >/dev/null 2>&1 &) ; true',
  'waits for its death with the disk full':
    'exec 9>/tmp/n; rm /tmp/n; head -c 400000 /dev/zero >&9; sleep 60 & kill -9 $$',
  'tampers with the read-only device': 'rm -rf /workspace/usr/*; for f in /workspace/usr/*/*/*; do : > "$f"; done',
  'fills memory instead of the disk': 'f=$(head -c 3000000 /dev/zero | tr "\\0" x); : "$f"',
};

describe('a command cannot forge a gain', () => {
  itNeedsVolumes('by any of the known tricks, in one command', async () => {
    const host = await hostForTest();
    for (const [what, command] of Object.entries(worthless)) {
      await host.begin(plan);
      const step = await host.act(command);
      expect(step, what).toMatchObject({ deltaBytes: 0, gainBytes: 0, damage: null });
      expect(await host.act('true'), `${what}, looked at again`).toMatchObject({ deltaBytes: 0 });
    }
  });

  itNeedsVolumes('by filling before and deleting after', async () => {
    const host = await hostForTest();
    await host.begin(plan);
    const fill = await host.act('head -c 200000 /dev/zero > /tmp/x');
    expect(fill).toMatchObject({ deltaBytes: -pagesOf(200_000), gainBytes: 0 });
    expect(await host.act('rm /tmp/x')).toMatchObject({ deltaBytes: pagesOf(200_000), gainBytes: 0 });
    expect(host.account).toMatchObject({ freedBytes: 0, mostFreedBytes: 0 });
  });

  itNeedsVolumes("by emptying the service's log again and again: its growth is nobody's gain", async () => {
    const host = await hostForTest();
    await host.begin(plan);
    const size = plan.files.find(({ path }) => path === plan.ownLog)!.size;
    const empty = () => host.act(`truncate -s 0 ${plan.ownLog}`);
    await host.act('true');
    expect(await empty()).toMatchObject({ deltaBytes: pagesOf(size), gainBytes: pagesOf(size) });
    for (let again = 0; again < 2; again += 1) expect(await empty()).toMatchObject({ deltaBytes: 0, gainBytes: 0 });
    expect(await host.act('true')).toMatchObject({ deltaBytes: 0 });
    expect(host.account.grownBytes).toBe(5 * plan.growthBytes);
  });

  itNeedsVolumes('by deleting one of two names; the last one counts once', async () => {
    const linked = Array.from({ length: 100 }, (_, seed) => planWorld({ family: 'web', seed, difficulty: 0 })).find(
      (candidate) => candidate.links.length > 0,
    )!;
    const { path, target } = linked.links[0]!;
    const host = await hostForTest();
    await host.begin(linked);
    const open = 'chmod -R u+w /workspace/home /workspace/var /workspace/srv /tmp;';
    expect((await host.act(`${open} rm -f -- "${target}"`)).deltaBytes).toBe(0);
    const { size } = linked.files.find((file) => file.path === target)!;
    expect((await host.act(`rm -f -- "${path}"`)).deltaBytes).toBe(pagesOf(size));
  });

  itNeedsVolumes('by truncating what it may not write', async () => {
    const host = await hostForTest();
    const guarded = Array.from({ length: 20 }, (_, seed) => planWorld({ family: 'web', seed, difficulty: 1 })).find(
      ({ system }) => system.length > 0,
    )!;
    const file = guarded.files.find(({ mode }) => mode === 0o444)!;
    await host.begin(guarded);
    expect(await host.act(`truncate -s 0 "${file.path}"`)).toMatchObject({ result: 'denied', deltaBytes: 0 });
    expect(await host.act(`rm -f '${guarded.system[0]!.path}'`)).toMatchObject({ result: 'read-only', deltaBytes: 0 });
  });

  itNeedsVolumes('by breaking the node: its space is available to nobody', async () => {
    const host = await hostForTest();
    const ways = {
      'deletes everything': 'rm -rf /workspace/[!u]* /tmp/*',
      'empties the database': `: > ${database}`,
      'punches a hole into the database': `fallocate -p -o 8192 -l 65536 ${database}`,
      'packs the database': `gzip ${database}`,
      'makes the index a link': `ln -sf /dev/null ${index}`,
      'makes the index a copy without rights': `chmod 000 ${index}`,
      'closes the way to it': 'chmod 000 /workspace/srv/www',
      'moves the configuration': 'mv /workspace/etc /tmp/',
    };
    for (const [what, command] of Object.entries(ways)) {
      await host.begin(plan);
      const before = host.account.birthBytes;
      const step = await host.act(command);
      expect(step, what).toMatchObject({ ending: 'broken', deltaBytes: -before, gainBytes: 0 });
      expect(step.damage).toMatch(/is gone|is damaged|cannot be read/);
    }
  });

  itNeedsVolumes('but by really freeing: also with a descriptor that dies with its holder', async () => {
    const host = await hostForTest();
    await host.begin(plan);
    const step = await host.act(`exec 9<'${erasable.path}'; ${erase}; sleep 60 &`);
    expect(step.deltaBytes).toBe(pagesOf(erasable.size));
  });
});

describe('a command does not reach the host', () => {
  itNeedsVolumes('through links that the next world is built over', async () => {
    const outside = mkdtempSync(join(tmpdir(), 'galapagos-canary-'));
    onTestFinished(() => rmSync(outside, { recursive: true, force: true }));
    mkdirSync(join(outside, 'closed'), { mode: 0o500 });
    writeFileSync(join(outside, 'index.html'), 'canary');
    truncateSync(join(outside, 'index.html'), 2 ** 22);
    const host = await hostForTest();
    await host.begin(plan);
    const plant = `cd /workspace; chmod -R u+w var srv; rm -rf srv/www; ln -s ${outside} srv/www; rm -rf var; ln -s ${outside} var; ln -s ${outside} /tmp/dir`;
    expect((await host.act(plant)).ending).toBe('broken');
    expect(host.listed().map(({ path }) => path)).not.toContain('/workspace/var/index.html');
    await host.begin(plan);
    expect(await host.act(`[ ! -L /workspace/var ] && [ -f ${index} ]`)).toMatchObject({ exitCode: 0 });
    expect(readFileSync(join(outside, 'index.html'), 'utf8').slice(0, 6)).toBe('canary');
    expect(statSync(join(outside, 'closed')).mode & 0o777).toBe(0o500);
  });

  itNeedsVolumes(
    'by paths too deep, names that are no text, or too many files: the next world stands all the same',
    async () => {
      const host = await hostForTest();
      const shapes = {
        deep: 'cd /tmp; i=0; while [ $i -lt 60 ]; do d=$(printf "%0200d" $i); mkdir $d; cd $d; i=$((i+1)); done; : > x',
        names: `cd /tmp; printf x > "$(printf 'a\\377b')"; mkdir "$(printf 'd\\376')"; mkfifo "$(printf 'p\\001')" q`,
        many: 'mkdir /tmp/m; cd /tmp/m; seq 1 30000 | xargs touch',
        closed: 'cd /tmp; mkdir -p a/b/c; : > a/b/c/x; chmod 000 a/b/c a/b a .; chmod 000 /workspace /dev/shm',
      };
      for (const [what, command] of Object.entries(shapes)) {
        await host.begin(plan);
        const step = await host.act(command);
        expect(step.gainBytes, what).toBe(0);
        await host.begin(plan);
        expect(await host.act(`[ -f ${index} ] && [ ! -e /tmp/m ]`), `after ${what}`).toMatchObject({ exitCode: 0 });
      }
    },
  );

  itNeedsVolumes('and a command that never ends is stopped and measured like any other', async () => {
    const host = await hostForTest({ commandMs: 3_000 });
    await host.begin(plan);
    const step = await host.act(`${erase}; while :; do :; done`);
    expect(step).toMatchObject({ stoppedBy: 'timeout', result: 'stopped' });
    expect(step.deltaBytes).toBe(pagesOf(erasable.size));
  });
});
