import assert from 'node:assert/strict'
import type { TaskPage, TaskReport } from '../../src/node/http/tasks/task-routes.ts'
import { readEvents } from './sse.ts'

/** A program that submits tasks to a node over HTTP. */
export class TaskClient {
  readonly #url: string
  readonly #headers: Record<string, string>

  constructor(url: string, headers: Record<string, string>) {
    this.#url = url
    this.#headers = headers
  }

  async get(
    path: string,
    headers: Record<string, string> = {},
    signal?: AbortSignal,
  ): Promise<Response> {
    const init = signal === undefined ? {} : { signal }
    return await fetch(`${this.#url}${path}`, {
      headers: { ...this.#headers, ...headers },
      ...init,
    })
  }

  async post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
    return await fetch(`${this.#url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...this.#headers, ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    })
  }

  /** A new task. */
  async submit(body: Record<string, unknown>): Promise<TaskReport> {
    const response = await this.post('/api/tasks', body)
    const text = await response.text()
    assert.equal(response.status, 201, text)
    return JSON.parse(text) as TaskReport
  }

  async task(id: string): Promise<TaskReport> {
    return (await (await this.get(`/api/tasks/${id}`)).json()) as TaskReport
  }

  async page(query = ''): Promise<TaskPage> {
    return (await (await this.get(`/api/tasks${query}`)).json()) as TaskPage
  }

  /** A task once it has ended. */
  async ended(id: string): Promise<TaskReport> {
    const last = (await readEvents(await this.get(`/api/tasks/${id}/events`))).at(-1)
    assert.ok(last?.data.type === 'end', JSON.stringify(last))
    return last.data.task
  }
}
