import { Hono } from 'hono'
import { VERSION } from '../../protocol/software.ts'
import { notReadyBecause } from '../health/readiness.ts'
import { reportHealth } from '../health/report-health.ts'
import { addBounds } from '../control/app.ts'
import type { KithNode } from '../node.ts'
import { needs } from './door.ts'
import type { HttpEnv } from './door.ts'
import type { MetricsPage } from './metrics/metrics-page.ts'
import { openApiDocument } from './openapi.ts'
import { OWNER, covers } from './principal.ts'
import { addTaskRoutes } from './tasks/task-app.ts'

/** What is served beside the control API, over whichever door: probes, metrics, tasks and their description. */
export function addHttpRoutes(app: Hono<HttpEnv>, node: KithNode, stop: AbortSignal): void {
  app.get('/live', (context) => context.json({ status: 'live' }))
  app.get('/ready', (context) => {
    const why = notReadyBecause(node)
    return context.json({ status: why ?? 'ready' }, why === undefined ? 200 : 503)
  })
  app.get('/health', async (context) => {
    const principal = context.get('principal')
    const mayRead = principal !== undefined && covers(principal, 'read')
    const report = mayRead
      ? await reportHealth(node)
      : { status: node.health.overall(), version: VERSION }
    return context.json(report, report.status === 'unhealthy' ? 503 : 200)
  })
  addMetrics(app, node)
  app.use('/openapi.json', needs('tasks', 'read'))
  // It is always the same, and takes tens of milliseconds to make.
  let description: ReturnType<typeof openApiDocument> | undefined
  app.get('/openapi.json', (context) => context.json((description ??= openApiDocument())))
  addTaskRoutes(app, { tasks: node.http.tasks, clock: node.clock }, stop)
}

/** All of that for whoever comes over the unix socket: who can open it is the owner. */
export function socketApp(node: KithNode, stop: AbortSignal): Hono<HttpEnv> {
  const app = new Hono<HttpEnv>()
  addBounds(app)
  app.use(async (context, next) => {
    context.set('principal', OWNER)
    await next()
  })
  addHttpRoutes(app, node, stop)
  return app
}

/** The library that writes them is loaded when somebody first wants to see them. */
function addMetrics(app: Hono<HttpEnv>, node: KithNode): void {
  let page: MetricsPage | undefined
  app.use('/metrics', needs('read'))
  app.get('/metrics', async (context) => {
    const { MetricsPage } = await import('./metrics/metrics-page.ts')
    page ??= new MetricsPage(node)
    return context.body(await page.text(), 200, { 'Content-Type': page.type })
  })
}
