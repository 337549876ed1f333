import assert from 'node:assert/strict'
import { SCOPES } from '../../src/node/http/principal.ts'
import { openApiDocument } from '../../src/node/http/openapi.ts'
import {
  TASK_STATES,
  taskEvent,
  taskListQuery,
  taskRequest,
} from '../../src/node/http/tasks/task-routes.ts'
import { COMPONENT_STATES } from '../../src/node/health/health-report.ts'
import { STANDARD_PRESETS } from '../../src/protocol/verbs.ts'
import { code, page, section, tables } from './markdown.ts'

describe('docs/http.md', () => {
  const text = page('docs/http.md')
  const { paths } = openApiDocument() as { paths: Record<string, object> }

  it('has the scopes and the presets of tokens', () => {
    const [scopes = []] = tables(section(text, '## Tokens'))
    assert.deepEqual(
      scopes.map(([scope]) => code(scope)),
      [...SCOPES],
    )
    const said = section(text, '## Tokens')
    for (const preset of STANDARD_PRESETS) assert.ok(said.includes(`\`${preset}\``), preset)
  })

  it('has the paths of probes and tasks as they are served, and no other', () => {
    const probes = (tables(section(text, '## Probes and figures'))[0] ?? []).map(([path]) =>
      code(path),
    )
    const tasks = (tables(section(text, '## Tasks'))[0] ?? []).map(
      ([path]) => code(path).replace('ID', '{id}').split(' ') as [string, string],
    )
    for (const path of probes) assert.ok(paths[path], path)
    for (const [method, path] of tasks) {
      assert.ok(Object.hasOwn(paths[path] ?? {}, method.toLowerCase()), `${method} ${path}`)
    }
    const served = Object.keys(paths).filter((path) => !path.startsWith('/v1'))
    const told = new Set([...probes, ...tasks.map(([, path]) => path)])
    assert.deepEqual(served.sort(), [...told].sort())
  })

  it('has each field, filter, state and event of a task', () => {
    const said = section(text, '## Tasks')
    const words = [
      ...Object.keys(taskRequest.shape),
      ...Object.keys(taskListQuery.shape),
      ...TASK_STATES,
      ...taskEvent.options.map((option) => option.shape.type.value),
    ]
    for (const word of words) assert.ok(said.includes(`\`${word}\``), word)
  })

  it('has each state of a component', () => {
    const said = section(text, '## Probes and figures')
    for (const state of COMPONENT_STATES) {
      assert.ok(said.includes(`\`${state}\``) || said.includes('in `error`'), state)
    }
  })
})
