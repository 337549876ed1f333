import { once } from 'node:events'
import { parentPort, workerData } from 'node:worker_threads'
import { makeBackup } from './make-backup.ts'
import type { Manifest } from './manifest.ts'
import type { OnProgress } from './progress.ts'
import { readThrough } from './read-backup.ts'
import { packThrown } from './thrown.ts'
import type { Question, Said, Task } from './worker-messages.ts'

/*
 * The thread in which a backup is made or verified. The store is open in the main thread, and its rows come from there,
 * a piece for each question.
 */

/** How far it is, is told after so many bytes. */
const TOLD_BYTES = 4_194_304

try {
  say({ kind: 'done', result: await run(workerData as Task) })
} catch (err) {
  say({ kind: 'failed', thrown: packThrown(err) })
}

async function run({ init, kind }: Task): Promise<unknown> {
  switch (kind) {
    case 'create':
      return await makeBackup(init, {
        describe: async (identity) =>
          (await ask({ kind: 'describe', identity })) as Pick<Manifest, 'node' | 'keyLog'>,
        rows,
        onProgress: progress(),
      })
    case 'verify':
      return await readThrough(init.path, init.key, { onProgress: progress() })
  }
}

/** The next piece is on its way while somebody works on this one. */
async function* rows(): AsyncGenerator<Uint8Array> {
  let next = nextRows('start')
  for (;;) {
    const piece = await next
    if (piece === undefined) return
    next = nextRows('here')
    yield piece
  }
}

async function nextRows(from: 'start' | 'here'): Promise<Uint8Array | undefined> {
  return (await ask({ kind: 'rows', from })) as Uint8Array | undefined
}

function progress(): OnProgress {
  let told = 0
  return (progress) => {
    const { doneBytes, totalBytes } = progress
    const isWorthIt = doneBytes - told >= TOLD_BYTES || doneBytes === totalBytes
    if (!isWorthIt || doneBytes === told) return
    told = doneBytes
    say({ kind: 'progress', progress })
  }
}

async function ask(question: Question): Promise<unknown> {
  const answered = once(portOf(), 'message')
  say({ kind: 'question', question })
  const [answer] = (await answered) as unknown[]
  return answer
}

function say(said: Said): void {
  portOf().postMessage(said)
}

function portOf(): NonNullable<typeof parentPort> {
  if (parentPort === null) throw new TypeError('this file is for a thread of its own')
  return parentPort
}
