import { once } from 'node:events'
import { parentPort, workerData } from 'node:worker_threads'
import { makeBackup } from './make-backup.ts'
import type { Manifest } from './manifest.ts'
import type { OnProgress } from './progress.ts'
import { readAhead } from './read-ahead.ts'
import { readThrough } from './read-backup.ts'
import { packThrown } from './thrown.ts'
import { unpackBackup } from './unpack-backup.ts'
import type { Question, Said, Task } from './worker-messages.ts'

/*
 * The thread in which a backup is made, verified or unpacked. The store is open in the main thread, and its rows come from there,
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
        sign: async (digest, { at, keyLog, node }) =>
          (await ask({ kind: 'sign', digest, about: { at, keyLog, node } })) as Uint8Array,
        rows: () => readAhead(rows()),
        onProgress: progress(),
      })
    case 'extract':
      return await unpackBackup(init.path, init.key, init.folder, {
        accept: async (backup) => {
          await ask({ kind: 'accept', backup })
        },
        onProgress: progress(),
      })
    case 'verify':
      return await readThrough(init.path, init.key, { onProgress: progress() })
  }
}

async function* rows(): AsyncGenerator<Uint8Array> {
  for (let from: 'start' | 'here' = 'start'; ; from = 'here') {
    const piece = (await ask({ kind: 'rows', from })) as Uint8Array | undefined
    if (piece === undefined) return
    yield piece
  }
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
