import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { REPLY_BYTES } from './contender.ts'

/** What a model says at a time: ordinary text, of which nothing is held back as the start of a secret. */
const PIECE = 'a piece '

/** Pieces of one answer. Each is an event on its way from peer to peer. */
export const PIECES = REPLY_BYTES / PIECE.length

/** A server that answers each chat completion with the same stream of `PIECES` pieces, at once. */
export async function serveModel(): Promise<{ url: string; stop: () => Promise<void> }> {
  const choice = (delta: object, end: string | null): string =>
    event({
      id: 'c',
      object: 'chat.completion.chunk',
      created: 0,
      model: 'model',
      choices: [{ index: 0, delta, finish_reason: end }],
    })
  const piece = choice({ content: PIECE }, null)
  const usage = { prompt_tokens: 10, completion_tokens: PIECES, total_tokens: 10 + PIECES }
  const end = `${choice({}, 'stop')}${event({ id: 'c', object: 'chat.completion.chunk', created: 0, model: 'model', choices: [], usage })}data: [DONE]\n\n`
  const server = createServer((request, response) => {
    // The request is read whole, as a model would.
    request.resume().once('end', () => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      for (let n = 0; n < PIECES; n++) response.write(piece)
      response.end(end)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const stop = async (): Promise<void> => {
    server.close()
    server.closeAllConnections()
    await once(server, 'close')
  }
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`, stop }
}

/** The text of an answer, read from its stream with nothing around it. */
export async function readAnswer(url: string, text: string): Promise<Uint8Array> {
  const messages = [{ role: 'user', content: text }]
  const response = await fetch(`${url}/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'model', stream: true, messages }),
  })
  if (!response.ok || response.body === null) throw new Error(`status ${response.status}`)
  let [held, answer] = ['', '']
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    const lines = `${held}${chunk}`.split('\n')
    held = lines.pop() ?? ''
    for (const line of lines) answer += textOf(line)
  }
  return Buffer.from(answer)
}

/** What a line of the stream adds to the answer. */
function textOf(line: string): string {
  if (!line.startsWith('data: {')) return ''
  const { choices } = JSON.parse(line.slice('data: '.length)) as {
    choices: { delta: { content?: string } }[]
  }
  return choices[0]?.delta.content ?? ''
}

function event(body: object): string {
  return `data: ${JSON.stringify(body)}\n\n`
}
