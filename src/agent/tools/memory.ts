import { z } from 'zod'
import { answerRecall } from '../engines/builtin-files.ts'
import { MAX_NOTE_BYTES } from '../memory.ts'
import type { Memory } from '../memory.ts'
import { isOwner } from '../owner.ts'
import { OWNER_NAME } from '../ports.ts'
import type { EngineAsk, NodeFacts } from '../ports.ts'
import { defineTool } from './tool.ts'
import type { Tool } from './tool.ts'

/**
 * Whose a note is that a model wrote while it answered the owner. It may have it from a page or a peer, so that it
 * is not the owner's word. No peer can have this name.
 */
export const MODEL_SOURCE = 'model for self'

const MAX_QUERY_CHARS = 1_024
const MAX_SOURCE_CHARS = 64

/** The tools for notes. A note keeps the name of the one in whose ask it was written. */
export function memoryTools({ facts, memory }: { facts: NodeFacts; memory: Memory }): Tool[] {
  return [
    defineTool({
      name: 'remember',
      class: 'write',
      description: 'Keeps a note, in one line.',
      input: z.strictObject({ text: z.string().min(1).max(MAX_NOTE_BYTES) }),
      what: ({ text }) => `remember: ${text}`,
      key: () => 'remember',
      run: async ({ text }, { ask }) => {
        await memory.remember(text, sourceOf(ask), facts.now())
        return { text: 'Remembered.' }
      },
    }),
    defineTool({
      name: 'recall',
      class: 'read',
      description: 'The notes that hold all of some words, the newest first.',
      input: z.strictObject({ words: z.string().min(1).max(MAX_QUERY_CHARS) }),
      what: ({ words }) => `recall ${words}`,
      run: async ({ words: argument }, { ask: { asker } }) => {
        const owner = isOwner(asker, facts)
        const lines = await Array.fromAsync(answerRecall({ argument, asker, memory, owner }))
        return { text: lines.join(''), source: 'notes' }
      },
    }),
    defineTool({
      name: 'forget',
      class: 'write',
      description:
        'Takes out all notes that were kept for whoever asks, or, for the owner, those of the source that is named.',
      input: z.strictObject({ source: z.string().min(1).max(MAX_SOURCE_CHARS).optional() }),
      risk: () => 'caution',
      what: ({ source }) => `forget all notes from ${source ?? 'the one who asks'}`,
      run: async ({ source }, { ask }) => {
        // A name that is another's does nothing to it, for anybody but the owner.
        const whose = isOwner(ask.asker, facts) ? (source ?? sourceOf(ask)) : ask.asker.name
        return { text: `Forgot ${await memory.forget(whose)} notes.` }
      },
    }),
  ]
}

function sourceOf({ asker }: EngineAsk): string {
  return asker.name === OWNER_NAME ? MODEL_SOURCE : asker.name
}
