import type { Memory } from '../../../agent/memory.ts'
import { OWNER_NAME } from '../../../agent/ports.ts'
import type { Clock } from '../../clock.ts'
import type { MEMORY_ROUTES } from '../routes/memory.ts'
import type { HandlersOf } from '../routes/route.ts'

export interface MemoryNode {
  readonly clock: Pick<Clock, 'now'>
  readonly agent: { memory: Pick<Memory, 'forget' | 'recall' | 'remember'> }
}

export function memoryHandlers(node: MemoryNode): HandlersOf<typeof MEMORY_ROUTES> {
  return {
    memory: async () => await node.agent.memory.recall([]),
    addNote: async ({ text }) => {
      await node.agent.memory.remember(text, OWNER_NAME, node.clock.now())
      return {}
    },
    forgetNotes: async ({ source }) => ({
      forgotten: await node.agent.memory.forget(source),
    }),
  }
}
