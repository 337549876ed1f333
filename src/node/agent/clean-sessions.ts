import type { Sessions } from '../../agent/ports.ts'

/**
 * Sessions that keep no secret of this node which an engine has said: what leaves the node without it is stored
 * without it too. What an asker has said stays as it is.
 */
export function cleanSessions(sessions: Sessions, redacted: (text: string) => string): Sessions {
  return {
    read: async (ask) => await sessions.read(ask),
    append: async (ask, messages) => {
      const clean = messages.map((message) =>
        message.role === 'assistant' ? { ...message, text: redacted(message.text) } : message,
      )
      await sessions.append(ask, clean)
    },
    compact: async (ask, compaction) => {
      await sessions.compact(ask, { ...compaction, summary: redacted(compaction.summary) })
    },
  }
}
