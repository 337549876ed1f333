import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { OnProgress } from './progress.ts'
import { unpackThrown } from './thrown.ts'
import type { Question, Said, Tasks } from './worker-messages.ts'

/** Beside this file, and of its kind: `.ts` in a checkout, `.js` in what is published. */
const WORKER = new URL(`./backup-worker${extname(import.meta.url)}`, import.meta.url)

/**
 * What passes through is large and lies outside the heap. With a small young generation it is given back soon, and by a
 * look at that alone; otherwise it piles up until the whole heap is gone through: a third of the CPU, and 50 MB.
 */
const LIMITS = { maxYoungGenerationSizeMb: 1 }

export interface TaskOptions {
  /** Answers what only this thread knows. What it throws ends the task. */
  answer?: (question: Question) => Promise<unknown>
  onProgress?: OnProgress | undefined
  /** Ends the task with its reason, wherever it is. */
  signal?: AbortSignal | undefined
}

/** Does a task in a thread of its own, which is gone when this resolves or rejects. */
export async function runTask<K extends keyof Tasks>(
  kind: K,
  init: Tasks[K]['init'],
  { answer, onProgress, signal }: TaskOptions,
): Promise<Tasks[K]['result']> {
  signal?.throwIfAborted()
  const worker = new Worker(WORKER, { workerData: { kind, init }, resourceLimits: LIMITS })
  const { promise, reject, resolve } = Promise.withResolvers<Tasks[K]['result']>()
  const stop = (): void => {
    reject(signal?.reason as Error)
  }
  signal?.addEventListener('abort', stop)
  worker.on('message', (said: Said) => {
    switch (said.kind) {
      case 'question':
        answer?.(said.question).then((answered) => {
          worker.postMessage(answered)
        }, reject)
        break
      case 'progress':
        onProgress?.(said.progress)
        break
      case 'done':
        resolve(said.result as Tasks[K]['result'])
        break
      case 'failed':
        reject(unpackThrown(said.thrown))
        break
    }
  })
  worker.once('error', reject)
  worker.once('exit', (code) => {
    reject(new Error(`the thread has ended with ${code}`))
  })
  try {
    return await promise
  } finally {
    signal?.removeEventListener('abort', stop)
    await worker.terminate()
  }
}
