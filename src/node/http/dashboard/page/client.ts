import { PATHS } from '../../../control/paths.ts'
import type {
  CallName,
  ErrorBody,
  Input,
  Output,
  RouteName,
  StreamName,
} from '../../../control/api.ts'

/** What a person has asked for may take this long, in ms. */
const TIMEOUT_MS = 30_000

/** Where this tab keeps its half of what lets it in, until it is closed. The other half is a cookie that no script reads. */
const PAGE_KEY = 'kith-page'

/** What the node, or a peer behind it, has refused. */
export class Refused extends Error {
  override readonly name = 'Refused'
  readonly code: string
  readonly hint: string | undefined

  constructor({ code, hint, message }: ErrorBody['error']) {
    super(message)
    this.code = code
    this.hint = hint
  }
}

/** The node takes no calls from this page: it was not let in, or no longer is. */
export class NotLetIn extends Error {
  override readonly name = 'NotLetIn'
}

/** Nobody answers, or somebody that is no kith. */
export class Gone extends Error {
  override readonly name = 'Gone'
}

/**
 * Has the node let this page in by the code that `kith dashboard` has put into the address, if there is one. It is taken
 * out of there first, so that no history keeps it.
 *
 * @throws {NotLetIn} for a code that was used, or is too old
 * @throws {Gone}
 */
export async function enter(): Promise<void> {
  const code = new URLSearchParams(location.hash.slice(1)).get('code')
  if (code === null) return
  history.replaceState(null, '', location.pathname)
  const response = await exchange('/login', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ code }),
  })
  const { page } = (await response.json()) as { page: string }
  sessionStorage.setItem(PAGE_KEY, page)
}

/** Ends what lets this page in. @throws {Gone} */
export async function leave(): Promise<void> {
  await exchange('/logout', { method: 'POST', headers: pageHeader() })
  sessionStorage.removeItem(PAGE_KEY)
}

/**
 * The answer of a route, if it comes within `timeoutMs`.
 *
 * @throws {Refused} what the node, or a peer behind it, refuses
 * @throws {NotLetIn}
 * @throws {Gone}
 */
export async function call<N extends CallName>(
  name: N,
  input: Input<N>,
  timeoutMs = TIMEOUT_MS,
): Promise<Output<N>> {
  const response = await send(name, input, AbortSignal.timeout(timeoutMs))
  try {
    // The server, which is the same version, has checked what it sends.
    return (await response.json()) as Output<N>
  } catch (cause) {
    throw new Gone('the answer broke off', { cause })
  }
}

/** The items of a stream, until it ends or `signal` aborts. @throws as `call` */
export async function* items<N extends StreamName>(
  name: N,
  input: Input<N>,
  signal: AbortSignal,
): AsyncGenerator<Output<N>> {
  const { body } = await send(name, input, signal)
  if (body === null) return
  const reader = body.pipeThrough(new TextDecoderStream()).getReader()
  let rest = ''
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    // Each event ends with an empty line (WHATWG HTML §9.2).
    const events = (rest + value).split('\n\n')
    rest = events.pop() ?? ''
    for (const event of events) {
      const data = dataOf(event)
      if (data !== '') yield JSON.parse(data) as Output<N>
    }
  }
}

/** What an event carries; a comment, which keeps the stream alive, carries nothing. */
function dataOf(event: string): string {
  return event
    .split('\n')
    .filter((one) => one.startsWith('data:'))
    .map((one) => one.slice('data:'.length).trimStart())
    .join('\n')
}

async function send(
  name: RouteName,
  input: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
): Promise<Response> {
  const [method, template] = PATHS[name]
  const rest = new Map(Object.entries(input).filter(([, value]) => value !== undefined))
  const path = template.replaceAll(/:(\w+)/g, (_, key: string) => {
    const value = String(rest.get(key))
    rest.delete(key)
    return encodeURIComponent(value)
  })
  const query = new URLSearchParams([...rest].map(([key, value]) => [key, String(value)]))
  return await exchange(method === 'GET' ? `${path}?${query.toString()}` : path, {
    method,
    signal,
    headers: {
      ...pageHeader(),
      ...(method === 'POST' ? { 'content-type': 'application/json' } : {}),
    },
    ...(method === 'POST' ? { body: JSON.stringify(Object.fromEntries(rest)) } : {}),
  })
}

function pageHeader(): Record<string, string> {
  const page = sessionStorage.getItem(PAGE_KEY)
  return page === null ? {} : { 'x-kith-page': page }
}

/** An answer that is a success. @throws as `call` */
async function exchange(path: string, init: RequestInit): Promise<Response> {
  const options = { cache: 'no-store', credentials: 'same-origin' } as const
  const response = await fetch(path, { ...options, ...init }).catch((cause: unknown) => {
    throw new Gone('no answer', { cause })
  })
  if (response.ok) return response
  if (response.status === 401) throw new NotLetIn('the node wants to know who this is')
  throw await refusal(response)
}

async function refusal(response: Response): Promise<Error> {
  try {
    const { error } = (await response.json()) as ErrorBody
    // It stops, or has not begun: as good as gone, and it comes back by itself.
    return error.code === 'stopping' ? new Gone(error.message) : new Refused(error)
  } catch (cause) {
    return new Gone(`the answer was ${response.status}`, { cause })
  }
}
