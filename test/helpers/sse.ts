import type { TaskEvent } from '../../src/node/http/tasks/task-routes.ts'

/** An event of a stream, as a browser would see it. */
export interface SentEvent {
  id: string | undefined
  event: string
  data: TaskEvent
}

/** The events of a stream as they come, until it ends or is cut (WHATWG HTML §9.2.6). Comments are left out. */
export async function* sentEvents(response: Response): AsyncGenerator<SentEvent> {
  if (response.body === null) return
  let rest = ''
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    const blocks = (rest + chunk).split('\n\n')
    rest = blocks.pop() ?? ''
    for (const block of blocks) {
      const fields = new Map(
        block.split('\n').map((line) => {
          const at = line.indexOf(':')
          return [line.slice(0, at), line.slice(at + 1).trimStart()] as const
        }),
      )
      const data = fields.get('data')
      if (data === undefined) continue
      yield {
        id: fields.get('id'),
        event: fields.get('event') ?? 'message',
        data: JSON.parse(data) as TaskEvent,
      }
    }
  }
}

/** All events of a stream that ends by itself. */
export async function readEvents(response: Response): Promise<SentEvent[]> {
  return await Array.fromAsync(sentEvents(response))
}
