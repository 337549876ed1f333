import { z } from 'zod'
import { ROUTES } from '../control/api.ts'
import type { RouteName } from '../control/api.ts'
import { ROUTE_NAMES } from '../control/app.ts'
import { healthReport, publicHealth } from '../health/health-report.ts'
import { READ_ROUTES, SOCKET_ROUTES } from './scopes.ts'
import type { Scope } from './principal.ts'
import {
  taskEvent,
  taskListQuery,
  taskPage,
  taskPath,
  taskReport,
  taskRequest,
} from './tasks/task-routes.ts'

/** One operation of the description. */
export interface Operation {
  name: string
  method: 'get' | 'post'
  /** As in the table of routes, with `:name` for what varies. */
  path: string
  summary: string
  tag: string
  /** Who may call it; undefined for everybody. */
  scopes?: readonly Scope[]
  input?: z.ZodType
  /** Of those in `input`, what is in headers. */
  headers?: Readonly<Record<string, string>>
  replies: Readonly<
    Record<string, { what: string; schema?: z.ZodType; stream?: true; text?: true }>
  >
}

const probe = z.strictObject({ status: z.string() })

const SEES: readonly Scope[] = ['read', 'tasks']
const TASKS: readonly Operation[] = [
  {
    ...{ name: 'createTask', method: 'post', path: '/api/tasks', tag: 'tasks', scopes: ['tasks'] },
    summary: 'Submits a task: an ask to this node or to a peer.',
    input: taskRequest,
    headers: { 'Idempotency-Key': 'The same key again gives the same task.' },
    replies: {
      '200': { what: 'The task that the key stands for already.', schema: taskReport },
      '201': { what: 'The task is on disk. Its address is in `Location`.', schema: taskReport },
    },
  },
  {
    ...{ name: 'listTasks', method: 'get', path: '/api/tasks', tag: 'tasks', scopes: SEES },
    summary: 'Tasks, the newest first; with scope `tasks`, those of this token alone.',
    input: taskListQuery,
    replies: { '200': { what: 'One page of them.', schema: taskPage } },
  },
  {
    ...{ name: 'getTask', method: 'get', path: '/api/tasks/:id', tag: 'tasks', scopes: SEES },
    summary: 'A task with what was asked, and as much of the answer as is in.',
    input: taskPath,
    replies: { '200': { what: 'The task.', schema: taskReport } },
  },
  {
    ...{ name: 'cancelTask', method: 'post', path: '/api/tasks/:id/cancel', tag: 'tasks' },
    scopes: ['tasks'],
    summary: 'Ends a task. One that has ended stays as it is.',
    input: taskPath,
    replies: { '200': { what: 'The task as it stands now.', schema: taskReport } },
  },
  {
    ...{ name: 'taskEvents', method: 'get', path: '/api/tasks/:id/events', tag: 'tasks' },
    scopes: SEES,
    summary:
      'Events of a task as they come, from the one after `Last-Event-ID` on, and then its end.',
    input: taskPath,
    headers: { 'Last-Event-ID': 'The id of the last event that was seen.' },
    replies: {
      '200': { what: 'Server-sent events.', schema: taskEvent, stream: true },
      '204': { what: 'All of them were seen, the end too.' },
    },
  },
]

const PROBES: readonly Operation[] = [
  {
    ...{ name: 'live', method: 'get', path: '/live', tag: 'health' },
    summary: 'Answers while the process does.',
    replies: { '200': { what: 'It lives.', schema: probe } },
  },
  {
    ...{ name: 'ready', method: 'get', path: '/ready', tag: 'health' },
    summary: 'Whether the node can work now.',
    replies: {
      '200': { what: 'It can.', schema: probe },
      '503': {
        what: 'It is starting, stopping or unhealthy, or a part that it needs has failed.',
        schema: probe,
      },
    },
  },
  {
    ...{ name: 'getHealth', method: 'get', path: '/health', tag: 'health' },
    summary: 'How the node stands; without a token, its status and version alone.',
    replies: {
      '200': { what: 'Healthy or degraded.', schema: z.union([healthReport, publicHealth]) },
      '503': { what: 'Unhealthy.', schema: z.union([healthReport, publicHealth]) },
    },
  },
  {
    ...{ name: 'metrics', method: 'get', path: '/metrics', tag: 'health', scopes: ['read'] },
    summary: 'Figures for Prometheus.',
    replies: { '200': { what: 'Its text format.', text: true } },
  },
]

/** All that the TCP listener serves, but for the page: probes and tasks first, then the control API. */
export function apiOperations(): Operation[] {
  return [...PROBES, ...TASKS, ...ROUTE_NAMES.flatMap(controlOperation)]
}

function controlOperation(name: RouteName): Operation[] {
  if (SOCKET_ROUTES.has(name)) return []
  const { input, method, output, path, stream } = ROUTES[name]
  return [
    {
      ...{ name, path, input, tag: 'control' },
      method: method === 'GET' ? 'get' : 'post',
      summary: name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`),
      scopes: [READ_ROUTES.has(name) ? 'read' : 'admin'],
      replies: {
        '200': { what: 'The answer.', schema: output, ...(stream === true ? { stream } : {}) },
      },
    },
  ]
}
