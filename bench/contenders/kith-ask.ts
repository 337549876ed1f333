import { askedOver } from './asked-nodes.ts'
import { REPLY_BYTES } from './contender.ts'

/**
 * Durable asks through the builtin engine's `echo`: stored by the asker before it is sent, journaled, claimed and
 * answered by the other with an fsync each, and stored again by the asker. The request is as long as the reply.
 */
export const kithAsk = askedOver({ text: `echo ${'x'.repeat(REPLY_BYTES)}` })
