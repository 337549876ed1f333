import { z } from 'zod'
import { nothing, route } from './route.ts'

export const noteReport = z.strictObject({
  /** Time to the minute, such as `2026-11-21T08:00Z`. Absent in what a person wrote by hand. */
  at: z.exactOptional(z.string()),
  /** Our name for who said it, `self` for the owner. */
  source: z.string(),
  text: z.string(),
})

export const MEMORY_ROUTES = {
  /** The newest first. */
  memory: route('GET', '/v1/memory', nothing, z.array(noteReport)),
  /** Writes a note of the owner's. */
  addNote: route('POST', '/v1/memory', z.strictObject({ text: z.string().min(1) }), nothing),
  /** Takes out what one source said, and says how many notes that were. */
  forgetNotes: route(
    'POST',
    '/v1/memory/forget',
    z.strictObject({ source: z.string().min(1) }),
    z.strictObject({ forgotten: z.int() }),
  ),
}

export type NoteReport = z.infer<typeof noteReport>
